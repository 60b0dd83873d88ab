"""H5MD, HDF5 with agreed names for trajectories: what every file of ours begins with.

De Buyl, Colberg and Höfling, Comput. Phys. Commun. 185, 1546 (2014), doi:10.1016/j.cpc.2014.01.018.
"""

from __future__ import annotations

import h5py
import numpy as np


def write_head(file: h5py.File, units_named: str) -> None:
    """Version, author and creator, and the units in which numbers are, such as ``Å, fs, u``."""
    head = file.create_group("h5md")
    head.attrs["version"] = np.array([1, 1])
    head.create_group("author").attrs["name"] = "Assay"
    creator = head.create_group("creator")
    creator.attrs["name"], creator.attrs["version"] = "assay", "1"
    units = head.create_group("modules/units")
    units.attrs["version"] = np.array([1, 0])
    units.attrs["system"] = units_named
