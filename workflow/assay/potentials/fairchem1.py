"""Models of fairchem 1 (eSEN of OMat24, EquiformerV2, GemNet-OC), evaluated many structures at a time.

eSEN: Fu et al., arXiv:2502.12147 (2025), doi:10.48550/arXiv.2502.12147; EquiformerV2 on OMat24: Barroso-Luque et
al., arXiv:2410.12771 (2024), doi:10.48550/arXiv.2410.12771; GemNet-OC: Gasteiger et al., arXiv:2204.02782 (2022),
doi:10.48550/arXiv.2204.02782. Whether forces are derivatives of the energy is up to the checkpoint.

The package's calculator builds the model and its trainer from a checkpoint; structures go through that trainer in
batches. It computes all outputs of the checkpoint whatever is asked for.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from fairchem.core import OCPCalculator
from fairchem.core.datasets import data_list_collater
from matscipy.neighbours import neighbour_list

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS: set[str] = set()

COMPANION = Atoms("H2", positions=[(0, 0, 0), (0.74, 0, 0)])
"""Two atoms that see each other in any network."""

ASE_VOIGT = (0, 4, 8, 5, 2, 1)
"""Where ase's xx, yy, zz, yz, xz, xy are in a flattened tensor."""


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load a checkpoint; `loader` takes no keys.

    Raises
    ------
    UserError
        If there is a key, the entry names no file of weights, or the device is a GPU other than the first.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read.
    """
    name = entry["name"]
    loader_options(entry, LOADER_KEYS)
    if entry.get("dtype", "float32") != "float32":
        raise UserError(f"models: {name}.dtype: fairchem 1 computes in float32; got {entry['dtype']!r}.")
    place = torch_device(device)
    if place.index:
        raise UserError(f"device {device!r}: fairchem 1 uses the first GPU; choose one by CUDA_VISIBLE_DEVICES.")
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: the package brings no weights; give a path, url or hub.")
    calculator = _read(name, path, place)
    model = calculator.trainer._unwrapped_model
    model.requires_grad_(False)
    network = getattr(model, "backbone", model)
    evaluator = Evaluator(calculator, float(network.cutoff), int(network.max_neighbors))
    return Potential(
        name=name,
        device=device,
        dtype="float32",
        # networks without this attribute have no other than direct forces
        conservative=not getattr(network, "direct_forces", True),
        elements=declared_elements(entry, frozenset(chemical_symbols[1 : _heaviest(network) + 1])),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _read(name, path, place),
        package_calculator_name="fairchem.core.OCPCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        # EquiformerV2 applies its activations on a grid of points of the sphere, which no rotation leaves as it is
        equivariant="Equiformer" not in type(network).__name__,
        details={
            "architecture": type(network).__name__,
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": evaluator.cutoff_A,
            "neighbour_limit": evaluator.neighbour_limit,
            "package_version": version("fairchem-core"),
            "torch_version": torch.__version__,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    calculator : OCPCalculator
        The package's calculator with its trainer and the conversion of structures.
    cutoff_A : float
    neighbour_limit : int
        How many neighbours of an atom count.
    """

    calculator: OCPCalculator
    cutoff_A: float
    neighbour_limit: int

    def prepare(self, atoms: Atoms) -> Prepared:
        """The package's record of a structure, in a cell periodic in three directions; its pass finds the edges."""
        positions, cell = boxed(atoms, self.cutoff_A)
        periodic = Atoms(atoms.numbers, positions=positions, cell=cell, pbc=True)
        periodic.wrap()
        centre = neighbour_list("i", periodic, self.cutoff_A)
        neighbours = np.minimum(np.bincount(centre, minlength=len(atoms)), self.neighbour_limit)
        edges = int(neighbours.sum())
        return Prepared((self.calculator.a2g.convert(periodic), edges), atoms=len(atoms), edges=edges)

    def forward(self, graphs: Sequence[Any], wanted: frozenset[str]) -> list[Result]:
        """One pass of the package's trainer over all structures.

        The networks fail, or say something else, where a pass or its last structure has no edge: a companion that has
        some then comes last.
        """
        members = [data for data, _ in graphs]
        if not all(edges for _, edges in graphs):
            members.append(self.prepare(COMPANION).graph[0])
        batch = data_list_collater([data.clone() for data in members], otf_graph=True)
        with quiet():
            answers = self.calculator.trainer.predict(batch, per_image=False, disable_tqdm=True)
        found = {key: _numpy(answers[key]) for key in wanted if key in answers}
        missing = [None] * len(members)
        ends = np.cumsum([int(data.natoms) for data in members])
        forces = np.split(found["forces"].reshape(-1, 3), ends[:-1]) if "forces" in found else missing
        stresses = found["stress"].reshape(-1, 9)[:, ASE_VOIGT] if "stress" in found else missing
        results = [
            Result(float(energy), *rest)
            for energy, *rest in zip(found["energy"].reshape(-1), forces, stresses, strict=True)
        ]
        return results[: len(graphs)]


@contextmanager
def quiet() -> Iterator[None]:
    """Without the package's remarks on its settings, which it writes as warnings; errors are heard."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def whole_pickles() -> Iterator[None]:
    """Let torch read files with more than weights, which this package's are and it does not say so to torch."""
    key = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(key)
    os.environ[key] = "1"
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=f"Environment variable {key}")
            yield
    finally:
        if before is None:
            del os.environ[key]
        else:
            os.environ[key] = before


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _heaviest(network: torch.nn.Module) -> int:
    """The largest atomic number that a network has an embedding of; GemNet's have none for zero."""
    if hasattr(network, "max_num_elements"):
        return int(network.max_num_elements) - 1
    return int(network.atom_emb.embeddings.num_embeddings)


def _read(name: str, path: Path, place: torch.device) -> OCPCalculator:
    try:
        with quiet(), whole_pickles():
            return OCPCalculator(checkpoint_path=path, cpu=place.type == "cpu", seed=0)
    except Exception as error:
        # torch, pickle and the package each have their own exceptions for a file that is not a checkpoint
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error
