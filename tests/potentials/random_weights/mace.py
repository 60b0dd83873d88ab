"""Small MACE models with random weights, as the package saves them: a whole module, pickled.

.envs/mace/bin/python tests/potentials/random_weights/mace.py scaled weights.model

``scaled`` is as MACE-MP-0, ``density`` as MACE-MPA-0 (density normalisation, transformed distances, ZBL repulsion) with
two heads, ``plain`` as MACE-OFF23 (energies of all electrons), ``charged`` as MACE-OMol (embedded charge and spin).
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

# this file has the name of the package that it needs
sys.path.pop(0)

import numpy as np
import torch
from mace import modules, tools
from mace.modules.models import o3

NUMBERS = (1, 6, 8, 12, 14, 29)

FEATURE = {"type": "categorical", "per": "graph", "emb_dim": 8}

KINDS: dict[str, dict[str, Any]] = {
    "scaled": {"hidden_irreps": "32x0e+32x1o"},
    "density": {
        "interaction": "RealAgnosticDensityResidualInteractionBlock",
        "interaction_first": "RealAgnosticDensityInteractionBlock",
        "hidden_irreps": "32x0e+32x1o",
        "pair_repulsion": True,
        "distance_transform": "Agnesi",
        "heads": ["pbe", "r2scan"],
        "scale_eV": 5.0,
    },
    "plain": {"hidden_irreps": "8x0e", "model": "MACE", "deepest_eV": -2e4},
    "charged": {
        "hidden_irreps": "8x0e",
        "embedding_specs": {
            "total_charge": {**FEATURE, "num_classes": 21, "offset": 10},
            "total_spin": {**FEATURE, "num_classes": 10, "offset": 0},
        },
        "use_embedding_readout": True,
    },
}


def random_model(
    model: str = "ScaleShiftMACE",
    interaction: str = "RealAgnosticResidualInteractionBlock",
    interaction_first: str = "RealAgnosticResidualInteractionBlock",
    hidden_irreps: str = "8x0e",
    deepest_eV: float = -9.0,
    scale_eV: float = 50.0,
    **settings: Any,
) -> torch.nn.Module:
    """A model of the package with small layers, for atoms whose energies alone go down to `deepest_eV`."""
    torch.manual_seed(0)
    heads = len(settings.get("heads", ["Default"]))
    scaled = {"atomic_inter_scale": np.full(heads, scale_eV), "atomic_inter_shift": np.linspace(0.0, 0.1, heads)}
    made = getattr(modules, model)(
        r_max=5.0,
        num_bessel=8,
        num_polynomial_cutoff=5,
        max_ell=1,
        interaction_cls=modules.interaction_classes[interaction],
        interaction_cls_first=modules.interaction_classes[interaction_first],
        num_interactions=2,
        num_elements=len(NUMBERS),
        hidden_irreps=o3.Irreps(hidden_irreps),
        MLP_irreps=o3.Irreps("8x0e"),
        gate=torch.nn.functional.silu,
        atomic_energies=np.linspace(deepest_eV, deepest_eV / 9, heads * len(NUMBERS)).reshape(heads, -1),
        avg_num_neighbors=20.0,
        atomic_numbers=list(NUMBERS),
        correlation=3,
        **(scaled if model == "ScaleShiftMACE" else {}),
        **settings,
    )
    if model == "MACE":
        # plain models do not scale what their last linear maps give
        with torch.no_grad():
            made.readouts[0].linear.weight.mul_(scale_eV)
            made.readouts[1].linear_2.weight.mul_(scale_eV)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file")
    options = parser.parse_args()
    with tools.torch_tools.default_dtype("float64"):
        torch.save(random_model(**KINDS[options.kind]), options.file)


if __name__ == "__main__":
    main()
