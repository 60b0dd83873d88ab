"""Numbers as people read them."""

from __future__ import annotations

import numpy as np

LONG = 1e6
"""Numbers from here on are written with a power of ten."""


def with_error(value: float, stderr: float, unit: str = "") -> str:
    """A number with its standard error, to the digits that the error leaves: ``1.31 ± 0.35 THz``."""
    unit = f" {unit}" if unit else ""
    if not np.isfinite(stderr) or stderr <= 0:
        return f"{value:.3g}{unit}"
    digits = 1 - int(np.floor(np.log10(stderr)))
    if digits < -3 or digits > 5 or abs(value) >= LONG:
        return f"{value:.3g} ± {stderr:.2g}{unit}"
    return f"{value:.{max(digits, 0)}f} ± {stderr:.{max(digits, 0)}f}{unit}"
