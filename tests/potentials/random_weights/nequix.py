"""Make a small Nequix checkpoint with random weights, in the package's own format.

.envs/nequix/bin/python tests/potentials/random_weights/nequix.py small weights.nqx
"""

from __future__ import annotations

import sys

# the files beside this one bear the names of the packages that they import
sys.path.pop(0)

import jax
from nequix.model import Nequix, save_model

ATOMIC_NUMBERS = (1, 6, 8, 12, 14, 29)

ARCHITECTURES = {
    "small": {
        "hidden_irreps": "16x0e + 8x1o + 8x2e",
        "lmax": 2,
        "cutoff": 5.0,
        "n_layers": 2,
        "radial_basis_size": 8,
        "radial_mlp_size": 16,
        "radial_mlp_layers": 1,
        "radial_polynomial_p": 6.0,
        "mlp_init_scale": 4.0,
        "index_weights": False,
        "layer_norm": True,
        "shift": -4.0,
        "scale": 1.0,
        "avg_n_neighbors": 30.0,
    },
}


def main(kind: str, file: str) -> None:
    architecture = ARCHITECTURES[kind]
    isolated = {str(number): -0.1 * number for number in ATOMIC_NUMBERS}
    model = Nequix(
        jax.random.key(0), n_species=len(ATOMIC_NUMBERS), atom_energies=list(isolated.values()), **architecture
    )
    config = {"atomic_numbers": list(ATOMIC_NUMBERS), "atom_energies": isolated, **architecture}
    save_model(file, model, config)


if __name__ == "__main__":
    main(*sys.argv[1:])
