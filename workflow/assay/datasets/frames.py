"""Frames of a data set, one after the other, in memory that does not grow with the file.

Extended XYZ (also compressed with xz, gzip or bzip2) is cut into frames line by line, each of which ase parses: its own
reader notes the place of every frame first. MPtrj's JSON (Deng et al., Nat. Mach. Intell. 5, 1031 (2023),
doi:10.1038/s42256-023-00716-3) is one object of many gigabytes, of which `ijson` hands over a material at a time.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from assay.failures import UserError, near_misses

OPENERS = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
EXTENDED_XYZ, MPTRJ_JSON = "extxyz", "mptrj-json"
FORMATS = (EXTENDED_XYZ, MPTRJ_JSON)


def read_frames(path: Path, kind: str | None = None) -> Iterator[Atoms]:
    """Structures of a data set, with forces where the file has them.

    Parameters
    ----------
    path : Path
        Extended XYZ or JSON of MPtrj's layout; ``.xz``, ``.gz`` and ``.bz2`` are unpacked on the way.
    kind : str, optional
        One of `FORMATS`; told from the name unless given.

    Raises
    ------
    UserError
        If the file is missing, ends early, or a frame is malformed, with the frame's number.
    """
    path = Path(path)
    kind = kind or _kind(path)
    if kind not in FORMATS:
        raise UserError(f"{path}: unknown format {kind!r}{near_misses(kind, FORMATS)}")
    try:
        with OPENERS.get(path.suffix, open)(path, "rb") as stream:
            yield from (_extended_xyz if kind == EXTENDED_XYZ else _mptrj)(path, stream)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file; correct datasets.path.") from error
    except (lzma.LZMAError, EOFError, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: the compressed file is damaged or ends early ({error}); fetch it again.") from error


def _kind(path: Path) -> str:
    suffixes = [suffix for suffix in path.suffixes if suffix not in OPENERS]
    return MPTRJ_JSON if suffixes[-1:] == [".json"] else EXTENDED_XYZ


def _extended_xyz(path: Path, stream: IO[bytes]) -> Iterator[Atoms]:
    number = 0
    lines = io.TextIOWrapper(stream, encoding="utf-8", errors="replace")
    for head in lines:
        if not head.strip():
            continue
        number += 1
        try:
            count = int(head)
        except ValueError as error:
            raise _malformed(path, number, f"expected a number of atoms, found {head.strip()[:40]!r}") from error
        body = [line for _, line in zip(range(count + 1), lines, strict=False)]
        if len(body) < count + 1:
            raise _malformed(path, number, f"the file ends before its {count} atoms")
        yield _parsed(path, number, head + "".join(body))


def _parsed(path: Path, number: int, text: str) -> Atoms:
    try:
        with warnings.catch_warnings():
            # hints on the names of columns that ase reserves
            warnings.simplefilter("ignore")
            atoms = ase.io.read(io.StringIO(text), format="extxyz")
    except Exception as error:
        # ase's reader raises whatever goes wrong in it
        raise _malformed(path, number, " ".join(str(error).split())[:120] or type(error).__name__) from error
    return atoms


def _mptrj(path: Path, stream: IO[bytes]) -> Iterator[Atoms]:
    try:
        import ijson
    except ImportError as error:
        raise UserError(f"{path}: JSON of this size is read by the package ijson; install it.") from error
    number = 0
    try:
        for _, frames in ijson.kvitems(stream, "", use_float=True):
            for name, frame in frames.items():
                number += 1
                yield _from_mptrj(path, number, name, frame)
    except ijson.JSONError as error:
        raise _malformed(path, number + 1, " ".join(str(error).split())[:120]) from error


def _from_mptrj(path: Path, number: int, name: str, frame: dict[str, Any]) -> Atoms:
    try:
        structure = frame["structure"]
        sites = structure["sites"]
        atoms = Atoms(
            [site["species"][0]["element"] for site in sites],
            scaled_positions=[site["abc"] for site in sites],
            cell=structure["lattice"]["matrix"],
            pbc=True,
        )
        if frame.get("force") is not None:
            forces = np.array(frame["force"], dtype=float).reshape(len(atoms), 3)
            atoms.calc = SinglePointCalculator(atoms, forces=forces)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(path, number, f"{name}: {type(error).__name__}: {error}") from error
    return atoms


def _malformed(path: Path, number: int, what: str) -> UserError:
    return UserError(f"{path}: frame {number} is malformed ({what}); remove or repair it.")
