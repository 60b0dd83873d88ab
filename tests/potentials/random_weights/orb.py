"""Orb models with random weights, as the package publishes them: the weights alone, of the full architecture.

.envs/orb/bin/python tests/potentials/random_weights/orb.py v3-conservative weights.ckpt
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

# this folder has files with the names of packages
sys.path.pop(0)

import torch
from orb_models.forcefield import pretrained

KINDS: dict[str, Callable[[], torch.nn.Module]] = {
    "v2": lambda: pretrained.orb_v2_architecture(device="cpu"),
    "v3-conservative": lambda: pretrained.orb_v3_conservative_architecture(device="cpu"),
    "v3-direct": lambda: pretrained.orb_v3_direct_architecture(device="cpu"),
    "v3-conservative-charged": lambda: pretrained.orb_v3_conservative_architecture(
        device="cpu", has_charge_spin_cond=True, has_stress=False
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.save(KINDS[options.kind]().state_dict(), options.file)


if __name__ == "__main__":
    main()
