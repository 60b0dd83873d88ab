"""A small DeePMD-kit model with random weights: ``python deepmd.py dpa3 FILE`` (or se_e2_a, dpa1, multitask, frozen).

The weights are torch's own draws from a fixed seed; the last layer is scaled so that forces are about 1 eV/Å. Models
are saved as the package's training saves them (.pt) or, for the kind ``frozen``, as it freezes them (.pth).
"""

import copy
import importlib
import sys

# this program's folder holds a module of the package's name
sys.path.pop(0)

import torch
from ase.build import bulk

# makes the backend of this package importable
importlib.import_module("assay.potentials.deepmd")

ELEMENTS = ["H", "C", "O", "Mg", "Si", "Cu"]

FITTING = {"neuron": [24, 24], "precision": "float64", "seed": 1}

DESCRIPTORS = {
    "se_e2_a": {
        **{"type": "se_e2_a", "sel": [40] * 6, "rcut": 5.0, "rcut_smth": 0.5, "neuron": [8, 16], "axis_neuron": 4},
    },
    "dpa1": {
        **{"type": "dpa1", "sel": 120, "rcut": 5.0, "rcut_smth": 0.5, "neuron": [8, 16], "attn_layer": 0},
        **{"tebd_dim": 8},
    },
    "dpa3": {
        "type": "dpa3",
        "repflow": {
            **{"n_dim": 16, "e_dim": 8, "a_dim": 8, "nlayers": 2, "axis_neuron": 4, "use_exp_switch": False},
            **{"e_rcut": 5.0, "e_rcut_smth": 0.5, "e_sel": 120, "a_rcut": 3.0, "a_rcut_smth": 0.5, "a_sel": 40},
            **{"update_angle": True, "smooth_edge_update": True, "a_compress_rate": 1},
        },
    },
}


def described(kind: str) -> dict:
    """The package's description of a model, in double precision."""
    descriptor = {**copy.deepcopy(DESCRIPTORS[kind]), "precision": "float64", "seed": 1}
    return {"type_map": ELEMENTS, "descriptor": descriptor, "fitting_net": dict(FITTING)}


def drawn(description: dict) -> torch.nn.Module:
    """A model with random weights, forces of about 1 eV/Å on silicon, and energies around zero."""
    make = importlib.import_module("deepmd.pt.model.model").get_model
    model = make(copy.deepcopy(description)).eval()
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=0)
    for name, values in model.named_buffers():
        if name.endswith("stddev") and description["descriptor"]["type"] != "dpa3":
            # as after training: distances to neighbours vary by far less than 1
            values.fill_(0.05)
    structure = (torch.tensor(atoms.positions[None]), torch.full((1, len(atoms)), ELEMENTS.index("Si")))
    box = torch.tensor(atoms.cell.array.reshape(1, 9))
    last = [values for name, values in model.named_parameters() if "fitting_net" in name and values.shape[-1] == 1]
    largest = model(*structure, box=box)["force"].abs().max().item()
    with torch.no_grad():
        for values in last:
            values /= largest
    per_atom = model(*structure, box=box)["energy"].item() / len(atoms)
    with torch.no_grad():
        for values in last:
            if values.ndim == 1:
                values -= per_atom
    return model


def main() -> None:
    kind, file = sys.argv[1:]
    torch.manual_seed(0)
    wrapper = importlib.import_module("deepmd.pt.train.wrapper").ModelWrapper
    if kind == "frozen":
        torch.jit.save(torch.jit.script(drawn(described("se_e2_a"))), file)
        return
    if kind == "multitask":
        branches = {name: described("dpa1") for name in ("OMat24", "MPtrj")}
        description = {"model_dict": branches}
        wrapped = wrapper({name: drawn(each) for name, each in branches.items()})
    else:
        description = described(kind)
        wrapped = wrapper(drawn(description))
    state = wrapped.state_dict()
    state["_extra_state"] = {"model_params": description, "train_infos": {}}
    torch.save({"model": state}, file)


if __name__ == "__main__":
    main()
