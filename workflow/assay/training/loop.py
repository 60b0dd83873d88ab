"""Training of SchNet and PaiNN on energies and forces; it goes on exactly where it was killed.

Adam (Kingma and Ba, arXiv:1412.6980) on the mean squared errors of the energy per atom and of the components of the
forces, with a learning rate that falls to a hundredth along half a cosine. The order of the structures in an epoch is
drawn from the seed and the epoch's number alone, and after every epoch all that the next one depends on is written: a
run that was killed repeats the epoch it was in and ends, on the same machine with the same number of threads, with
the same weights, bit by bit, as one that was not.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from assay.failures import UserError
from assay.potentials.schnetpack import Graph, joined, make_graph
from assay.potentials.schnetpack_files import Architecture, save_weights, set_atomic_energies
from assay.randomness import random_stream
from assay.records import atomic_path, fingerprint
from assay.training.errors import atomic_energies, errors_of

# isort: split
from schnetpack import properties
from schnetpack.model import NeuralNetworkPotential

log = logging.getLogger("assay")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes
    ----------
    epochs : int
        Passes over the data.
    batch_size : int
        Structures of one step.
    learning_rate : float
        Of the first epoch.
    energy_weight : float
        Weight of the squared error of the energy per atom (eV²) against that of a force component (eV²/Å²).
    seed : int
        Of the campaign: of the first weights and of the order of structures.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    energy_weight: float
    seed: int

    def learning_rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        fall = 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
        return self.learning_rate * (0.01 + 0.99 * fall)


@dataclass(frozen=True)
class Labelled:
    """Structures as graphs, with what is to be learnt.

    Attributes
    ----------
    graphs : list of Graph
    energies_eV : ndarray, shape (s,)
        Without the energies of atoms.
    forces_eV_A : list of ndarray, shape (n, 3)
    """

    graphs: list[Graph]
    energies_eV: np.ndarray
    forces_eV_A: list[np.ndarray]

    @classmethod
    def of(
        cls, structures: Sequence[Atoms], cutoff_A: float, elements: Sequence[str], atomic_eV: np.ndarray
    ) -> Labelled:
        """Graphs of structures that carry energies and forces."""
        energies = np.array([atoms.get_potential_energy() for atoms in structures])
        return cls(
            [make_graph(atoms, cutoff_A) for atoms in structures],
            energies - composition(structures, elements) @ atomic_eV,
            [atoms.get_forces() for atoms in structures],
        )

    def __len__(self) -> int:
        return len(self.graphs)

    @property
    def counts(self) -> np.ndarray:
        """Atoms of each structure."""
        return np.array([len(graph.numbers) for graph in self.graphs])


def composition(structures: Sequence[Atoms], elements: Sequence[str]) -> np.ndarray:
    """Atoms of each element in each structure, shape (structures, elements)."""
    return np.array([[atoms.symbols.count(symbol) for symbol in elements] for atoms in structures])


def predict(
    module: NeuralNetworkPotential, graphs: Sequence[Graph], *, training: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies (eV, without those of atoms) and forces (eV/Å) of all structures in one pass."""
    numbers, edges, lengths, starts = joined(graphs)
    centre, neighbour = torch.from_numpy(edges)
    vectors = torch.from_numpy(lengths).float().requires_grad_()
    inputs = {
        properties.Z: torch.from_numpy(numbers),
        properties.Rij: vectors,
        properties.idx_i: centre,
        properties.idx_j: neighbour,
    }
    atomic = module.output_modules[0].outnet(module.representation(inputs)["scalar_representation"]).squeeze(-1)
    (slopes,) = torch.autograd.grad(atomic.sum(), vectors, create_graph=training)
    forces = slopes.new_zeros((len(numbers), 3)).index_add(0, centre, slopes).index_add(0, neighbour, -slopes)
    owner = torch.from_numpy(np.repeat(np.arange(len(graphs)), np.diff([*starts, len(numbers)])))
    return atomic.new_zeros(len(graphs)).index_add(0, owner, atomic), forces


def evaluate(module: NeuralNetworkPotential, data: Labelled, batch_size: int) -> dict[str, float]:
    """Errors on structures, as `errors_of` gives them."""
    energies, forces = [], []
    for start in range(0, len(data), batch_size):
        graphs = data.graphs[start : start + batch_size]
        energy, force = predict(module, graphs, training=False)
        energies.append(energy.detach().numpy().astype(float))
        force = force.detach().numpy().astype(float)
        forces += np.split(force, np.cumsum([len(graph.numbers) for graph in graphs])[:-1])
    return errors_of(data.counts, np.concatenate(energies), data.energies_eV, forces, data.forces_eV_A)


