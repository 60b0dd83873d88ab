"""DeePMD-kit: DPA-3 and any other model of its PyTorch backend, evaluated many structures at a time.

Zhang et al., npj Comput. Mater. 10, 293 (2024), doi:10.1038/s41524-024-01493-2 (DPA-2 and models with several heads);
Zhang et al. (2025), doi:10.48550/arXiv.2506.01686 (DPA-3); Zeng et al., J. Chem. Theory Comput. 21, 4375 (2025),
doi:10.1021/acs.jctc.5c00340 (DeePMD-kit 3). Forces and stress are derivatives of the energy, unless the model was
fitted to direct forces.

The package's wheel holds a library of compiled operators for one version of torch and refuses to start with another,
though its models do not need the library. It is told to look for it in an empty folder.
"""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS = {"head"}

VOIGT = (0, 4, 8, 5, 2, 1)
"""Where ase's xx, yy, zz, yz, xz, xy are in a 3 x 3 tensor, row by row."""


def _import_without_operators() -> None:
    """Import the PyTorch backend as on a machine where its library of operators was not built."""
    # threads as torch has them, said outright: the package else advises on every start to say so
    os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    os.environ.setdefault("DP_INTRA_OP_PARALLELISM_THREADS", str(torch.get_num_threads()))
    os.environ.setdefault("DP_INTER_OP_PARALLELISM_THREADS", str(torch.get_num_interop_threads()))
    # one line for each operator that could be a kernel of Triton, which CPUs do not have
    logging.getLogger("torch._library.triton").setLevel(logging.ERROR)
    environment = importlib.import_module("deepmd.env")
    there = environment.SHARED_LIB_DIR
    with tempfile.TemporaryDirectory() as nowhere:
        environment.SHARED_LIB_DIR = Path(nowhere)
        try:
            importlib.import_module("deepmd.pt.cxx_op")
        finally:
            environment.SHARED_LIB_DIR = there


_import_without_operators()

from deepmd.calculator import DP  # noqa: E402
from deepmd.infer import DeepPot  # noqa: E402


