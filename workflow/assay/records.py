"""Results on disk: written whole or not at all, and recognised again when a job comes back.

Every file is written under a temporary name in its own folder and renamed, so that a reader never sees half a file.
"""

from __future__ import annotations

import glob
import hashlib
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from assay.failures import UserError

PARTIAL = ".partial-"
"""How the names of files begin that are being written; the name of the file that is to be follows."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffixes, that takes its place when the block ends without an exception.

    Raises
    ------
    UserError
        If the folder cannot be written to.
    """
    path = Path(path)
    suffix = "".join(path.suffixes[-3:])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{PARTIAL}{path.name}-", suffix=suffix, dir=path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot write there ({error.strerror}); free the folder or choose another.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial(folder: Path, name: str = "", older_than_s: float = 0.0) -> None:
    """Remove what writers that were killed have left in a folder.

    Parameters
    ----------
    folder : Path
        It itself, not the folders in it.
    name : str, optional
        How the names of the files begin that were to be written; all unless given.
    older_than_s : float, optional
        Spare what is younger, because somebody may be writing it (s).
    """
    now = time.time()
    for path in Path(folder).glob(f"{PARTIAL}{glob.escape(name)}*"):
        with suppress(FileNotFoundError):  # its writer, if it lives after all, has finished
            if now - path.stat().st_mtime >= older_than_s:
                path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def plain(value: Any) -> Any:
    """`value` with numpy types, paths and mappings turned into what JSON knows; NaN and infinities become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically, keys in the order given."""
    write_text(path, json.dumps(plain(content), indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    UserError
        If the file is missing, truncated or not JSON, with what to do about it.
    """
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}); delete it and rerun the campaign.") from error


def fingerprint(*parts: Any) -> str:
    """A SHA-256 of what a result depends on: equal for equal content, whatever the order of keys."""
    text = json.dumps([plain(part) for part in parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
