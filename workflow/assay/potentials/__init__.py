"""Machine-learned and classical potentials behind one interface: energies, forces and stresses of many structures.

`load` turns a catalogue entry into a `Potential`; ``potential.evaluate(batch)`` gives one `Result` per structure.
"""

from assay.potentials.base import Potential, Result, require_finite
from assay.potentials.loading import load

__all__ = ["Potential", "Result", "load", "require_finite"]
