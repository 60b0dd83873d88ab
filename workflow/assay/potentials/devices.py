"""Torch's devices and its compiler; imported by the adapters of packages that use torch."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from assay.failures import UserError


def torch_device(name: str) -> torch.device:
    """The device of that name.

    Raises
    ------
    UserError
        If a GPU is asked for that this machine does not have.
    """
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise UserError(
                f"device {name!r}: torch sees {count} GPUs here; choose the device cpu, or a machine with a GPU."
            )
    return device


def release_cuda() -> None:
    """Give memory that torch keeps for later back to the GPU."""
    torch.cuda.empty_cache()


def compile_layers(layers: Iterable[torch.nn.Module]) -> None:
    """Let torch compile layers in place, for graphs of any size, when they are first used.

    Layers and not the whole model, since the derivative that gives the forces is taken inside of that. Compiling costs
    about a minute per model and process, and pays in long runs only.
    """
    for layer in layers:
        layer.compile(dynamic=True)
