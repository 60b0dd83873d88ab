"""What downloaded files hold, unpacked in memory and never further than a limit.

Nothing is ever written under a name that an archive gives: one member is looked for by its base name and its bytes are
returned.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zipfile
import zlib
from pathlib import Path

from assay.failures import UserError
from assay.kinds import UnreadableRecord, require_kind

MEBIBYTE = 2**20
CHUNK_BYTES = 2**16
XZ_MEMORY_BYTES = 256 * MEBIBYTE
"""Memory that the dictionary of an xz file may ask for; `xz -9` asks for 65 MiB."""


def unpack(path: Path, *, member: str = "", limit_MB: float) -> bytes:
    """The content of a compressed file: ``.bz2``, ``.xz``, or one member of a ``.zip``, which may be compressed itself.

    Parameters
    ----------
    path : Path
    member : str
        Base name of the member of a zip archive.
    limit_MB : float
        Most that the content may have when unpacked (MiB).

    Raises
    ------
    UnreadableRecord
        If the file is truncated, damaged, of another kind, beyond the limit, or an archive with a suspicious path.
    """
    path = Path(path)
    limit = int(limit_MB * MEBIBYTE)
    try:
        with open(path, "rb") as stream:
            require_kind(path, stream.read(1024))
        if path.suffix == ".zip":
            packed = _member_of_zip(path, member, limit)
            return _unpack_bytes(path, packed, Path(member).suffix, limit)
        return _unpack_bytes(path, path.read_bytes(), path.suffix, limit)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file.") from error
    except (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise UnreadableRecord(f"{path}: truncated or damaged ({error}); remove it and fetch it anew.") from error


def _unpack_bytes(path: Path, packed: bytes, suffix: str, limit: int) -> bytes:
    makers = {".bz2": bz2.BZ2Decompressor, ".xz": lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)}
    if suffix not in makers:
        return packed
    content = bytearray()
    while packed:  # a file may hold several streams, one after the other
        decompressor = makers[suffix]()
        while not decompressor.eof:
            content += decompressor.decompress(packed, max_length=CHUNK_BYTES)
            packed = b""
            if len(content) > limit:
                raise _too_large(path, limit)
            if decompressor.needs_input and not decompressor.eof:
                raise EOFError("the compressed data end too early")
        packed = decompressor.unused_data.lstrip(b"\0")
    return bytes(content)


def _member_of_zip(path: Path, member: str, limit: int) -> bytes:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.replace("\\", "/")
            if name.startswith("/") or ".." in name.split("/") or re.match(r"^[A-Za-z]:", name):
                raise UnreadableRecord(
                    f"{path}: holds a member whose path leads out of the archive ({info.filename!r});"
                    " nothing was unpacked, do not trust this file."
                )
        found = [info for info in archive.infolist() if info.filename.rsplit("/", 1)[-1] == member]
        if len(found) != 1:
            names = ", ".join(sorted(archive.namelist())[:8])
            raise UnreadableRecord(f"{path}: expected one member {member}, found {len(found)} (members: {names}).")
        info = found[0]
        if info.flag_bits & 0x1:
            raise UnreadableRecord(f"{path}: {info.filename} is encrypted; give an archive without a password.")
        if info.file_size > limit:
            raise _too_large(path, limit)
        with archive.open(info) as stream:
            content = stream.read(limit + 1)
    if len(content) > limit:
        raise _too_large(path, limit)
    return content


def _too_large(path: Path, limit: int) -> UnreadableRecord:
    return UnreadableRecord(
        f"{path}: more than {limit / MEBIBYTE:.4g} MiB when unpacked; if that is meant,"
        " raise phonons.database.max_unpacked_MB."
    )
