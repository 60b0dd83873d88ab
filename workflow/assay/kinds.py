"""Whether a file that came over the network is what its name says, told from its first bytes."""

from __future__ import annotations

import re
from pathlib import Path

from assay.failures import UserError

MAGIC = {".zip": b"PK\x03\x04", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00"}
"""First bytes by the last suffix of a name."""

PAGES = frozenset({".html", ".htm", ".md"})
"""Suffixes of files that may be web pages."""

LOOKS_LIKE_HTML = re.compile(rb"^\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
POINTER_OF_GIT_LFS = b"version https://git-lfs.github.com/spec/"


class UnreadableRecord(UserError):
    """A file that is there but is not what its name says: truncated, a web page, a bomb, of another layout."""


def require_kind(path: Path, head: bytes, *, name: str = "", origin: str = "") -> None:
    """Refuse a file whose first bytes are not those of its suffix, a web page, and a mere pointer to a large file.

    Parameters
    ----------
    path : Path
    head : bytes
        The beginning of the file, a kilobyte or so.
    name : str
        The name that it will bear, where it bears another one yet.
    origin : str
        Where it comes from, for the message, in place of its path.

    Raises
    ------
    UnreadableRecord
        Saying what it is instead, where that can be told.
    """
    suffix = Path(name or path).suffix
    magic = MAGIC.get(suffix)
    page, pointer = LOOKS_LIKE_HTML.match(head), head.startswith(POINTER_OF_GIT_LFS)
    if head.startswith(magic) if magic else not (pointer or (page and suffix not in PAGES)):
        return
    if page:
        found = "a web page (HTML), such as servers send in place of a file that is not there"
    elif pointer:
        found = "the pointer that Git LFS keeps in place of a large file"
    else:
        found = f"something that begins with {head[:12]!r}" if head else "empty"
    expected = f"a {suffix} file" if suffix else "a file of data"
    raise UnreadableRecord(
        f"{origin or path}: expected {expected}, but it is {found}; fetch it anew, or look at its source."
    )
