"""Make a small MatGL potential with random weights, as the package saves it: a folder.

.envs/matgl/bin/python tests/potentials/random_weights/matgl.py m3gnet weights
"""

from __future__ import annotations

import sys

# the files beside this one bear the names of the packages that they import
sys.path.pop(0)

import torch
from matgl.apps.pes import Potential
from matgl.models import CHGNet, M3GNet, TensorNet

ELEMENTS = ("H", "C", "O", "Mg", "Si", "Cu")

MODELS = {
    "m3gnet": lambda: M3GNet(element_types=ELEMENTS, is_intensive=False, units=16, nblocks=2),
    "tensornet": lambda: TensorNet(element_types=ELEMENTS, is_intensive=False, units=16, nblocks=1),
    "chgnet": lambda: CHGNet(
        element_types=ELEMENTS, dim_atom_embedding=16, dim_bond_embedding=16, dim_angle_embedding=16, num_blocks=2
    ),
}


def main(kind: str, folder: str) -> None:
    torch.manual_seed(0)
    references = [-4.0 - 0.1 * place for place in range(len(ELEMENTS))]
    Potential(model=MODELS[kind](), element_refs=references, calc_stresses=True).save(folder, makedirs=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
