"""What may be left out where a guest comes too near to its host."""

from __future__ import annotations

import numpy as np

REPULSIVE_eV = 1.0
"""An insertion energy above which the Boltzmann factor is nothing: 2e-17 at 300 K, 8e-11 at 500 K."""


def repulsive_everywhere(energies_eV: np.ndarray) -> tuple[bool, str]:
    """Whether a random sample of overlaps allows to leave the others out, and why or why not.

    Parameters
    ----------
    energies_eV : ndarray, shape (n,)
        Insertion energies of the sample; NaN where the model gave no number.

    Returns
    -------
    allowed : bool
    reason : str
        For people. All n repulsive means, with 95 % confidence, that fewer than 3/n of all overlaps are not; how much
        weight those carry, the sample cannot tell.
    """
    count = len(energies_eV)
    unknown = int(np.isnan(energies_eV).sum())
    if count == 0:
        return False, "there are no overlaps"
    if unknown:
        return False, f"{unknown} of {count} sampled overlaps have no finite energy: all are evaluated"
    low = float(energies_eV.min())
    if low <= REPULSIVE_eV:
        return False, f"the lowest of {count} sampled overlaps has {low:.3g} eV: all are evaluated"
    return True, f"all of {count} sampled overlaps are above {REPULSIVE_eV:g} eV (lowest: {low:.3g} eV)"
