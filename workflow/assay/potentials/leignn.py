"""LEIGNN, a lightweight equivariant network with direct forces, evaluated many structures at a time.

Yang et al., Phys. Chem. Chem. Phys. (2023), doi:10.48550/arXiv.2311.02869. The architecture is the authors' own
repository and no package: the entry gives the folder of a clone. Forces are a second output of the network and no
derivatives of its energy; there is no stress. Atoms see their nearest neighbours up to a number.

A checkpoint holds weights alone. The network's sizes follow from their shapes; the cutoff, the number of neighbours and
the mean energy that training subtracted are the loader's to say.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols
from matscipy.neighbours import neighbour_list

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.calculator import EvaluatingCalculator
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

DEFAULTS: dict[str, Any] = {"path": "", "cutoff_A": 6.0, "max_neighbours": 20, "mean_energy_eV": 0.0}
"""Options of the loader; cutoff and number of neighbours are those of the authors' class unless given."""


@dataclass(frozen=True)
class Graph:
    """A structure as the network takes it: it finds the neighbours itself.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    positions : ndarray of float32, shape (n, 3)
        Å.
    cell : ndarray of float32, shape (3, 3)
        Å, periodic in three directions.
    """

    numbers: np.ndarray
    positions: np.ndarray
    cell: np.ndarray


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {path: FOLDER, cutoff_A: 6, max_neighbours: 20, mean_energy_eV: 0}``.

    Raises
    ------
    UserError
        On an unknown key, or if there is no checkpoint.
    PotentialFailure
        ``environment`` if the folder is not there, is not the repository, or needs a package that is not installed;
        ``checkpoint`` if the weights are missing or do not fit.
    """
    name, loader = entry["name"], loader_options(entry, DEFAULTS)
    if entry.get("dtype", "float32") != "float32":
        raise UserError(f"models: {name}.dtype: LEIGNN computes in float32; got {entry['dtype']!r}.")
    options = {**DEFAULTS, **loader}
    place = torch_device(device)
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: LEIGNN comes without weights; give {{path: FILE}}.")
    network = _architecture(name, options["path"])
    model = _read(name, path, network, options).to(place).eval()
    elements = model.atom_emb.embeddings.weight.shape[0]
    evaluator = Evaluator(model, float(options["cutoff_A"]), float(options["mean_energy_eV"]), place)
    return Potential(
        name=name,
        device=device,
        dtype="float32",
        conservative=False,
        # a mean that is added once per structure, whatever its size
        extensive=options["mean_energy_eV"] == 0,
        elements=declared_elements(entry, frozenset(chemical_symbols[1 : elements + 1])),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(evaluator, name),
        package_calculator_name="leignn.LEIGNN",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        details={
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": float(options["cutoff_A"]),
            "neighbour_limit": int(options["max_neighbours"]),
            "mean_energy_eV": float(options["mean_energy_eV"]),
            "repository": str(options["path"]),
            "torch_version": torch.__version__,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one network.

    Attributes
    ----------
    model : torch.nn.Module
        On `device`.
    cutoff_A : float
    mean_energy_eV : float
        Added to the energy of each structure.
    device : torch.device
    """

    model: torch.nn.Module
    cutoff_A: float
    mean_energy_eV: float
    device: torch.device

    def prepare(self, atoms: Atoms) -> Prepared:
        """The structure in a periodic box, and how many edges it has before the number of neighbours is limited."""
        positions, cell = boxed(atoms, self.cutoff_A)
        centres = neighbour_list("i", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=self.cutoff_A)
        # the network looks for neighbours in the cells around its own: all atoms have to be in theirs
        inside = Atoms(atoms.numbers, positions=positions, cell=cell, pbc=True)
        inside.wrap()
        graph = Graph(atoms.numbers.astype(np.int64), inside.positions.astype(np.float32), cell.astype(np.float32))
        return Prepared(graph, atoms=len(atoms), edges=len(centres))

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all structures: energies and forces come together, without gradients."""
        counts = np.array([len(graph.numbers) for graph in graphs])
        data = SimpleNamespace(
            pos=self._tensor(np.concatenate([graph.positions for graph in graphs])),
            atomic_numbers=self._tensor(np.concatenate([graph.numbers for graph in graphs])),
            cell=self._tensor(np.stack([graph.cell for graph in graphs])),
            natoms=self._tensor(counts),
            batch=self._tensor(np.repeat(np.arange(len(graphs)), counts)),
        )
        with torch.no_grad():
            energies, forces = self.model(data)
        per_structure = np.split(forces.cpu().numpy().astype(float), np.cumsum(counts)[:-1])
        return [
            Result(float(energy) + self.mean_energy_eV, each)
            for energy, each in zip(energies.cpu(), per_structure, strict=True)
        ]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _architecture(name: str, folder: str) -> type[torch.nn.Module]:
    """The class that the authors' repository defines."""
    place = Path(folder).expanduser().resolve()
    if not folder or not (place / "leignn.py").is_file():
        raise PotentialFailure(
            "environment",
            f"{name}: {folder or 'loader.path'} is no clone of LEIGNN's repository (https://github.com/guaguabujianle/LEIGNN),"
            " which has a file leignn.py; clone it and give its folder as loader.path.",
        )
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    try:
        return importlib.import_module("leignn").LEIGNN
    except (ImportError, AttributeError) as error:
        raise PotentialFailure("environment", f"{name}: {place / 'leignn.py'} cannot be imported: {error}.") from error


def _read(name: str, path: Path, network: type[torch.nn.Module], options: Mapping[str, Any]) -> torch.nn.Module:
    """A network of the sizes of the weights, which training saves as averages over its steps, without buffers."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        layers = {int(match[1]) for key in weights if (match := re.match(r"message_layers\.(\d+)\.", key))}
        model = network(
            hidden_channels=weights["out_forces.weight"].shape[1],
            num_layers=len(layers),
            num_rbf=weights["message_layers.0.rbf_proj.weight"].shape[1],
            cutoff=float(options["cutoff_A"]),
            max_neighbors=int(options["max_neighbours"]),
            use_pbc=True,
            otf_graph=True,
            num_elements=weights["atom_emb.embeddings.weight"].shape[0],
        )
        model.load_state_dict({**model.state_dict(), **weights})
        missing = [key for key, _ in model.named_parameters() if key not in weights]
    except Exception as error:
        # torch, pickle and the network each have their own exceptions for a file that does not fit
        text = " ".join(str(error).split())[:300]
        raise PotentialFailure(
            "checkpoint", f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {text})."
        ) from error
    if missing:
        raise PotentialFailure("checkpoint", f"{name}: the checkpoint {path} has no weights of {', '.join(missing)}.")
    return model


def _calculator(evaluator: Evaluator, name: str) -> Calculator:
    """The repository's own calculator drops what is not periodic; this one evaluates a structure at a time."""

    def evaluate(batch: Sequence[Atoms], properties: Any) -> list[Result]:
        return [evaluator.forward([evaluator.prepare(atoms).graph], frozenset(properties))[0] for atoms in batch]

    return EvaluatingCalculator(evaluate, name)
