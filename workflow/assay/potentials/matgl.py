"""M3GNet, TensorNet and CHGNet as MatGL implements them, evaluated many structures at a time.

Ko et al., npj Comput. Mater. 11, 253 (2025), doi:10.1038/s41524-025-01742-y. A model is a folder of three files.
Forces and stress are derivatives of the energy. MatGL gives stresses in GPa, here they are in eV/Å³.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matgl
import numpy as np
import torch
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.stress import full_3x3_to_voigt_6_stress
from matgl.apps.pes import Potential as MatglPotential
from matgl.ext.ase import PESCalculator
from matscipy.neighbours import neighbour_list
from torch_geometric.data import Batch, Data

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS = {"state"}
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Graph:
    """A structure as the package takes it, and its cell (Å, vectors as rows, shape (3, 3))."""

    data: Data
    cell: torch.Tensor


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load the folder of a model; ``loader: {state: 0}`` chooses the level of theory of one that has several.

    Raises
    ------
    UserError
        If no checkpoint is given, or `dtype` is neither float32 nor float64.
    PotentialFailure
        ``checkpoint`` if the weights are missing, cannot be read, or need charges.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    dtype = entry.get("dtype", "float32")
    if dtype not in DTYPES:
        raise UserError(f"models: {name}.dtype: MatGL computes in float32 or float64; got {dtype!r}.")
    place = torch_device(device)
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: the package brings no weights; give {{path: FOLDER}} or a hub.")
    model = _read(name, path).to(place, getattr(torch, dtype)).eval()
    # gradients of the weights are not wanted, so what they would need is not kept during a pass
    model.requires_grad_(False)
    evaluator = Evaluator.of(model, loader.get("state"), place)
    return Potential(
        name=name,
        device=device,
        dtype=dtype,
        conservative=True,
        elements=declared_elements(entry, frozenset(evaluator.elements)),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(model, evaluator.state),
        package_calculator_name="matgl.ext.ase.PESCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        details={
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": evaluator.cutoff_A,
            "architecture": type(model.model).__name__,
            "package_version": version("matgl"),
            "torch_version": torch.__version__,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    model, energy_model : matgl.apps.pes.Potential
        The model on `device`, and the same without derivatives.
    elements : tuple of str
        In the model's order.
    cutoff_A : float
    state : Tensor or None
        Features of a whole structure, such as its level of theory, shape (1, k) or (1,).
    device : torch.device
    """

    model: MatglPotential
    energy_model: MatglPotential
    elements: tuple[str, ...]
    cutoff_A: float
    state: torch.Tensor | None
    device: torch.device

    @classmethod
    def of(cls, model: MatglPotential, state: int | None, device: torch.device) -> Evaluator:
        """Of a model on a device."""
        # modules are shared, what is computed is not
        energy_model = copy.copy(model)
        energy_model.calc_forces = energy_model.calc_stresses = energy_model.calc_magmom = False
        features = None if state is None else torch.tensor([state], device=device)
        return cls(model, energy_model, tuple(model.model.element_types), float(model.model.cutoff), features, device)

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs within the cutoff, images included."""
        positions, cell = boxed(atoms, self.cutoff_A)
        source, target, images = neighbour_list(
            "ijS", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=self.cutoff_A
        )
        data = Data(
            num_nodes=len(atoms),
            edge_index=self._tensor(np.stack([source, target]).astype(np.int64)),
            pbc_offset=self._real(images),
            node_type=self._tensor(np.array([self.elements.index(symbol) for symbol in atoms.symbols])),
            frac_coords=self._real(positions @ np.linalg.inv(cell)),
        )
        return Prepared(Graph(data, self._real(cell)), atoms=len(atoms), edges=len(source))

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph."""
        model = self.energy_model if wanted == {"energy"} else self.model
        state = None if self.state is None else self.state.repeat(len(graphs))
        batch = Batch.from_data_list([graph.data for graph in graphs])
        energies, forces, stresses, *_ = model(batch, torch.stack([graph.cell for graph in graphs]), state)
        energies = _numpy(energies).reshape(-1)
        if wanted == {"energy"}:
            return [Result(float(energy)) for energy in energies]
        ends = np.cumsum([graph.data.num_nodes for graph in graphs])
        split = np.split(_numpy(forces), ends[:-1])
        tensors = _numpy(stresses).reshape(-1, 3, 3) * units.GPa
        stress = [full_3x3_to_voigt_6_stress(tensor) for tensor in tensors]
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, split, stress, strict=True)]

    def _real(self, array: np.ndarray) -> torch.Tensor:
        return self._tensor(array).to(self.model.data_mean.dtype)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _read(name: str, path: Path) -> MatglPotential:
    # a path that is no folder of a model would be looked for in the internet
    missing = [file for file in ("model.json", "model.pt", "state.pt") if not (path / file).is_file()]
    if missing:
        raise PotentialFailure("checkpoint", f"{name}: the folder {path} has no {', no '.join(missing)}.")
    try:
        model = matgl.load_model(str(path))
        if not isinstance(model, MatglPotential):
            raise TypeError(f"it is a {type(model).__name__}, which has no forces")
        if model.calc_charge:
            raise TypeError("it predicts charges, which structures here do not carry")
        # a file says what it was trained with, which is not all that it can give
        model.calc_forces = model.calc_stresses = True
        model.calc_hessian = model.debug_mode = False
    except Exception as error:
        # the package says of every failure that the model is bad; what happened is in the exception's cause
        cause = error.__cause__ or error
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read ({type(cause).__name__}: {' '.join(str(cause).split())}).",
        ) from error
    return model


def _calculator(model: MatglPotential, state: torch.Tensor | None) -> Calculator:
    return PESCalculator(model, state_attr=state, stress_unit="eV/A3", use_voigt=True)
