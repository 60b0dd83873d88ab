"""A calculator whose weights are a file."""

import json
from pathlib import Path

from ase.calculators.lj import LennardJones


def lennard_jones(weights):
    """Lennard-Jones with the parameters of a file."""
    return LennardJones(**json.loads(Path(weights).read_text()), rc=6.0)
