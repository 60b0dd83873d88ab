"""Single points on disk: what a long reference job has finished, found again when the job is started anew.

Every finished point is one JSON file, written atomically, which carries the fingerprint of everything that it depends
on (geometry, numerical settings, versions of the code). A point whose fingerprint differs counts as unfinished.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ase import Atoms

from assay.records import fingerprint, read_json, write_json

POSITION_DECIMALS = 9
"""Decimals (of an ångström) in which two geometries must agree to be the same point."""


class PointStore:
    """Finished single points of one job, one file each.

    Parameters
    ----------
    folder : Path
        Where the points lie; made at the first write.
    depends_on : Any
        What all points of the job depend on, such as settings and versions.
    """

    def __init__(self, folder: Path, depends_on: Any) -> None:
        self.folder = Path(folder)
        self.depends_on = depends_on

    def get(self, label: str, *parts: Any) -> dict | None:
        """The finished point `label`, or None if there is none with this fingerprint."""
        path = self.folder / f"{label}.json"
        if not path.exists():
            return None
        point = read_json(path)
        return point if point["fingerprint"] == fingerprint(self.depends_on, *parts) else None

    def put(self, label: str, point: dict, *parts: Any) -> dict:
        """Write the finished point `label` and return it as a reader will find it."""
        path = self.folder / f"{label}.json"
        write_json(path, {"fingerprint": fingerprint(self.depends_on, *parts), **point})
        return read_json(path)

    def get_or_make(self, label: str, make: Callable[[], dict], *parts: Any) -> tuple[dict, bool]:
        """The point and whether it had to be made now."""
        point = self.get(label, *parts)
        if point is not None:
            return point, False
        return self.put(label, make(), *parts), True


def geometry(atoms: Atoms) -> dict:
    """What identifies a geometry in a fingerprint: species, cell and positions (Å), periodicity, starting moments."""
    return {
        "numbers": atoms.numbers,
        "cell_A": atoms.cell.array.round(POSITION_DECIMALS) + 0.0,
        "positions_A": atoms.positions.round(POSITION_DECIMALS) + 0.0,
        "pbc": atoms.pbc,
        "initial_magnetic_moments": atoms.get_initial_magnetic_moments(),
    }
