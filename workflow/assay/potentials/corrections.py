"""Corrections that any potential can wear: what an entry's ``corrections`` makes of a loaded potential.

``corrections: {zbl: {main_group: [0.5, 0.7], pairs: {Mg-O: [0.6, 1.0]}}}``: between atoms that nearly touch, the
potential fades out (see `assay.potentials.fading`) and the repulsion of the nuclei fades in (see
`assay.potentials.zbl`). Learned potentials have seen no such atoms, and many attract there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers

from assay.failures import UserError, near_misses
from assay.potentials import fading, zbl
from assay.potentials.ase_calculator import from_factory
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared
from assay.potentials.calculator import EvaluatingCalculator
from assay.potentials.close_pairs import MAIN_GROUP, NOBLE_GAS, TRANSITION, Batch, ClosePairs, Radii, close_pairs

CORRECTIONS = ("zbl",)
CLASSES = {"main_group": MAIN_GROUP, "transition": TRANSITION, "noble_gas": NOBLE_GAS}
"""Classes of pairs of elements, with the default multiples of their inner and outer radii."""


def corrected(potential: Potential, corrections: Mapping[str, Any]) -> Potential:
    """The same potential with corrections of energies, forces and stress.

    Passes, budget and everything else stay as they are. The potential's ``details`` tell the corrections in full.

    Parameters
    ----------
    potential : Potential
    corrections : mapping
        Options by the correction's name: ``{"zbl": {"main_group": [..., ...], "pairs": {"Mg-O": [..., ...]}}}``.

    Raises
    ------
    UserError
        On an unknown correction, an unknown option, or radii that do not grow.
    """
    where = f"models: {potential.name}.corrections"
    for name in corrections:
        if name not in CORRECTIONS:
            raise UserError(f"{where}.{name}: unknown correction{near_misses(name, CORRECTIONS)}")
    if "zbl" not in corrections:
        return potential
    defaults = {name: list(multiples) for name, multiples in CLASSES.items()}
    options = {**defaults, "pairs": {}, **(corrections["zbl"] or {})}
    hybrid = walled(potential, _radii(options, f"{where}.zbl"))
    return replace(hybrid, details={**potential.details, "corrections": {"zbl": options}})


def walled(potential: Potential, radii: Radii) -> Potential:
    """The potential, which gives way to the repulsion of nuclei between atoms that nearly touch.

    A structure without close pairs keeps the potential's own result, the same object.
    """

    def prepare(atoms: Atoms) -> Prepared:
        pairs = close_pairs(atoms, radii)
        prepared = potential.prepare(atoms if pairs is None else fading.spread(atoms, pairs))
        return replace(prepared, graph=(prepared.graph, pairs))

    def prepare_in_host(host: Atoms) -> Callable[[Atoms], Prepared]:
        untouched = potential.prepare_in_host(host)

        def prepare_guest(guest: Atoms) -> Prepared:
            # where atoms nearly touch they are moved, those of the host as well
            if close_pairs(whole := host + guest, radii) is not None:
                return prepare(whole)
            prepared = untouched(guest)
            return replace(prepared, graph=(prepared.graph, None))

        return prepare_guest

    def forward(graphs: Sequence[tuple[Any, ClosePairs | None]], wanted: frozenset[str]) -> list[Result]:
        close = [place for place, (_, pairs) in enumerate(graphs) if pairs is not None]
        # the stress at the moved atoms becomes that at the true ones by means of the forces; `evaluate` drops them
        needed = wanted | {"forces"} if close and "stress" in wanted else wanted
        results = potential.forward([graph for graph, _ in graphs], needed)
        if not close:
            return results
        results = list(results)
        batch = Batch.of([graphs[place][1] for place in close])
        faded = fading.pulled_back([results[place] for place in close], batch, wanted)
        for place, own, wall in zip(close, faded, zbl.evaluate(batch, wanted), strict=True):
            results[place] = _sum(own, wall)
        return results

    def make_package_calculator() -> Calculator:
        package = from_factory({"name": potential.name}, potential.device, potential.make_package_calculator)
        return EvaluatingCalculator(walled(package, radii).evaluate, potential.name)

    return replace(
        potential,
        prepare=prepare,
        forward=forward,
        make_package_calculator=make_package_calculator,
        prepare_in_host=prepare_in_host if potential.prepare_in_host else None,
    )


def _sum(own: Result, wall: Result) -> Result:
    """What both have is added up; the rest is None: the potential does not give it, or it was not asked for."""

    def total(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
        return None if one is None or other is None else one + other

    return Result(
        own.energy_eV + wall.energy_eV,
        total(own.forces_eV_A, wall.forces_eV_A),
        total(own.stress_eV_A3, wall.stress_eV_A3),
    )


def _radii(options: Mapping[str, Any], where: str) -> Radii:
    known = (*CLASSES, "pairs")
    for key in options:
        if key not in known:
            raise UserError(f"{where}.{key}: unknown key{near_misses(key, known)}")
    classes = {name: _growing(options[name], f"{where}.{name}") for name in CLASSES}
    pairs: dict[tuple[int, int], tuple[float, float]] = {}
    for name, radii in (options["pairs"] or {}).items():
        pair = tuple(sorted(_number(symbol, f"{where}.pairs.{name}") for symbol in str(name).split("-")))
        if len(pair) != 2:
            raise UserError(f"{where}.pairs.{name}: a pair is two elements, such as Mg-O.")
        if pair in pairs:
            raise UserError(f"{where}.pairs.{name}: this pair is there twice; remove one.")
        pairs[pair] = _growing(radii, f"{where}.pairs.{name}")
    return Radii.of(**classes, pairs_A=pairs)


def _number(symbol: str, where: str) -> int:
    if symbol not in atomic_numbers or not atomic_numbers[symbol]:
        raise UserError(f"{where}: {symbol!r} is not an element{near_misses(symbol, atomic_numbers)}")
    return atomic_numbers[symbol]


def _growing(radii: Any, where: str) -> tuple[float, float]:
    try:
        inner, outer = (float(radius) for radius in radii)
    except (TypeError, ValueError):
        inner, outer = np.nan, np.nan
    if not 0 < inner < outer < np.inf:
        raise UserError(f"{where}: expected a number above 0 and then a larger one, got {radii!r}.")
    return inner, outer
