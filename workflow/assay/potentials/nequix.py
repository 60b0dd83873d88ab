"""Nequix, an equivariant message-passing potential (NequIP architecture) in JAX or torch, many structures at a time.

Koker, Kotak, Smidt, doi:10.48550/arXiv.2508.16067; fine-tuned to phonons: Koker et al., doi:10.48550/arXiv.2601.07742.
Forces and stress are derivatives of the energy. Both backends give energies of atoms and their derivatives with
respect to the vectors of edges; what follows from these is the same and in double precision.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols
from matscipy.neighbours import neighbour_list
from nequix.calculator import NequixCalculator

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.host_pairs import HostPairs
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options
from assay.potentials.nequix_jax import JaxPasses, jax_device, read_jax

LOADER_KEYS = {"backend"}
BACKENDS = ("jax", "torch")


class Passes(Protocol):
    """One pass of a model over a graph."""

    def __call__(
        self, species: np.ndarray, edges: np.ndarray, vectors: np.ndarray, derivatives: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Energies of the atoms (eV, shape (n,)) and their sum's derivatives with respect to `vectors` (eV/Å)."""


@dataclass(frozen=True)
class Graph:
    """A structure's atoms and directed edges.

    Attributes
    ----------
    species : ndarray of int32, shape (n,)
        Places of the atoms' elements among the model's.
    edges : ndarray of int32, shape (2, m)
        Centre and neighbour of each edge.
    vectors : ndarray of float32, shape (m, 3)
        From the centre to the neighbour (Å).
    volume : float
        Å³.
    """

    species: np.ndarray
    edges: np.ndarray
    vectors: np.ndarray
    volume: float


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load a checkpoint ``.nqx`` (or ``.pt``, of the package's torch trainer), ``loader: {backend: jax | torch}``.

    Raises
    ------
    UserError
        If the backend is unknown, or no checkpoint is given.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    backend = loader.get("backend", "jax")
    if backend not in BACKENDS:
        raise UserError(f"models: {name}.loader.backend: unknown backend {backend!r}{near_misses(backend, BACKENDS)}")
    if entry.get("dtype", "float32") != "float32":
        raise UserError(f"models: {name}.dtype: Nequix computes in float32; got {entry['dtype']!r}.")
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: the package brings no weights; give {{path: FILE.nqx}} or a url.")
    passes, config, about = _jax(name, path, device) if backend == "jax" else _torch(name, path, device)
    numbers = np.array(sorted(config["atomic_numbers"]))
    evaluator = Evaluator(passes, numbers, float(config["cutoff"]))
    return Potential(
        name=name,
        device=device,
        dtype="float32",
        conservative=True,
        elements=declared_elements(entry, frozenset(chemical_symbols[number] for number in numbers)),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(path, backend),
        package_calculator_name="nequix.calculator.NequixCalculator",
        native=True,
        release=about.pop("release", nothing_to_release),
        prepare_in_host=evaluator.prepare_in_host,
        details={
            "cutoff_A": float(config["cutoff"]),
            "interaction_layers": int(config["n_layers"]),
            "package_version": version("nequix"),
            "backend": backend,
            **about,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    passes : Passes
        Of the chosen backend.
    numbers : ndarray of int
        Atomic numbers that the model knows, ascending.
    cutoff_A : float
    """

    passes: Passes
    numbers: np.ndarray
    cutoff_A: float

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs within the cutoff, images included."""
        positions, cell = boxed(atoms, self.cutoff_A)
        centre, neighbour, vectors = neighbour_list(
            "ijD", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=self.cutoff_A
        )
        graph = Graph(
            species=self._species(atoms),
            edges=np.stack([centre, neighbour]).astype(np.int32),
            vectors=vectors.astype(np.float32),
            volume=abs(float(np.linalg.det(cell))),
        )
        return Prepared(graph, atoms=len(atoms), edges=len(centre))

    def prepare_in_host(self, host: Atoms) -> Callable[[Atoms], Prepared]:
        """Graphs of a guest in a host: the edges among the host's atoms are found once."""
        alone = self.prepare(host).graph
        pairs = HostPairs.of(host, self.cutoff_A)

        def prepare_guest(guest: Atoms) -> Prepared:
            inserted, hosting, outwards = pairs.with_host(guest.positions)
            first, second, within = pairs.with_itself(guest.positions)
            inserted, first, second = inserted + len(host), first + len(host), second + len(host)
            new = [[inserted, hosting], [hosting, inserted], [first, second], [second, first]]
            graph = Graph(
                species=np.concatenate([alone.species, self._species(guest)]),
                edges=np.concatenate([alone.edges, *(np.stack(pair) for pair in new)], axis=1).astype(np.int32),
                vectors=np.concatenate([alone.vectors, outwards, -outwards, within, -within]).astype(np.float32),
                volume=alone.volume,
            )
            return Prepared(graph, atoms=len(graph.species), edges=graph.edges.shape[1])

        return prepare_guest

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph."""
        counts = np.array([len(graph.species) for graph in graphs])
        ends = np.cumsum(counts)
        species = np.concatenate([graph.species for graph in graphs])
        edges = np.concatenate(
            [graph.edges + start for graph, start in zip(graphs, ends - counts, strict=True)], axis=1, dtype=np.int32
        )
        vectors = np.concatenate([graph.vectors for graph in graphs])
        atomic, slopes = self.passes(species, edges, vectors, wanted != {"energy"})
        energies = np.add.reduceat(atomic, ends - counts)
        if slopes is None:
            return [Result(float(energy)) for energy in energies]
        # dE/dr of an edge acts on its two atoms with opposite signs, and on the strain through its own vector
        centre, neighbour = edges
        forces = _sums(centre, slopes, len(species)) - _sums(neighbour, slopes, len(species))
        owners = np.repeat(np.arange(len(graphs)), counts)[centre]
        products = (slopes[:, :, None] * vectors[:, None, :].astype(float)).reshape(-1, 9)
        volumes = np.array([graph.volume for graph in graphs])
        stresses = _voigt(_sums(owners, products, len(graphs)).reshape(-1, 3, 3) / volumes[:, None, None])
        split = np.split(forces, ends[:-1])
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, split, stresses, strict=True)]

    def _species(self, atoms: Atoms) -> np.ndarray:
        return np.searchsorted(self.numbers, atoms.numbers).astype(np.int32)


def _sums(places: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Sums of the rows of `values` that belong to each of `count` places."""
    return np.stack([np.bincount(places, column, minlength=count) for column in values.T], axis=1)


def _voigt(stresses: np.ndarray) -> np.ndarray:
    """Symmetric parts of tensors of shape (b, 3, 3) in ase's order xx, yy, zz, yz, xz, xy."""
    symmetric = (stresses + stresses.transpose(0, 2, 1)) / 2
    return symmetric[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def _jax(name: str, path: Path, device: str) -> tuple[Passes, Mapping[str, Any], dict[str, Any]]:
    place = jax_device(device)
    model, config = _read(name, path, read_jax)
    passes = JaxPasses.of(model, place)
    return passes, config, {"parameters": passes.parameters, "jax_version": version("jax")}


def _torch(name: str, path: Path, device: str) -> tuple[Passes, Mapping[str, Any], dict[str, Any]]:
    # not at the top: a process with the JAX backend is spared the import of torch
    from assay.potentials.devices import release_cuda, torch_device
    from assay.potentials.nequix_torch import TorchPasses, read_torch

    place = torch_device(device)
    model, config = _read(name, path, read_torch)
    about: dict[str, Any] = {
        "parameters": sum(values.numel() for values in model.parameters()),
        "torch_version": version("torch"),
    }
    if place.type == "cuda":
        about["release"] = release_cuda
    return TorchPasses.of(model, place), config, about


def _read(name: str, path: Path, reader: Callable[[Path], tuple[Any, Mapping[str, Any]]]) -> tuple[Any, Any]:
    try:
        return reader(path)
    except Exception as error:
        # json, equinox and torch each have their own exceptions for a file that is not a checkpoint
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error


def _calculator(path: Path, backend: str) -> Calculator:
    # the package writes a converted checkpoint beside the one that it is given, and says so on standard output
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        link = Path(folder) / path.name
        link.symlink_to(path.resolve())
        return NequixCalculator(model_path=str(link), backend=backend, use_kernel=False)
