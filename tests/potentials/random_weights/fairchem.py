"""Inference checkpoints of fairchem 2 with weights drawn at random, in the package's own format.

python fairchem.py KIND FILE, where KIND is uma (experts, several tasks), esen (one task) or esen-direct.
"""

from __future__ import annotations

import sys

# the folder of this file would be looked into first, and there the package's name is this file's
sys.path.pop(0)

import hydra
import torch
from fairchem.core.units.mlip_unit.api.inference import MLIPInferenceCheckpoint

MODELS = "fairchem.core.models.uma"
UNIT = "fairchem.core.units.mlip_unit.mlip_unit"
NORMALIZER = "fairchem.core.modules.normalization"
LEVELS = {"energy": ("system", [1]), "forces": ("atom", [3]), "stress": ("system", [1, 9])}

BACKBONE = {
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
    "regress_forces": True,
    "num_layers": 2,
    "hidden_channels": 32,
    "norm_type": "rms_norm_sh",
    "act_type": "gate",
    "chg_spin_emb_type": "rand_emb",
    "always_use_pbc": False,
}


def config(kind: str) -> tuple[dict, list[str]]:
    """The model's configuration and its tasks."""
    if kind == "uma":
        tasks = ["omat", "omol", "odac", "oc20"]
        backbone = BACKBONE | {
            "model": f"{MODELS}.escn_moe.eSCNMDMoeBackbone",
            "direct_forces": False,
            "regress_stress": True,
            "ff_type": "spectral",
            "dataset_list": tasks,
            "num_experts": 4,
            "moe_layer_type": "pytorch",
            "use_composition_embedding": True,
        }
        head = {
            "module": f"{MODELS}.escn_moe.DatasetSpecificMoEWrapper",
            "dataset_names": tasks,
            "head_cls": f"{MODELS}.escn_md.MLP_EFS_Head",
            "head_kwargs": {"wrap_property": False},
        }
        heads = {"energyandforcehead": head}
    else:
        tasks = ["omol"]
        direct = kind == "esen-direct"
        backbone = BACKBONE | {
            "model": f"{MODELS}.escn_md.eSCNMDBackbone",
            "direct_forces": direct,
            "regress_stress": not direct,
            "ff_type": "grid" if direct else "spectral",
            "dataset_list": tasks,
        }
        heads = {"efs": {"module": f"{MODELS}.escn_md.MLP_EFS_Head"}}
        if direct:
            heads = {
                "energy": {"module": f"{MODELS}.escn_md.MLP_Energy_Head"},
                "forces": {"module": f"{MODELS}.escn_md.Linear_Force_Head"},
            }
    model = {
        "_target_": "fairchem.core.models.base.HydraModel",
        "backbone": backbone,
        "heads": heads,
        "pass_through_head_outputs": kind != "esen-direct",
    }
    return (model | {"model_id": "random"} if kind == "uma" else model), tasks


def tasks_config(kind: str, tasks: list[str]) -> list[dict]:
    """What the model answers, with energies of the elements that have the size of real ones."""
    references = {
        "_target_": f"{NORMALIZER}.element_references.ElementReferences",
        "element_references": torch.linspace(-8.0, -1.0, 101, dtype=torch.float64),
    }
    properties = ["energy", "forces"] if kind == "esen-direct" else ["energy", "forces", "stress"]
    return [
        {
            "_target_": f"{UNIT}.Task",
            "name": f"{task}_{name}" if kind == "uma" else name,
            "level": LEVELS[name][0],
            "property": name,
            "out_spec": {"_target_": f"{UNIT}.OutputSpec", "dim": LEVELS[name][1], "dtype": "float32"},
            "normalizer": {"_target_": f"{NORMALIZER}.normalizer.Normalizer", "mean": 0.0, "rmsd": 10.0},
            "element_references": references if name == "energy" else None,
            "datasets": [task],
            "metrics": [],
        }
        for task in tasks
        for name in properties
    ]


def main(kind: str, file: str) -> None:
    if kind not in ("uma", "esen", "esen-direct"):
        raise SystemExit(f"unknown kind {kind!r}; there are uma, esen and esen-direct")
    torch.manual_seed(1)
    model_config, tasks = config(kind)
    model = hydra.utils.instantiate(model_config)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    content = MLIPInferenceCheckpoint(
        model_config=model_config,
        model_state_dict=model.state_dict(),
        ema_state_dict=averaged.state_dict(),
        tasks_config=tasks_config(kind, tasks),
    )
    torch.save(content, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
