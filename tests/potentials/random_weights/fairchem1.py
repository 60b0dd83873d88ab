"""Checkpoints of fairchem 1 with weights drawn at random, in the package's own format.

python fairchem1.py KIND FILE, where KIND is esen, eqv2 or gemnet-oc.
"""

from __future__ import annotations

import copy
import sys

# the folder of this file would be looked into first, and there the package's name is this file's
sys.path.pop(0)

import torch
from fairchem.core.common.registry import registry
from fairchem.core.common.utils import setup_imports

ESEN = {
    "model": "esen_backbone",
    "max_num_elements": 100,
    "sphere_channels": 32,
    "lmax": 2,
    "mmax": 2,
    "otf_graph": True,
    "max_neighbors": 300,
    "use_pbc": True,
    "use_pbc_single": True,
    "cutoff": 5.0,
    "edge_channels": 32,
    "distance_function": "gaussian",
    "num_distance_basis": 32,
    "direct_forces": False,
    "regress_forces": True,
    "regress_stress": True,
    "num_layers": 2,
    "hidden_channels": 32,
    "norm_type": "rms_norm_sh",
    "act_type": "gate",
    "mlp_type": "spectral",
    "use_envelope": True,
}

EQUIFORMER = {
    "model": "equiformer_v2_backbone",
    "use_pbc": True,
    "regress_forces": True,
    "otf_graph": True,
    "max_neighbors": 20,
    "max_radius": 5.0,
    "max_num_elements": 96,
    "num_layers": 2,
    "sphere_channels": 32,
    "attn_hidden_channels": 32,
    "num_heads": 2,
    "attn_alpha_channels": 16,
    "attn_value_channels": 16,
    "ffn_hidden_channels": 32,
    "lmax_list": [2],
    "mmax_list": [2],
    "grid_resolution": 18,
    "edge_channels": 32,
    "num_distance_basis": 32,
    "attn_activation": "silu",
    "ffn_activation": "silu",
    "use_s2_act_attn": False,
    "use_attn_renorm": True,
    "use_gate_act": False,
    "use_grid_mlp": True,
    "use_sep_s2_act": True,
    "alpha_drop": 0.0,
    "drop_path_rate": 0.0,
    "enforce_max_neighbors_strictly": False,
}

GEMNET = {
    "name": "gemnet_oc",
    "num_spherical": 5,
    "num_radial": 16,
    "num_blocks": 2,
    "emb_size_atom": 32,
    "emb_size_edge": 32,
    "emb_size_trip_in": 16,
    "emb_size_trip_out": 16,
    "emb_size_quad_in": 8,
    "emb_size_quad_out": 8,
    "emb_size_aint_in": 16,
    "emb_size_aint_out": 16,
    "emb_size_rbf": 8,
    "emb_size_cbf": 8,
    "emb_size_sbf": 16,
    "num_before_skip": 1,
    "num_after_skip": 1,
    "num_concat": 1,
    "num_atom": 2,
    "num_output_afteratom": 1,
    "regress_forces": True,
    "direct_forces": True,
    "use_pbc": True,
    "cutoff": 5.0,
    "max_neighbors": 30,
    "enforce_max_neighbors_strictly": False,
    "forces_coupled": True,
    "quad_interaction": False,
    "otf_graph": True,
}

MODELS = {
    "esen": {
        "name": "hydra",
        "backbone": ESEN,
        "heads": {"efs": {"module": "esen_mlp_efs_head"}},
        "pass_through_head_outputs": True,
        "otf_graph": True,
    },
    "eqv2": {
        "name": "hydra",
        "backbone": EQUIFORMER,
        "heads": {
            "energy": {"module": "equiformer_v2_energy_head"},
            "forces": {"module": "equiformer_v2_force_head"},
            "stress": {
                "module": "rank2_symmetric_head",
                "output_name": "stress",
                "use_source_target_embedding": True,
                "decompose": True,
            },
        },
        "pass_through_head_outputs": True,
        "otf_graph": True,
    },
    "gemnet-oc": GEMNET,
}


def configuration(kind: str) -> dict:
    """What a checkpoint says of its model and outputs."""
    forces = {"level": "atom", "eval_on_free_atoms": False, "train_on_free_atoms": False}
    outputs = {"energy": {"level": "system"}, "forces": forces}
    if kind != "gemnet-oc":
        outputs["stress"] = {"level": "system"}
    if kind == "eqv2":
        for name, output in outputs.items():
            output["property"] = name
        outputs["stress"]["decomposition"] = {
            "stress_isotropic": {"irrep_dim": 0},
            "stress_anisotropic": {"irrep_dim": 2},
        }
    return {
        "trainer": "ocp",
        "task": {},
        "model": MODELS[kind],
        "dataset": {"src": "none", "format": "ase_db"},
        "outputs": outputs,
        "loss_functions": [{name: {"fn": "mae", "coefficient": 1}} for name in outputs],
        "evaluation_metrics": {"metrics": {"energy": ["mae"]}, "primary_metric": "energy_mae"},
        "optim": {
            "batch_size": 1,
            "eval_batch_size": 1,
            "num_workers": 0,
            "lr_initial": 1e-4,
            "max_epochs": 1,
            "optimizer": "AdamW",
        },
        "cmd": {"seed": 0},
        "amp": False,
    }


def main(kind: str, file: str) -> None:
    if kind not in MODELS:
        raise SystemExit(f"unknown kind {kind!r}; there are {', '.join(MODELS)}")
    setup_imports()
    torch.manual_seed(1)
    arguments = copy.deepcopy(MODELS[kind])
    model = registry.get_model_class(arguments.pop("name"))(**arguments)
    content = {
        "config": configuration(kind),
        "state_dict": {f"module.{key}": values for key, values in model.state_dict().items()},
        "normalizers": {},
        "elementrefs": {},
        "epoch": 0,
        "step": 0,
    }
    torch.save(content, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