def train(
    architecture: Architecture,
    recipe: Recipe,
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    test: Sequence[Atoms],
    *,
    model: Path,
    checkpoint: Path,
    say: Callable[[str], None] = log.info,
) -> dict[str, Any]:
    """Train a model, or go on with a training that was killed, and write the weights of its best epoch.

    Parameters
    ----------
    architecture : Architecture
    recipe : Recipe
    training, validation, test : sequence of Atoms
        With energies and forces. The epoch with the smallest error of the validation forces is the best one; the test
        structures play no part in the choice.
    model : Path
        Where the weights are written (`assay.potentials.schnetpack_files.save_weights`).
    checkpoint : Path
        The state after the last epoch; removed at the end.
    say : callable
        Takes the lines of progress.

    Returns
    -------
    dict
        ``curve`` (one row per epoch: errors of training and validation), ``best_epoch``, ``test`` (errors),
        ``n_train``, ``parameters``, ``seconds``.

    Raises
    ------
    UserError
        If the errors are no longer finite numbers.
    """
    torch.manual_seed(recipe.seed)
    module = architecture.build()
    atomic_eV = atomic_energies(
        composition(training, architecture.elements), [atoms.get_potential_energy() for atoms in training]
    )
    sets = [
        Labelled.of(part, architecture.cutoff_A, architecture.elements, atomic_eV)
        for part in (training, validation, test)
    ]
    optimiser = torch.optim.Adam(module.parameters(), lr=recipe.learning_rate)
    identity = fingerprint(asdict(architecture), asdict(recipe), [part.energies_eV for part in sets])
    curve, best = _resume(checkpoint, identity, module, optimiser, say)
    said = time.monotonic()
    for epoch in range(len(curve), recipe.epochs):
        begun = time.monotonic()
        learned = _epoch(module, optimiser, recipe, sets[0], epoch)
        errors = evaluate(module, sets[1], recipe.batch_size)
        if not np.isfinite([*learned.values(), *errors.values()]).all():
            raise UserError(
                f"{model}: the errors are no numbers any more after epoch {epoch + 1};"
                " give a smaller training.learning_rate."
            )
        row = {
            "epoch": epoch + 1,
            "learning_rate": recipe.learning_rate_at(epoch),
            **{f"training_{name}": value for name, value in learned.items()},
            **{f"validation_{name}": value for name, value in errors.items()},
            "seconds": time.monotonic() - begun,
        }
        curve.append(row)
        if min(line["validation_force_mae_meV_A"] for line in curve) == row["validation_force_mae_meV_A"]:
            best = {name: values.clone() for name, values in module.state_dict().items()}
        _save(checkpoint, identity, module, optimiser, curve, best)
        if time.monotonic() - said > 5 or epoch + 1 == recipe.epochs:
            said = time.monotonic()
            say(_progress(architecture.kind, row, recipe.epochs))
    module.load_state_dict(best)
    set_atomic_energies(module, dict(zip(architecture.elements, atomic_eV, strict=True)))
    best_epoch = min(curve, key=lambda row: row["validation_force_mae_meV_A"])["epoch"]
    facts = {
        "n_train": len(training),
        "best_epoch": best_epoch,
        "test": evaluate(module, sets[2], recipe.batch_size),
        "parameters": sum(values.numel() for values in module.parameters()),
        "seconds": sum(row["seconds"] for row in curve),
    }
    save_weights(model, architecture, module, {"recipe": asdict(recipe), **facts})
    checkpoint.unlink(missing_ok=True)
    return {**facts, "curve": curve}


def _epoch(
    module: NeuralNetworkPotential, optimiser: torch.optim.Optimizer, recipe: Recipe, data: Labelled, epoch: int
) -> dict[str, float]:
    """One pass over the training data; errors as they were met on the way."""
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate_at(epoch)
    order = random_stream(recipe.seed, f"training/order/{epoch}").permutation(len(data))
    energy_error = force_error = 0.0
    for start in range(0, len(order), recipe.batch_size):
        chosen = order[start : start + recipe.batch_size]
        graphs = [data.graphs[number] for number in chosen]
        counts = torch.tensor([len(graph.numbers) for graph in graphs])
        energies, forces = predict(module, graphs, training=True)
        energy_miss = (energies - torch.from_numpy(data.energies_eV[chosen]).float()) / counts
        force_miss = forces - torch.from_numpy(np.concatenate([data.forces_eV_A[number] for number in chosen])).float()
        loss = recipe.energy_weight * energy_miss.square().mean() + force_miss.square().mean()
        optimiser.zero_grad()
        loss.backward()
        # a batch with a few large forces must not throw away what was learnt
        torch.nn.utils.clip_grad_norm_(module.parameters(), 10.0)
        optimiser.step()
        energy_error += float(energy_miss.detach().abs().sum())
        each = [part.abs().mean() for part in force_miss.detach().split(counts.tolist())]
        force_error += float(torch.stack(each).sum())
    return {
        "energy_mae_meV_per_atom": 1e3 * energy_error / len(data),
        "force_mae_meV_A": 1e3 * force_error / len(data),
    }


def _save(
    path: Path,
    identity: str,
    module: NeuralNetworkPotential,
    optimiser: torch.optim.Optimizer,
    curve: list[dict[str, float]],
    best: dict[str, torch.Tensor],
) -> None:
    content = {
        "identity": identity,
        "module": module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "curve": curve,
        "best": best,
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def _resume(
    path: Path,
    identity: str,
    module: NeuralNetworkPotential,
    optimiser: torch.optim.Optimizer,
    say: Callable[[str], None],
) -> tuple[list[dict[str, float]], dict[str, torch.Tensor]]:
    """The curve so far and the best weights, and the state of `module` and `optimiser`; nothing for a new training."""
    if not path.exists():
        return [], {}
    try:
        content = torch.load(path, weights_only=True)
    except Exception as error:
        # a damaged file raises what torch, zip or pickle think of it
        log.warning("%s is damaged (%s); starting from the beginning", path, type(error).__name__)
        return [], {}
    if content["identity"] != identity:
        log.warning("%s belongs to a training with other settings or data; starting from the beginning", path)
        return [], {}
    module.load_state_dict(content["module"])
    optimiser.load_state_dict(content["optimiser"])
    say(f"going on after epoch {len(content['curve'])}")
    return content["curve"], content["best"]


def _progress(kind: str, row: dict[str, float], epochs: int) -> str:
    left = (epochs - row["epoch"]) * row["seconds"]
    return (
        f"{kind}: epoch {row['epoch']} of {epochs}, validation {row['validation_energy_mae_meV_per_atom']:.1f} meV/atom"
        f" and {row['validation_force_mae_meV_A']:.0f} meV/Å, {left:.0f} s left"
    )
