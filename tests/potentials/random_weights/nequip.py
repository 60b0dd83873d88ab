"""Make a small NequIP or Allegro model with random weights, packaged as `nequip-package` does it.

.envs/nequip/bin/python tests/potentials/random_weights/nequip.py nequip weights.nequip.zip
"""

from __future__ import annotations

import sys
from typing import Any

# the files beside this one bear the names of the packages that they import
sys.path.pop(0)

import torch
import yaml
from nequip.model import NequIPGNNModel
from nequip.scripts._package_utils import _EXTERNAL_MODULES, _INTERNAL_MODULES, _MOCK_MODULES
from nequip.utils.global_state import set_global_state

ELEMENTS = ["H", "C", "O", "Mg", "Si", "Cu"]

COMMON: dict[str, Any] = {
    "seed": 1,
    "model_dtype": "float32",
    "type_names": ELEMENTS,
    "r_max": 5.0,
    "l_max": 1,
    "parity": False,
    "num_layers": 2,
    "avg_num_neighbors": 20.0,
    "per_type_energy_scales": 1.0,
    "per_type_energy_shifts": -4.0,
}


def build(kind: str) -> torch.nn.Module:
    if kind == "nequip":
        return NequIPGNNModel(num_features=8, radial_mlp_width=16, **COMMON)
    from allegro.model import AllegroModel

    embedding = {"_target_": "allegro.nn.TwoBodyBesselScalarEmbed", "num_bessels": 8}
    widths = {"num_scalar_features": 16, "num_tensor_features": 4, "scalar_embed_mlp_hidden_layers_width": 16}
    return AllegroModel(radial_chemical_embed=embedding, **widths, **COMMON)


def main(kind: str, file: str) -> None:
    set_global_state()
    model = torch.nn.ModuleDict({"sole_model": build(kind)})
    metadata = {
        "versions": {},
        "external_modules": {},
        "package_version_id": 2,
        "available_models": ["eager"],
        "atom_types": dict(enumerate(ELEMENTS)),
    }
    with torch.package.PackageExporter(file) as package:
        package.mock([f"{name}.**" for name in _MOCK_MODULES])
        package.extern([f"{name}.**" for name in _EXTERNAL_MODULES])
        package.intern([f"{name}.**" for name in _INTERNAL_MODULES])
        package.save_text("model", "package_metadata.txt", yaml.dump(metadata))
        package.save_pickle("model", "eager_model.pkl", model, dependencies=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
