"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def columns(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows in columns as wide as they need be: numbers to the right, words to the left, the last column as it is.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence
        As many cells each as the header has; a column counts as numbers if its first cell is one.
    """
    text = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*text, strict=True)]
    numbers = [bool(rows) and isinstance(cell, int | float) for cell in (rows[0] if rows else header)]
    lines = []
    for line in text:
        cells = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
