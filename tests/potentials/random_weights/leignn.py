"""Weights, drawn at random, of the imitation of LEIGNN's repository: ``python leignn.py small FILE``."""

import sys
from pathlib import Path

# this program's folder holds a module of the repository's name
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "leignn_imitation"))

import torch
from leignn import LEIGNN


def main() -> None:
    _, file = sys.argv[1:]
    torch.manual_seed(0)
    model = LEIGNN(16, 2, 8, cutoff=5.0, max_neighbors=20, use_pbc=True, otf_graph=True, num_elements=83)
    # parameters without buffers, as the repository's training saves them
    torch.save(dict(model.named_parameters()), file)


if __name__ == "__main__":
    main()
