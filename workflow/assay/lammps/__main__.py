"""``python -m assay.lammps``."""

import sys

from assay.lammps.command import main

if __name__ == "__main__":
    sys.exit(main())
