"""Nequix on its torch backend: checkpoints and passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nequix.torch_impl.model import NequixTorch, load_model
from nequix.torch_impl.utils import convert_model_jax_to_torch

from assay.potentials.nequix_jax import read_nqx


def read_torch(path: Path) -> tuple[NequixTorch, Mapping[str, Any]]:
    """The model of a checkpoint of either backend, and its configuration."""
    if path.suffix == ".pt":
        return load_model(str(path), use_kernel=False)
    return convert_model_jax_to_torch(*read_nqx(path), False)


@dataclass(frozen=True)
class TorchPasses:
    """Passes of one model on `device`."""

    model: NequixTorch
    device: torch.device

    @classmethod
    def of(cls, model: NequixTorch, device: torch.device) -> TorchPasses:
        """Of a model, of whose weights no derivatives are wanted."""
        return cls(model.to(device).eval().requires_grad_(False), device)

    def __call__(
        self, species: np.ndarray, edges: np.ndarray, vectors: np.ndarray, derivatives: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """As `assay.potentials.nequix.Passes` says."""
        placed = self._tensor(vectors).requires_grad_(derivatives)
        receivers, senders = self._tensor(edges).long()
        with torch.set_grad_enabled(derivatives):
            energies = self.model.node_energies(placed, self._tensor(species).long(), senders, receivers)[:, 0]
        if not derivatives:
            return _numpy(energies), None
        (slopes,) = torch.autograd.grad(energies.sum(), placed)
        return _numpy(energies), _numpy(slopes)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)
