"""A small PET model with random weights: ``python metatomic.py pet FILE`` (or pet-direct, checkpoint).

Exported as metatomic models are (.pt) or, for the kind ``checkpoint``, saved as metatrain's training saves it (.ckpt).
"""

import sys

# this program's folder holds a module of the package's name
sys.path.pop(0)

import torch
from ase.data import atomic_numbers
from metatrain.pet import PET
from metatrain.utils.architectures import get_default_hypers
from metatrain.utils.data import DatasetInfo
from metatrain.utils.data.target_info import get_energy_target_info, get_generic_target_info

ELEMENTS = ("H", "C", "O", "Mg", "Si", "Cu")

SIZE = {"cutoff": 4.5, "d_pet": 16, "d_node": 16, "d_head": 16, "d_feedforward": 16, "num_heads": 2}


def targets(direct: bool) -> dict:
    """An energy and, if asked for, direct forces and stress."""
    found = {"energy": get_energy_target_info("energy", {"quantity": "energy", "unit": "eV"})}
    if direct:
        for name, unit, rank, atomic in (("force", "eV/Angstrom", 1, True), ("stress", "eV/Angstrom^3", 2, False)):
            key = f"non_conservative_{name}"
            description = {"quantity": "", "unit": unit, "num_subtargets": 1, "type": {"cartesian": {"rank": rank}}}
            kind = {"sample_kind": "atom" if atomic else "system", "per_atom": atomic}
            found[key] = get_generic_target_info(key, {**description, **kind})
    return found


def main() -> None:
    kind, file = sys.argv[1:]
    torch.manual_seed(0)
    hypers = get_default_hypers("pet")["model"]
    known = {key: value for key, value in SIZE.items() if key in hypers}
    info = DatasetInfo(
        length_unit="angstrom",
        atomic_types=sorted(atomic_numbers[symbol] for symbol in ELEMENTS),
        targets=targets(kind == "pet-direct"),
    )
    model = PET({**hypers, **known, "num_gnn_layers": 1, "num_attention_layers": 1}, info)
    if kind == "checkpoint":
        torch.save(model.get_checkpoint(), file)
    else:
        model.export().save(file)


if __name__ == "__main__":
    main()
