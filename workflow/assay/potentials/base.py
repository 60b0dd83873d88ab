"""What every potential gives and takes: `Potential.evaluate` from structures to `Result`.

Nothing here imports a model's package: an adapter module hands over functions, this module calls them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.failures import PotentialFailure, near_misses
from assay.potentials.batching import Budget, Prepared, nothing_to_release, one_by_one, packed
from assay.potentials.calculator import EvaluatingCalculator
from assay.potentials.guests import GuestEnergies
from assay.potentials.memory import allocations_within_memory

PROPERTIES = ("energy", "forces", "stress")


@dataclass(frozen=True)
class Result:
    """What a potential says of one structure.

    Attributes
    ----------
    energy_eV : float
        Potential energy of the structure.
    forces_eV_A : ndarray of float64, shape (n, 3), or None
        Forces on the atoms (eV/Å) in the structure's order; None if they were not requested.
    stress_eV_A3 : ndarray of float64, shape (6,), or None
        Stress (eV/Å³) as ase writes it: xx, yy, zz, yz, xz, xy, positive under tension. None if it was not
        requested, if the structure is not periodic in three directions, or if the potential has none.
    charges_e : ndarray of float64, shape (n,), or None
        Partial charges of the atoms (elementary charges); None unless the potential is one of charges and gives them
        along with the energy. No property to be asked for, and no part of what has to be finite.
    """

    energy_eV: float
    forces_eV_A: np.ndarray | None = None
    stress_eV_A3: np.ndarray | None = None
    charges_e: np.ndarray | None = None

    @property
    def finite(self) -> bool:
        """Whether every number of the result is finite."""
        arrays = (self.forces_eV_A, self.stress_eV_A3)
        return math.isfinite(self.energy_eV) and all(array is None or np.isfinite(array).all() for array in arrays)


def require_finite(result: Result, what: str) -> Result:
    """The same result.

    Parameters
    ----------
    result : Result
    what : str
        The structure's name for the message, such as ``displacement 3 of Si``.

    Raises
    ------
    PotentialFailure
        ``non_finite``, naming the first property that is not finite.
    """
    for name, value in (("energy", result.energy_eV), ("forces", result.forces_eV_A), ("stress", result.stress_eV_A3)):
        if value is not None and not np.isfinite(value).all():
            raise PotentialFailure("non_finite", f"{what}: the potential's {name} are not finite numbers.")
    return result


@dataclass
class Potential:
    """A loaded potential, composed of an adapter's functions.

    Not thread-safe: one `Potential` belongs to one thread.

    Attributes
    ----------
    name : str
        The catalogue's name.
    device, dtype : str
        Where the model runs, such as ``cpu`` or ``cuda:0``, and its floating-point type, such as ``float32``.
    conservative : bool
        Whether forces and stress are derivatives of the energy by construction.
    elements : frozenset of str, or None
        Symbols that the potential knows; None if it does not say.
    prepare : callable
        ``prepare(atoms) -> Prepared``: a structure as the model's graph, with its numbers of atoms and edges.
    forward : callable
        ``forward(graphs, properties) -> list of Result``, in order, for a non-empty list of what `prepare` made.
    make_package_calculator : callable
        ``make_package_calculator() -> Calculator``.
    package_calculator_name : str
        Whose calculator that is, such as ``sevenn.calculator.SevenNetCalculator``.
    native : bool
        Whether `forward` takes many structures in one pass of the model.
    budget : Budget
        How much one pass may hold; used where `native`.
    release : callable
        Gives cached device memory back after memory ran out.
    details : dict
        What the loaded model says of itself: ``parameters``, ``cutoff_A``, ``package_version`` and the like.
    prepare_in_host : callable or None
        ``prepare_in_host(host)(guest) -> Prepared``: the graph of host and guest together (the host's atoms first, in
        the host's cell, periodic in three directions), of which the host's part is made once. What it returns for a
        host is handed to `evaluate` as `prepare`. None where the adapter has nothing faster than `prepare`.
    interaction : callable or None
        ``interaction(host, guest)(positions) -> energies``: for additive potentials, the energies (eV, shape (n,)) of
        a rigid `guest` in a fixed periodic `host`, for many positions of its atoms at once (Å, shape (n, m, 3)).
    guests : callable or None
        ``guests(host, guest) -> GuestEnergies``: for additive potentials, energies of any number of guests in a fixed
        periodic `host`, kept up to date from one Monte Carlo move to the next.
    equivariant : bool
        Whether energies do not change, and forces and stress turn, with the structure, by construction.
    extensive : bool
        Whether a supercell of a crystal has the energy of its cells by construction; not so for wave functions that
        are sampled at the same few wave vectors in either.
    tolerances : str
        What the laws are held to, where not to the tolerances of `dtype`: ``self-consistent`` for electronic
        structure, whose sums over wave vectors, images and iterations end somewhere.
    """

    name: str
    device: str
    dtype: str
    conservative: bool
    elements: frozenset[str] | None
    prepare: Callable[[Atoms], Prepared]
    forward: Callable[[list[Any], frozenset[str]], list[Result]]
    make_package_calculator: Callable[[], Calculator]
    package_calculator_name: str
    native: bool
    budget: Budget = field(default_factory=Budget)
    release: Callable[[], None] = nothing_to_release
    details: dict[str, Any] = field(default_factory=dict)
    prepare_in_host: Callable[[Atoms], Callable[[Atoms], Prepared]] | None = None
    interaction: Callable[[Atoms, Atoms], Callable[[np.ndarray], np.ndarray]] | None = None
    guests: Callable[[Atoms, Atoms], GuestEnergies] | None = None
    equivariant: bool = True
    extensive: bool = True
    tolerances: str = ""

    @property
    def batching(self) -> dict[str, Any]:
        """How structures are put together, for the record: mode, budget, its probe, what memory forced upon it."""
        if not self.native:
            return {"mode": "loop"}
        return {"mode": "native", **self.budget.record()}

    def calculator(self) -> Calculator:
        """A fresh ase calculator: through `evaluate` where the package has a batched pass, else the package's own."""
        if not self.native:
            return self.make_package_calculator()
        return EvaluatingCalculator(self.evaluate, self.name)

    def package_calculator(self) -> Calculator:
        """A fresh ase calculator of the package itself, as its documentation tells users to make it."""
        return self.make_package_calculator()

    def evaluate(
        self,
        batch: Sequence[Atoms],
        properties: Iterable[str] = ("energy", "forces"),
        prepare: Callable[[Atoms], Prepared] | None = None,
    ) -> list[Result]:
        """Energies, forces and stresses of many structures of any sizes, in the batch's order.

        Parameters
        ----------
        batch : sequence of Atoms
            Any mixture of molecules, slabs and crystals. Calculators and constraints on them play no part.
        properties : iterable of str
            Of ``energy``, ``forces``, ``stress``. The energy is always given; what is not asked for is not computed.
        prepare : callable, optional
            In place of the potential's own, such as what `prepare_in_host` made for a host: then the batch holds
            guests, and the results are those of host and guest together. The host's elements are not checked here.

        Returns
        -------
        list of Result
            As many as there are structures. Numbers may be non-finite (see `require_finite`).

        Raises
        ------
        PotentialFailure
            ``unsupported_element``, before anything is computed; ``out_of_memory`` if a structure does not even fit
            alone.
        """
        wanted = _wanted(properties)
        structures = list(batch)
        self.require_elements(structures)
        occupied = [atoms for atoms in structures if len(atoms)]
        run = packed if self.native else one_by_one
        with allocations_within_memory() if self.device == "cpu" else nullcontext():
            results = run(
                occupied,
                prepare=prepare or self.prepare,
                forward=lambda graphs: self.forward(graphs, wanted),
                budget=self.budget,
                release=self.release,
                device=self.device,
                name=self.name,
            )
        ordered = iter(results)
        return [_trim(next(ordered) if len(atoms) else _EMPTY, atoms, wanted) for atoms in structures]

    def require_elements(self, structures: Iterable[Atoms]) -> None:
        """Check the elements of all structures.

        Raises
        ------
        PotentialFailure
            ``unsupported_element``, naming the elements, the potential and the structure.
        """
        if self.elements is None:
            return
        for atoms in structures:
            unknown = sorted(set(atoms.symbols) - self.elements)
            if unknown:
                raise PotentialFailure(
                    "unsupported_element",
                    f"{self.name} does not know {', '.join(unknown)}, which is in the structure"
                    f" {atoms.get_chemical_formula()}.",
                )


_EMPTY = Result(0.0, np.zeros((0, 3)), np.zeros(6))


def _wanted(properties: Iterable[str]) -> frozenset[str]:
    wanted = frozenset([properties] if isinstance(properties, str) else properties)
    for unknown in sorted(wanted - set(PROPERTIES)):
        raise ValueError(f"unknown property {unknown!r}{near_misses(unknown, PROPERTIES)}")
    return wanted | {"energy"}


def _trim(result: Result, atoms: Atoms, wanted: frozenset[str]) -> Result:
    """Only what was asked for and has a meaning: no stress without three periodic directions."""
    return Result(
        result.energy_eV,
        result.forces_eV_A if "forces" in wanted else None,
        result.stress_eV_A3 if "stress" in wanted and atoms.pbc.all() else None,
        result.charges_e,
    )
