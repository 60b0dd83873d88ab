"""Records that were cut short, by a full disk or by hand: removed before the jobs are planned, and so made again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_END = b"\n}\n"


def remove_damaged(records: Iterable[Path | str]) -> list[Path]:
    """Remove those of the records that do not end as a record ends; the results of their cases stay.

    The summary of the model goes too: Snakemake makes no missing file again while what was made from it is there. Only
    the last bytes are read, since a campaign has thousands. Records are written whole or not at all, so that none that
    is being written is taken for a damaged one.

    Parameters
    ----------
    records : iterable of path

    Returns
    -------
    list of Path
        The records that were removed.
    """
    cut_short = [path for path in map(Path, records) if path.exists() and not _is_whole(path)]
    for path in cut_short:
        path.unlink()
        path.parents[1].joinpath("summary.json").unlink(missing_ok=True)
    return cut_short


def _is_whole(path: Path) -> bool:
    with open(path, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - len(_END)))
        return stream.read() == _END
