"""A checkpoint of MatterSim with weights drawn at random, in the package's own format.

python mattersim.py m3gnet FILE
"""

from __future__ import annotations

import sys

# the folder of this file would be looked into first, and there the package's name is this file's
sys.path.pop(0)

import torch
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet


def main(kind: str, file: str) -> None:
    if kind != "m3gnet":
        raise SystemExit(f"unknown kind {kind!r}; there is m3gnet")
    torch.manual_seed(1)
    model = M3Gnet(num_blocks=3, units=64, max_l=4, max_n=4, cutoff=5.0, max_z=94, threebody_cutoff=4.0, device="cpu")
    # larger than at the start of a training, for forces of some 0.1 to 3 eV/Å
    with torch.no_grad():
        for key, values in model.named_parameters():
            values.mul_(20.0 if key.startswith("atom_embedding") else 2.0 if values.dim() == 2 else 1.0)
    # energies of the size of real ones, so that their rounding is
    model.normalizer.shift = torch.linspace(-8.0, -1.0, 95)
    model.normalizer.scale = torch.full((95,), 2.0)
    content = {
        "model_name": "m3gnet",
        "model": model.state_dict(),
        "model_args": model.model_args,
        "optimizer": None,
        "ema": None,
        "scheduler": None,
        "last_epoch": 0,
        "validation_metrics": {"loss": 0.0},
        "description": "weights drawn at random",
    }
    torch.save(content, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
