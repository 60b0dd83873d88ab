"""SchNetPack's models on disk: state dictionaries of our own training, and whole modules as the package pickles them.

Our file is a dictionary of plain values and tensors, which torch reads without running code (``weights_only``): the
`Architecture`, the module's state, and where it came from. The package's own files (``best_model``) are pickles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from torch.utils.data import dataloader

if not hasattr(dataloader, "T_co"):
    # a name for type hints that schnetpack 2.1 imports, and that torch 2.13 no longer has
    dataloader.T_co = TypeVar("T_co", covariant=True)

from ase.data import atomic_numbers
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances, Strain
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN, SchNet
from schnetpack.transform import AddOffsets, CastTo64
from schnetpack.utils import load_model

from assay.records import atomic_path, plain

FORMAT = "assay-schnetpack-1"
"""What our files say that they are."""

REPRESENTATIONS = {"schnet": SchNet, "painn": PaiNN}

EMBEDDED = 100
"""Atomic numbers from 0 on that the package's embedding has a row for."""


@dataclass(frozen=True)
class Architecture:
    """What a model is built from; lengths in Å, energies in eV.

    Attributes
    ----------
    kind : str
        ``schnet`` (doi:10.1063/1.5019779) or ``painn`` (Schütt, Unke, Gastegger, ICML 2021, arXiv:2102.03150).
    elements : tuple of str
        Symbols that the model is trained on.
    features : int
        Length of the atoms' feature vectors.
    interactions : int
        Message-passing blocks.
    radial_functions : int
        Gaussians in which distances are expanded.
    cutoff_A : float
    """

    kind: str
    elements: tuple[str, ...]
    features: int = 64
    interactions: int = 3
    radial_functions: int = 20
    cutoff_A: float = 4.0

    def build(self) -> NeuralNetworkPotential:
        """The module with weights drawn by torch's generator, as the package's own command line composes it."""
        representation = REPRESENTATIONS[self.kind](
            n_atom_basis=self.features,
            n_interactions=self.interactions,
            radial_basis=GaussianRBF(n_rbf=self.radial_functions, cutoff=self.cutoff_A),
            cutoff_fn=CosineCutoff(self.cutoff_A),
        )
        return NeuralNetworkPotential(
            representation=representation,
            input_modules=[Strain(), PairwiseDistances()],
            output_modules=[Atomwise(n_in=self.features, output_key="energy"), Forces()],
            postprocessors=[CastTo64(), AddOffsets("energy", add_atomrefs=True, zmax=EMBEDDED)],
        )


@dataclass(frozen=True)
class Loaded:
    """A module that was read.

    Attributes
    ----------
    module : NeuralNetworkPotential
        On the CPU.
    elements : frozenset of str, or None
        What it was trained on; None where the file does not say.
    provenance : dict
        What the file says of its training; empty where it says nothing.
    """

    module: NeuralNetworkPotential
    elements: frozenset[str] | None
    provenance: dict[str, Any]


def set_atomic_energies(module: NeuralNetworkPotential, energies_eV: Mapping[str, float]) -> None:
    """Store the energies of atoms (eV, by symbol) that the network's sum is added to."""
    (offsets,) = (layer for layer in module.postprocessors if isinstance(layer, AddOffsets))
    table = torch.zeros(EMBEDDED, dtype=torch.float64)
    for symbol, energy in energies_eV.items():
        table[atomic_numbers[symbol]] = energy
    offsets.atomref = table


def save_weights(
    path: Path, architecture: Architecture, module: NeuralNetworkPotential, provenance: Mapping[str, Any]
) -> None:
    """Write a model as a dictionary of plain values and tensors, atomically."""
    content = {
        "format": FORMAT,
        "architecture": {**asdict(architecture), "elements": list(architecture.elements)},
        "state": {name: values.detach().cpu() for name, values in module.state_dict().items()},
        "provenance": plain(provenance),
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def read_weights(path: Path) -> Loaded | None:
    """A model that `save_weights` wrote, or None if the file is a pickle of something else.

    Raises
    ------
    Exception
        Torch's own, if the file is damaged.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"it is not of the format {FORMAT}")
    facts = content["architecture"]
    module = Architecture(**{**facts, "elements": tuple(facts["elements"])}).build()
    set_atomic_energies(module, {})
    module.load_state_dict(content["state"])
    return Loaded(module, frozenset(facts["elements"]), content["provenance"])


def read_pickle(path: Path) -> Loaded:
    """A whole module as the package saves it. Reading it runs code that the file names.

    Raises
    ------
    Exception
        Torch's own, if the file is damaged; ValueError if it holds something else.
    """
    module = load_model(path, device="cpu", weights_only=False)
    if not isinstance(module, NeuralNetworkPotential):
        raise ValueError(f"it holds a {type(module).__name__}, not a NeuralNetworkPotential of schnetpack")
    return Loaded(module, None, {})
