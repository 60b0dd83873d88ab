"""Any ase calculator as a potential: structures are evaluated in a loop.

An entry ``package: ase`` names a factory, ``loader: {calculator: "module:factory", arguments: {...}, path: FOLDER}``.
The module may be installed in the environment, lie in the working directory, or in the folder `path`. An argument
``"{checkpoint}"`` stands for the file of the entry's weights.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS = {"calculator", "arguments", "path"}

CHECKPOINT = "{checkpoint}"
"""The argument of a factory in whose place the file of the weights is given."""


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load the calculator that the entry's loader names.

    The factory is called with the loader's `arguments`, and with ``device=...`` if it has a parameter of that name
    which `arguments` does not set.

    Raises
    ------
    UserError
        If `calculator` is not of the form ``module:factory``, the module has no such factory, or the factory does not
        take these arguments.
    PotentialFailure
        ``environment`` if the module or what the factory needs cannot be imported, ``checkpoint`` if the weights are
        missing, ``error`` if the factory raises anything else or makes what is no ase calculator.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    target = loader.get("calculator", "")
    factory = find_factory(name, target, loader.get("path"))
    weights = checkpoint_path(entry)
    arguments = dict(loader.get("arguments") or {})
    for key in [key for key, value in arguments.items() if value == CHECKPOINT]:
        if weights is None:
            raise UserError(f"models: {name}.loader.arguments.{key}: {CHECKPOINT} needs a checkpoint that is a file.")
        arguments[key] = str(weights)
    parameters = _parameters(factory)
    if "device" not in arguments and parameters and "device" in parameters.parameters:
        arguments["device"] = device
    try:
        if parameters:
            parameters.bind(**arguments)
    except TypeError as error:
        raise UserError(f"models: {name}.loader.arguments: {target} does not take these: {error}.") from error
    return from_factory(entry, device, lambda: _made(name, target, factory, arguments))


def _made(name: str, target: str, factory: Callable[..., Calculator], arguments: Mapping[str, Any]) -> Calculator:
    """What the factory makes; one sentence about what it raises."""
    try:
        calculator = factory(**arguments)
    except (PotentialFailure, UserError, MemoryError):
        raise
    except Exception as error:
        # the packages behind factories each have their own exceptions, for weights, licences and devices
        reason = "environment" if isinstance(error, ImportError) else "error"
        text = " ".join(str(error).split())
        raise PotentialFailure(reason, f"{name}: {target} raised {type(error).__name__}: {text}") from error
    if not callable(getattr(calculator, "get_property", None)):
        raise PotentialFailure(
            "error", f"{name}: {target} made an object of type {type(calculator).__name__}, which is no ase calculator."
        )
    return calculator


def from_factory(
    entry: Mapping[str, Any],
    device: str,
    factory: Callable[[], Calculator],
    *,
    elements: frozenset[str] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Potential:
    """A `Potential` that loops over the structures with a calculator made by `factory`."""
    calculator = factory()
    return Potential(
        name=entry["name"],
        device=device,
        dtype=entry.get("dtype", "float64"),
        conservative=entry.get("forces", "conservative") == "conservative",
        elements=declared_elements(entry, elements),
        prepare=lambda atoms: Prepared(atoms, atoms=len(atoms), edges=0),
        forward=lambda graphs, wanted: [evaluate_with(calculator, atoms, wanted) for atoms in graphs],
        make_package_calculator=factory,
        package_calculator_name=f"{type(calculator).__module__}.{type(calculator).__qualname__}",
        native=False,
        details=dict(details or {}),
    )


def evaluate_with(calculator: Calculator, atoms: Atoms, wanted: frozenset[str]) -> Result:
    """One structure through an ase calculator; a stress that the calculator does not implement is None.

    Charges are those that the calculator finds on the way: nothing is computed for them. The structure is copied: its
    own calculator, results and constraints are neither used nor changed.
    """
    atoms = atoms.copy()
    atoms.set_constraint()
    atoms.calc = calculator
    energy = float(atoms.get_potential_energy())
    forces = np.array(atoms.get_forces(), dtype=float) if "forces" in wanted else None
    stress = None
    if "stress" in wanted and atoms.pbc.all():
        try:
            stress = np.array(atoms.get_stress(voigt=True), dtype=float)
        except PropertyNotImplementedError:
            stress = None
    charges = getattr(calculator, "results", {}).get("charges")
    return Result(energy, forces, stress, None if charges is None else np.array(charges, dtype=float))


def find_factory(name: str, target: str, folder: str | None = None) -> Callable[..., Calculator]:
    """The callable that ``module:factory`` names, looked for in `folder`, the working directory and the environment."""
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute):
        raise UserError(
            f"models: {name}.loader.calculator: expected 'module:factory', such as 'ase.calculators.emt:EMT';"
            f" got {target!r}."
        )
    for place in [str(Path.cwd()), *([str(Path(folder).expanduser().resolve())] if folder else [])]:
        if place not in sys.path:
            sys.path.insert(0, place)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise PotentialFailure(
            "environment",
            f"{name}: the module {module_name!r} of loader.calculator cannot be imported ({error});"
            " install it in the environment or give its folder as loader.path.",
        ) from error
    if not callable(getattr(module, attribute, None)):
        public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UserError(
            f"models: {name}.loader.calculator: the module {module_name!r} has no factory"
            f" {attribute!r}{near_misses(attribute, public)}"
        )
    return getattr(module, attribute)


def _parameters(factory: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(factory)
    except (TypeError, ValueError):
        return None
