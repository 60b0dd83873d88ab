"""Corrections that any potential can wear: what an entry's ``corrections`` makes of a loaded potential.

``corrections: {d3: {functional: pbe}}``: London dispersion is added (see `assay.potentials.dispersion`), which
semilocal functionals, and so the potentials that learned from them, lack.

``corrections: {zbl: {main_group: [0.5, 0.7], pairs: {Mg-O: [0.6, 1.0]}}}``: between atoms that nearly touch, the
potential fades out (see `assay.potentials.fading`) and the repulsion of the nuclei fades in (see
`assay.potentials.zbl`). Learned potentials have seen no such atoms, and many attract there.

Where there are both, the dispersion comes first: it completes the functional that the potential stands for, and the
wall stands in for the two of them. Between atoms that nearly touch the dispersion fades out with the potential, as the
repulsion of two nuclei is all of their energy.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials import fading, zbl
from assay.potentials.ase_calculator import from_factory
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared
from assay.potentials.calculator import EvaluatingCalculator
from assay.potentials.close_pairs import MAIN_GROUP, NOBLE_GAS, TRANSITION, Batch, ClosePairs, Radii, close_pairs

if TYPE_CHECKING:
    from assay.potentials.dispersion import Dispersion

log = logging.getLogger("assay")

CORRECTIONS = ("d3", "zbl")
CLASSES = {"main_group": MAIN_GROUP, "transition": TRANSITION, "noble_gas": NOBLE_GAS}
"""Classes of pairs of elements, with the default multiples of their inner and outer radii."""


def corrected(potential: Potential, corrections: Mapping[str, Any], dispersion: str | None = None) -> Potential:
    """The same potential with corrections of energies, forces and stress.

    Passes, budget and everything else stay as they are. The potential's ``details`` tell the corrections in full.

    Parameters
    ----------
    potential : Potential
    corrections : mapping
        Options by the correction's name: ``{"d3": {"functional": "pbe"}, "zbl": {"main_group": [..., ...]}}``.
    dispersion : str, optional
        The catalogue's word on what the potential has learned: unless it is ``none``, D3 counts dispersion twice, and
        there is a warning.

    Raises
    ------
    UserError
        On an unknown correction, an unknown option, a functional without parameters, radii that do not grow, or a
        potential whose energies are sums over guests, of which a correction would be lost.
    PotentialFailure
        ``environment`` if the package that D3 needs is not there.
    """
    where = f"models: {potential.name}.corrections"
    for name in corrections:
        if name not in CORRECTIONS:
            raise UserError(f"{where}.{name}: unknown correction{near_misses(name, CORRECTIONS)}")
    if corrections and potential.interaction is not None:
        raise UserError(f"{where}: a force field of hosts and guests takes no corrections; remove them.")
    told: dict[str, Any] = {}
    if "d3" in corrections:
        d3 = _dispersion(corrections["d3"] or {}, f"{where}.d3", potential.name)
        potential = dispersed(potential, d3)
        told["d3"] = d3.details | {"dispersion_of_the_potential": dispersion}
        if dispersion not in (None, "none"):
            log.warning(
                "%s.d3: the catalogue says `dispersion: %s` of %s, so that dispersion is counted twice",
                where,
                dispersion,
                potential.name,
            )
    if "zbl" in corrections:
        defaults = {name: list(multiples) for name, multiples in CLASSES.items()}
        told["zbl"] = {**defaults, "pairs": {}, **(corrections["zbl"] or {})}
        potential = walled(potential, _radii(told["zbl"], f"{where}.zbl"))
    return replace(potential, details={**potential.details, "corrections": told}) if told else potential


def dispersed(potential: Potential, dispersion: Dispersion) -> Potential:
    """The potential with dispersion, which is evaluated structure by structure after each pass."""
    from assay.potentials.dispersion import ELEMENTS

    def prepare(atoms: Atoms) -> Prepared:
        prepared = potential.prepare(atoms)
        return replace(prepared, graph=(prepared.graph, atoms))

    def prepare_in_host(host: Atoms) -> Callable[[Atoms], Prepared]:
        in_host = potential.prepare_in_host(host)

        def prepare_guest(guest: Atoms) -> Prepared:
            # coordination decides over the coefficients: a guest changes the energies of the host's own pairs
            prepared = in_host(guest)
            return replace(prepared, graph=(prepared.graph, host + guest))

        return prepare_guest

    def forward(graphs: Sequence[tuple[Any, Atoms]], wanted: frozenset[str]) -> list[Result]:
        results = potential.forward([graph for graph, _ in graphs], wanted)
        return [_sum(own, dispersion.evaluate(atoms, wanted)) for own, (_, atoms) in zip(results, graphs, strict=True)]

    def make_package_calculator() -> Calculator:
        package = from_factory({"name": potential.name}, potential.device, potential.make_package_calculator)
        return EvaluatingCalculator(dispersed(package, dispersion).evaluate, potential.name)

    return replace(
        potential,
        elements=ELEMENTS if potential.elements is None else potential.elements & ELEMENTS,
        prepare=prepare,
        forward=forward,
        make_package_calculator=make_package_calculator,
        prepare_in_host=prepare_in_host if potential.prepare_in_host else None,
    )


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


def _sum(own: Result, correction: Result) -> Result:
    """What both have is added up; the rest is None: the potential does not give it, or it was not asked for."""

    def total(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
        return None if one is None or other is None else one + other

    return replace(
        own,
        energy_eV=own.energy_eV + correction.energy_eV,
        forces_eV_A=total(own.forces_eV_A, correction.forces_eV_A),
        stress_eV_A3=total(own.stress_eV_A3, correction.stress_eV_A3),
    )


def _dispersion(options: Mapping[str, Any], where: str, name: str) -> Dispersion:
    try:
        from assay.potentials import dispersion
    except ImportError as error:
        raise PotentialFailure(
            "environment", f"{name}: the package 'dftd3' cannot be imported in this environment: {error}."
        ) from error
    known = [field.name for field in fields(dispersion.Dispersion)]
    for key in options:
        if key not in known:
            raise UserError(f"{where}.{key}: unknown key{near_misses(key, known)}")
    if "functional" not in options:
        raise UserError(f"{where}.functional: missing; name the functional of the training data, such as pbe.")
    damping = options.get("damping", "bj")
    if damping not in dispersion.DAMPINGS:
        raise UserError(f"{where}.damping: unknown damping {damping!r}{near_misses(damping, dispersion.DAMPINGS)}")
    for key in (key for key in options if key.endswith("_A")):
        length = options[key]
        if not isinstance(length, int | float) or not (0 if key == "smoothing_A" else 1) <= length < np.inf:
            raise UserError(f"{where}.{key}: expected a length in Å, got {length!r}.")
    try:
        return dispersion.Dispersion(**options)
    except UserError as error:
        raise UserError(f"{where}.functional: {error}") from error


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