@dataclass(frozen=True)
class Frame:
    """A structure as the package takes it.

    Attributes
    ----------
    positions : ndarray, shape (n, 3)
        Å.
    cell : ndarray, shape (3, 3)
        Å, periodic in three directions.
    types : ndarray of int, shape (n,)
        Places of the elements in the model's list.
    charge_spin : tuple of float
        Total charge (e) and spin multiplicity.
    """

    positions: np.ndarray
    cell: np.ndarray
    types: np.ndarray
    charge_spin: tuple[float, float]


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load a local checkpoint (.pt) or frozen model (.pth), ``loader: {head: OMat24}`` for one that has several heads.

    The entry's ``charge`` (0) and ``spin_multiplicity`` (1) matter to models that know both, and hold for structures
    that do not say their own in ``atoms.info["charge"]`` and ``atoms.info["spin"]``.

    Raises
    ------
    UserError
        If the head is missing or unknown, the ``dtype`` is not the model's, or the process already uses another device.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    place = torch_device(device)
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(
            f"models: {name}.checkpoint: DeePMD-kit brings no weights; give {{path: FILE}} or {{url: ...}}."
        )
    _choose_device(name, place)
    pot, head = _read(name, path, loader.get("head"))
    described = pot.deep_eval.get_model_def_script()
    described = described.get("model_dict", {}).get(head, described)
    dtype = "float32" if "float32" in _precisions(described) else "float64"
    if entry.get("dtype", dtype) != dtype:
        raise UserError(f"models: {name}.dtype: this model computes in {dtype}; got {entry['dtype']!r}.")
    charge_spin = (float(entry.get("charge", 0)), float(entry.get("spin_multiplicity", 1)))
    evaluator = Evaluator(pot, charge_spin, energies_alone=path.suffix == ".pt" and not _knows_only_edges(described))
    fitted = str(described.get("fitting_net", {}).get("type", "ener"))
    return Potential(
        name=name,
        device=device,
        dtype=dtype,
        conservative="direct_force" not in fitted,
        elements=declared_elements(entry, frozenset(pot.get_type_map()) & frozenset(chemical_symbols[1:])),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(path, head),
        package_calculator_name="deepmd.calculator.DP",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        details={
            "parameters": sum(values.numel() for values in pot.deep_eval.get_model().parameters()),
            "cutoff_A": float(pot.get_rcut()),
            "neighbour_list_length": int(sum(pot.deep_eval.get_model().get_sel())),
            "descriptor": str(described.get("descriptor", {}).get("type", "")),
            "head": head,
            "charge_aware": bool(pot.has_chg_spin_ebd()),
            "package_version": version("deepmd-kit"),
            "torch_version": torch.__version__,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Frames and passes of one model.

    Attributes
    ----------
    pot : DeepPot
    charge_spin : tuple of float
        Total charge (e) and spin multiplicity of structures that do not say theirs.
    energies_alone : bool
        Whether the model can be asked for atomic energies without their derivatives.
    """

    pot: DeepPot
    charge_spin: tuple[float, float]
    energies_alone: bool

    def prepare(self, atoms: Atoms) -> Prepared:
        """Positions, cell and types; neighbours are found during the pass, in lists of one length for all atoms."""
        cutoff_A = float(self.pot.get_rcut())
        positions, cell = boxed(atoms, cutoff_A)
        places = {symbol: place for place, symbol in enumerate(self.pot.get_type_map())}
        charge, spin = self.charge_spin
        frame = Frame(
            positions=positions.copy(),
            cell=cell.copy(),
            types=np.array([places[symbol] for symbol in atoms.symbols]),
            charge_spin=(float(atoms.info.get("charge", charge)), float(atoms.info.get("spin", spin))),
        )
        neighbours = sum(self.pot.deep_eval.get_model().get_sel())
        return Prepared(frame, atoms=len(atoms), edges=len(atoms) * int(neighbours))

    def forward(self, frames: Sequence[Frame], wanted: frozenset[str]) -> list[Result]:
        """One pass for all structures of each number of atoms."""
        groups: dict[int, list[int]] = {}
        for place, frame in enumerate(frames):
            groups.setdefault(len(frame.types), []).append(place)
        alone = wanted == {"energy"} and self.energies_alone
        results: dict[int, Result] = {}
        for places in groups.values():
            group = [frames[place] for place in places]
            results.update(zip(places, self.energies(group) if alone else self.derivatives(group), strict=True))
        return [results[place] for place in range(len(frames))]

    def derivatives(self, frames: Sequence[Frame]) -> list[Result]:
        """Energies, forces and stresses of structures of one size."""
        energies, forces, virials = self.pot.eval(
            np.stack([frame.positions for frame in frames]),
            np.stack([frame.cell.ravel() for frame in frames]),
            np.stack([frame.types for frame in frames]),
            mixed_type=True,
            charge_spin=self._charges_and_spins(frames),
        )[:3]
        tensors = virials.reshape(-1, 3, 3)
        volumes = np.abs(np.linalg.det([frame.cell for frame in frames]))
        stresses = -(tensors + tensors.transpose(0, 2, 1)) / 2 / volumes[:, None, None]
        return [
            Result(float(energy[0]), force.astype(float), stress.ravel()[list(VOIGT)].astype(float))
            for energy, force, stress in zip(energies, forces, stresses, strict=True)
        ]

    def energies(self, frames: Sequence[Frame]) -> list[Result]:
        """Energies of structures of one size, by the package's neighbour lists and atomic model, without gradients."""
        from deepmd.pt_expt.utils.vesin_neighbor_list import VesinNeighborList

        model = self.pot.deep_eval.get_model()
        place = next(model.parameters()).device
        coordinates = torch.tensor(np.stack([frame.positions for frame in frames]), device=place)
        cells = torch.tensor(np.stack([frame.cell for frame in frames]), device=place)
        types = torch.tensor(np.stack([frame.types for frame in frames]), device=place)
        charges = self._charges_and_spins(frames)
        with torch.no_grad():
            extended, kinds, neighbours, mapping = VesinNeighborList().build(
                coordinates, types, cells, model.get_rcut(), list(model.get_sel())
            )
            neighbours = model.format_nlist(extended, kinds, neighbours)
            atomic = model.atomic_model.forward_common_atomic(
                extended,
                kinds,
                neighbours,
                mapping=mapping,
                charge_spin=None if charges is None else torch.tensor(charges, device=place),
            )["energy"]
        return [Result(float(energy)) for energy in atomic.double().sum(dim=(1, 2)).cpu()]

    def _charges_and_spins(self, frames: Sequence[Frame]) -> np.ndarray | None:
        if not self.pot.has_chg_spin_ebd():
            return None
        return np.array([frame.charge_spin for frame in frames])


def _choose_device(name: str, place: torch.device) -> None:
    """The package takes its device from the environment when its PyTorch backend is first imported."""
    os.environ["DEVICE"] = place.type
    os.environ["LOCAL_RANK"] = str(place.index or 0)
    chosen = importlib.import_module("deepmd.pt.utils.env").DEVICE
    if (chosen.type, chosen.index or 0) != (place.type, place.index or 0):
        raise UserError(f"models: {name}: DeePMD-kit uses {chosen} in this process already; start another for {place}.")


def _read(name: str, path: Path, head: str | None) -> tuple[DeepPot, str | None]:
    """The model, and the name of its head if it has several."""
    if path.suffix not in (".pt", ".pth"):
        raise PotentialFailure("checkpoint", f"{name}: {path} is no model of the PyTorch backend (.pt or .pth).")
    try:
        heads = _heads(path) if path.suffix == ".pt" else {}
        if not heads and head:
            raise UserError(f"models: {name}.loader.head: this model has a single head; leave it out.")
        if heads and head not in heads:
            problem = f"unknown head {head!r}" if head else "the model has several heads, choose one"
            raise UserError(f"models: {name}.loader.head: {problem}{near_misses(str(head), heads)}")
        chosen = heads.get(head) if head else None
        return DeepPot(str(path), auto_batch_size=False, head=chosen, no_jit=True), chosen
    except UserError:
        raise
    except Exception as error:
        # torch, pickle and deepmd each have their own exceptions for a file that is not a checkpoint
        text = " ".join(str(error).split())[:300]
        raise PotentialFailure(
            "checkpoint", f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {text})."
        ) from error


def _heads(path: Path) -> dict[str, str]:
    """Heads of a checkpoint by their names and aliases; empty if it has one model only."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    branches = state.get("model", state)["_extra_state"]["model_params"].get("model_dict", {})
    aliases = {alias: key for key, each in branches.items() for alias in each.get("model_branch_alias", [])}
    return {**aliases, **{key: key for key in branches}}


def _precisions(described: Any) -> set[str]:
    """All precisions that a description of a model names."""
    if not isinstance(described, Mapping):
        return set()
    nested = [_precisions(value) for value in described.values()]
    return {str(described["precision"])}.union(*nested) if "precision" in described else set().union(*nested)


def _knows_only_edges(described: Mapping[str, Any]) -> bool:
    """Whether the model (DPA-4) takes edges in place of lists of neighbours."""
    kinds = {str(described.get("type", "")), str(described.get("descriptor", {}).get("type", ""))}
    return not kinds.isdisjoint({"sezm", "dpa4", "sezm_spin"})


def _calculator(path: Path, head: str | None) -> Calculator:
    return DP(model=path, head=head)
