"""Random weights in the package's formats: `python schnetpack.py KIND FILE`, KIND one of the keys of `KINDS`."""

from __future__ import annotations

import sys
from pathlib import Path

# this file bears the package's name and would be imported in its place
sys.path.pop(0)

import torch

from assay.potentials.schnetpack_files import Architecture, save_weights, set_atomic_energies

ELEMENTS = ("H", "C", "O", "Mg", "Si", "Cu")
KINDS = {"schnet": ("schnet", False), "painn": ("painn", False), "schnet-pickle": ("schnet", True)}


def main(kind: str, file: Path) -> None:
    name, pickled = KINDS[kind]
    torch.manual_seed(1)
    architecture = Architecture(name, ELEMENTS, features=32, interactions=2, cutoff_A=4.5)
    module = architecture.build()
    set_atomic_energies(module, {symbol: -1.0 - 0.1 * place for place, symbol in enumerate(ELEMENTS)})
    if pickled:
        torch.save(module, file)
    else:
        save_weights(file, architecture, module, {"data": "none: random weights"})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
