"""How much one pass of a model should hold on a device, found by a short measurement.

A batch is not always faster. On a CPU, a pass of many condensed atoms falls out of the caches and costs several times
more per atom than the same structures one by one, while hundreds of dimers in one pass cost little more than one; a
GPU is idle below some ten thousand atoms. So passes of growing size are timed, of a small crystal and of a dimer in a
large box, and the smallest size that is nearly as fast per atom as the fastest is the budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii, reference_states

from assay.potentials.batching import Budget, Prepared, is_out_of_memory
from assay.potentials.memory import available_MB, peak_MB, reset_peak, resident_MB

if TYPE_CHECKING:
    from assay.potentials.base import Potential

NEARLY_AS_FAST = 1.10
"""A smaller pass within this factor of the best time per atom is preferred: it needs less memory."""

PREFERRED_ELEMENTS = ("Si", "Cu", "Al", "Fe", "Mg", "C")
CRYSTALS = ("diamond", "fcc", "bcc", "hcp")


@dataclass(frozen=True)
class Plan:
    """What to try on a kind of device.

    Attributes
    ----------
    repeat : int
        Repeats of the crystal's conventional cell along each axis in one structure of the probe.
    growth, sparse_growth : int
        Ratios of the sizes of successive passes, of crystals and of dimers.
    seconds, sparse_seconds : float
        Time for the crystal and for the dimers.
    largest_atoms : int
        No pass is larger.
    default_atoms, default_sparse_atoms : int
        The budget if nothing is measured.
    """

    repeat: int
    growth: int
    sparse_growth: int
    seconds: float
    sparse_seconds: float
    largest_atoms: int
    default_atoms: int
    default_sparse_atoms: int


PLANS = {
    "cpu": Plan(1, 2, 4, 1.6, 2.0, 1024, 64, 1024),
    "cuda": Plan(2, 4, 8, 8.0, 4.0, 65536, 4096, 32768),
}

PROPERTIES = frozenset({"energy", "forces", "stress"})


def choose_budget(potential: Potential, *, fixed_atoms: int | None = None, measure: bool = True) -> Budget:
    """The budget of a natively batched potential.

    Parameters
    ----------
    potential : Potential
    fixed_atoms : int, optional
        Condensed atoms per pass as the catalogue fixes them: nothing is measured.
    measure : bool
        Whether to measure, if nothing is fixed.

    Raises
    ------
    PotentialFailure, Exception
        What the model raises on a crystal of its own elements, other than running out of memory.
    """
    plan = PLANS[potential.device.partition(":")[0]]
    if fixed_atoms is not None:
        sparse = fixed_atoms * plan.default_sparse_atoms // plan.default_atoms
        return Budget(atoms_per_pass=fixed_atoms, sparse_atoms_per_pass=sparse, source="entry")
    if not measure:
        return Budget(atoms_per_pass=plan.default_atoms, sparse_atoms_per_pass=plan.default_sparse_atoms)
    return _measure(potential, plan)


def probe_crystal(elements: frozenset[str] | None) -> Atoms:
    """A small crystal (conventional cell) of an element that the potential knows, as dense as in nature."""
    known = frozenset(PREFERRED_ELEMENTS) if elements is None else elements
    others = sorted(known - set(PREFERRED_ELEMENTS), key=lambda symbol: atomic_numbers[symbol])
    for symbol in [*(symbol for symbol in PREFERRED_ELEMENTS if symbol in known), *others]:
        state = reference_states[atomic_numbers[symbol]]
        if state and state["symmetry"] in CRYSTALS:
            cubic = state["symmetry"] != "hcp"
            return bulk(symbol, cubic=cubic)
    # molecular elements only: a simple cubic lattice with their bond length
    spacing = 2 * covalent_radii[atomic_numbers[others[0]]]
    return Atoms(others[0], cell=[spacing] * 3, pbc=True) * (2, 2, 2)


def probe_dimer(symbol: str) -> Atoms:
    """A dimer in a periodic cube of 25 Å, at 2.4 covalent radii."""
    distance = 2.4 * covalent_radii[atomic_numbers[symbol]]
    return Atoms([symbol] * 2, positions=[(0, 0, 0), (distance, 0, 0)], cell=[25.0] * 3, pbc=True)


def fastest_small(sizes: list[int], seconds_per_atom: list[float]) -> int:
    """The smallest size that is nearly as fast per atom as the fastest."""
    best = min(seconds_per_atom)
    return min(size for size, cost in zip(sizes, seconds_per_atom, strict=True) if cost <= best * NEARLY_AS_FAST)


def _measure(potential: Potential, plan: Plan) -> Budget:
    start = time.perf_counter()
    crystal = probe_crystal(potential.elements).repeat(plan.repeat)
    # off the symmetric positions, so that the graph is an ordinary one
    crystal.positions += np.random.default_rng(0).normal(0.0, 0.02, crystal.positions.shape)
    dense = potential.prepare(crystal)
    sparse = potential.prepare(probe_dimer(crystal.symbols[0]))
    run = _runner(potential)
    resident = resident_MB() if reset_peak() else None
    run(dense, 1)
    dense_log = _grow(run, dense, plan, plan.growth, plan.seconds, potential.release)
    MB_per_atom = _memory_per_atom(resident, dense_log)
    run(sparse, 1)
    sparse_log = _grow(run, sparse, plan, plan.sparse_growth, plan.sparse_seconds, potential.release)
    atoms = _best(dense_log, dense.atoms)
    return Budget(
        atoms_per_pass=atoms,
        sparse_atoms_per_pass=max(atoms, _best(sparse_log, sparse.atoms)),
        edges_per_atom=dense.edges / dense.atoms,
        MB_per_atom=MB_per_atom,
        source="probe",
        probe=[
            *({"system": crystal.get_chemical_formula(), **line} for line in dense_log),
            *({"system": f"{crystal.symbols[0]} dimers", **line} for line in sparse_log),
        ],
        probe_s=round(time.perf_counter() - start, 3),
    )


def _runner(potential: Potential) -> Callable[[Prepared, int], float]:
    def run(prepared: Prepared, count: int) -> float:
        start = time.perf_counter()
        # the results are on the host, so the device has finished when the call returns
        potential.forward([prepared.graph] * count, PROPERTIES)
        return time.perf_counter() - start

    return run


def _grow(
    run: Callable[[Prepared, int], float],
    item: Prepared,
    plan: Plan,
    growth: int,
    seconds: float,
    release: Callable[[], None],
) -> list[dict]:
    """Time passes of growing size until they cost more per atom twice in a row, or time, memory or sizes end."""
    log: list[dict] = []
    end = time.perf_counter() + seconds
    count, worse, best, before = 1, 0, float("inf"), 0.0
    free_MB = available_MB() if plan is PLANS["cpu"] else None
    while count * item.atoms <= plan.largest_atoms and worse < 2:
        try:
            # the first call of a size may compile kernels for it
            spent = [run(item, count)]
            if time.perf_counter() + spent[0] < end:
                spent.append(run(item, count))
        except Exception as error:
            if not is_out_of_memory(error) or count == 1:
                raise
            log.append({"structures": count, "atoms": count * item.atoms, "ms_per_atom": None})
            break
        finally:
            release()
        shortest = min(spent)
        cost = shortest / (count * item.atoms)
        log.append({"structures": count, "atoms": count * item.atoms, "ms_per_atom": round(cost * 1e3, 4)})
        worse = worse + 1 if cost > best * 0.97 else 0
        best = min(best, cost)
        # a pass costs an overhead and a time per atom: the next is as much longer as this one was, times the growth
        if time.perf_counter() + shortest + growth * max(0.0, shortest - before) > end:
            break
        if free_MB is not None and growth * count * item.atoms * Budget.MB_per_atom > free_MB / 4:
            break
        before = shortest
        count *= growth
    return log


def _best(log: list[dict], atoms_of_one: int) -> int:
    timed = [line for line in log if line["ms_per_atom"] is not None]
    return max(atoms_of_one, fastest_small([line["atoms"] for line in timed], [line["ms_per_atom"] for line in timed]))


def _memory_per_atom(resident: float | None, log: list[dict]) -> float:
    """Host memory per atom (MB) of the largest pass, never less than half of the cautious default."""
    peak = peak_MB()
    if resident is None or peak is None:
        return Budget.MB_per_atom
    largest = max(line["atoms"] for line in log)
    return round(max((peak - resident) / largest, Budget.MB_per_atom / 2), 2)
