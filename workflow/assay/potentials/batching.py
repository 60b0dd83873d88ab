"""How structures are packed into passes of a model: the budget, what fills it, and what happens when memory ends.

A pass costs time and memory for its atoms and, mostly, for its edges (pairs within the cutoff). Two budgets are known:
that of condensed matter with `edges_per_atom` edges, and that of sparse systems with next to none, such as dimers in a
large box. Both are sizes of a full pass, so atoms and edges of a structure take up a share of it that is linear in
both and agrees with the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.failures import PotentialFailure
from assay.potentials.memory import available_MB, is_out_of_memory

ROUNDING = 1e-9
"""So that shares that add up to a full pass do, whatever their rounding."""

MEMORY_SHARE = 0.5
"""Part of the free memory of the machine that one pass on a CPU may plan to use: others live there too."""


def nothing_to_release() -> None:
    """For potentials that keep no cache of device memory."""


@dataclass(frozen=True)
class Prepared:
    """A structure as a model takes it.

    Attributes
    ----------
    graph : object
        The adapter's own.
    atoms, edges : int
        Numbers of atoms and of directed edges, which set what the structure costs.
    """

    graph: Any
    atoms: int
    edges: int


@dataclass
class Budget:
    """How much one pass of a model may hold on a device.

    Attributes
    ----------
    atoms_per_pass : int
        Atoms of condensed matter in a full pass.
    sparse_atoms_per_pass : int
        Atoms without edges in a full pass; at least `atoms_per_pass`.
    edges_per_atom : float
        Directed edges per atom in the condensed matter that `atoms_per_pass` is about.
    MB_per_atom : float
        Host memory that a condensed atom takes up in a pass.
    source : str
        ``probe``, ``entry`` (the catalogue fixes it) or ``default``.
    probe : list of dict
        What the probe measured.
    probe_s : float
        What the probe cost.
    halvings : list of dict
        Each time that memory ran out: the size of the pass, and the budget afterwards.
    memory_caps : int
        How many passes were made smaller than the budget because the host's free memory asked for it.
    passes, structures, largest_pass_atoms : int
        What was evaluated so far.
    """

    atoms_per_pass: int = 64
    sparse_atoms_per_pass: int = 1024
    edges_per_atom: float = 50.0
    MB_per_atom: float = 10.0
    source: str = "default"
    probe: list[dict[str, Any]] = field(default_factory=list)
    probe_s: float = 0.0
    halvings: list[dict[str, Any]] = field(default_factory=list)
    memory_caps: int = 0
    passes: int = 0
    structures: int = 0
    largest_pass_atoms: int = 0

    def share(self, atoms: int, edges: int) -> float:
        """The share of a full pass that so many atoms and directed edges take up."""
        per_atom = 1 / self.sparse_atoms_per_pass
        per_edge = (1 / self.atoms_per_pass - per_atom) / max(self.edges_per_atom, 1.0)
        return atoms * per_atom + edges * max(per_edge, 0.0)

    def room(self, free_MB: float | None) -> float:
        """The share of a full pass (at most 1) that a host with `free_MB` of free memory can hold."""
        if free_MB is None:
            return 1.0
        return min(1.0, MEMORY_SHARE * free_MB / (self.MB_per_atom * self.atoms_per_pass))

    def lower(self, share: float) -> None:
        """Make half of what took up `share` of a pass the new full pass."""
        factor = min(1.0, share / 2)
        self.atoms_per_pass = max(1, int(self.atoms_per_pass * factor))
        self.sparse_atoms_per_pass = max(self.atoms_per_pass, int(self.sparse_atoms_per_pass * factor))

    def record(self) -> dict[str, Any]:
        """The budget as plain values."""
        return asdict(self)


def one_by_one(
    structures: Iterable[Any],
    *,
    prepare: Callable[[Any], Prepared],
    forward: Callable[[list[Any]], list[Any]],
    budget: Budget,
    release: Callable[[], None],
    device: str,
    name: str,
) -> list[Any]:
    """Evaluate each structure in a pass of its own. Parameters as of `packed`."""
    run = _Passes(forward, budget, release, device, name)
    return [result for atoms in structures for result in run.evaluate([run.prepare(prepare, atoms)])]


def packed(
    structures: Iterable[Any],
    *,
    prepare: Callable[[Any], Prepared],
    forward: Callable[[list[Any]], list[Any]],
    budget: Budget,
    release: Callable[[], None],
    device: str,
    name: str,
) -> list[Any]:
    """Evaluate structures in passes that fill the budget, in their order.

    Structures are prepared one after the other and a pass starts when the next one would not fit into it, so that
    no more graphs are in memory than one pass needs.

    Parameters
    ----------
    structures : iterable of Atoms
    prepare : callable
        Structure -> `Prepared`.
    forward : callable
        List of graphs -> list of results.
    budget : Budget
        Kept up to date: lowered where memory runs out, counters counted.
    release : callable
        Gives cached memory back before a smaller pass is tried.
    device : str
        ``cpu`` means that passes share the host's memory.
    name : str
        The potential, for messages.

    Raises
    ------
    PotentialFailure
        ``out_of_memory`` if a structure does not fit alone.
    """
    run = _Passes(forward, budget, release, device, name)
    results: list[Any] = []
    waiting: list[Prepared] = []
    filled = 0.0
    room = run.room()
    for atoms in structures:
        prepared = run.prepare(prepare, atoms)
        share = budget.share(prepared.atoms, prepared.edges)
        if waiting and filled + share > room + ROUNDING:
            budget.memory_caps += filled + share <= 1.0 + ROUNDING
            results += run.evaluate(waiting)
            waiting, filled = [], 0.0
            room = run.room()
            share = budget.share(prepared.atoms, prepared.edges)
        waiting.append(prepared)
        filled += share
    if waiting:
        results += run.evaluate(waiting)
    return results


@dataclass(frozen=True)
class _Passes:
    """Single passes, halved where memory runs out."""

    forward: Callable[[list[Any]], list[Any]]
    budget: Budget
    release: Callable[[], None]
    device: str
    name: str

    def room(self) -> float:
        return self.budget.room(available_MB()) if self.device == "cpu" else 1.0

    def prepare(self, prepare: Callable[[Any], Prepared], atoms: Any) -> Prepared:
        try:
            return prepare(atoms)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        raise self._does_not_fit(len(atoms))

    def evaluate(self, items: list[Prepared]) -> list[Any]:
        """Results of items that fill at most one pass by the budget, in more passes if memory turns out smaller."""
        results: list[Any] = []
        count = len(items)
        while len(results) < len(items):
            chosen = items[len(results) : len(results) + count]
            outcome = self._try(chosen)
            if outcome is not None:
                results += outcome
                continue
            # here the exception and its traceback are gone, which held the failed pass's arrays
            self.release()
            if len(chosen) == 1:
                raise self._does_not_fit(chosen[0].atoms)
            count = (len(chosen) + 1) // 2
        return results

    def _try(self, items: list[Prepared]) -> list[Any] | None:
        """One pass, or None and a lower budget if memory ran out."""
        atoms, edges = sum(item.atoms for item in items), sum(item.edges for item in items)
        try:
            results = self.forward([item.graph for item in items])
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if len(items) > 1:
                self.budget.lower(self.budget.share(atoms, edges))
                self.budget.halvings.append(
                    {
                        "structures": len(items),
                        "atoms": atoms,
                        "atoms_per_pass": self.budget.atoms_per_pass,
                        "sparse_atoms_per_pass": self.budget.sparse_atoms_per_pass,
                        "message": " ".join(str(error).split())[:200],
                    }
                )
            return None
        if len(results) != len(items):
            raise RuntimeError(f"{self.name} gave {len(results)} results for {len(items)} structures")
        self.budget.passes += 1
        self.budget.structures += len(items)
        self.budget.largest_pass_atoms = max(self.budget.largest_pass_atoms, atoms)
        return results

    def _does_not_fit(self, atoms: int) -> PotentialFailure:
        return PotentialFailure(
            "out_of_memory",
            f"{self.name}: a structure of {atoms} atoms does not fit into the memory of {self.device} even alone.",
        )
