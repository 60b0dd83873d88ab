"""Weights of potentials: where they are published, where a site keeps them, and what is in them.

An entry of the catalogue says ``checkpoint: bundled``, ``none``, ``{path}``, ``{url}`` or ``{hub: {repo, file,
revision}}`` (https://huggingface.co). What has to be fetched is fetched once per site, into a folder arranged as the
addresses are: ``github.com/.../weights.pth``, ``huggingface.co/OWNER/NAME/REVISION/weights.pth``. A copy of that
folder, or the files alone, is a mirror for machines without a network. Results depend on the content of the weights and
not on their place.
"""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from assay.downloads import lock_path, read_lock
from assay.failures import UserError
from assay.records import file_sha256

SITE_VARIABLE = "ASSAY_CHECKPOINTS"
"""The environment variable that names a site's folder of weights."""

HUB = "https://huggingface.co"

Checkpoint = str | Mapping[str, Any]
"""The key ``checkpoint`` of an entry."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of weights that are to be fetched.

    Attributes
    ----------
    url : str
    place : PurePosixPath
        Below a site's folder.
    sha256 : str or None
        Pinned checksum.
    """

    url: str
    place: PurePosixPath
    sha256: str | None


@dataclass(frozen=True)
class Weights:
    """Weights that are here.

    Attributes
    ----------
    path : Path
        A file, or a folder of several.
    sha256 : str
        Of the content, as of `content_sha256`.
    source : str
        Address, or path in a mirror.
    files : tuple of str
        Names of the files in the folder, where it is one.
    """

    path: Path
    sha256: str
    source: str
    files: tuple[str, ...] = ()


def is_remote(checkpoint: Checkpoint) -> bool:
    """Whether the weights have to be fetched."""
    return isinstance(checkpoint, Mapping) and ("url" in checkpoint or "hub" in checkpoint)


def local_files(checkpoint: Checkpoint) -> list[Path]:
    """The files of a checkpoint that is given by its path: those that exist, and those that a rule is to make."""
    if not isinstance(checkpoint, Mapping) or "path" not in checkpoint:
        return []
    path = Path(checkpoint["path"]).expanduser()
    if is_result(path):
        return [path]
    return _files_below(path) if path.is_dir() else [path] if path.exists() else []


def is_result(path: Path) -> bool:
    """Whether a rule of the campaign makes this file."""
    return not path.is_absolute() and path.parts[:1] == ("results",)


def site_folder(configured: str = "") -> Path:
    """Where a site keeps weights: `configured`, else $ASSAY_CHECKPOINTS, else ``~/.cache/assay/checkpoints``."""
    return Path(configured or os.environ.get(SITE_VARIABLE) or "~/.cache/assay/checkpoints").expanduser()


def content_sha256(path: Path, files: Iterable[str] = ()) -> str:
    """SHA-256 of a file, or of what ``sha256sum`` says of the files of a folder, all unless given, sorted by name."""
    path = Path(path)
    if not path.is_dir():
        return file_sha256(path)
    names = sorted(files) or [file.relative_to(path).as_posix() for file in _files_below(path)]
    return hashlib.sha256("".join(f"{file_sha256(path / name)}  {name}\n" for name in names).encode()).hexdigest()


def identity(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What of a job's entry its results depend on: of weights their content, wherever they come from and lie."""
    weights = entry.get("weights", {})
    if "sha256" not in weights:
        return dict(entry)
    kept = {key: value for key, value in entry.items() if key not in ("checkpoint", "weights")}
    return kept | {"checkpoint": {"sha256": weights["sha256"]}}


def remote_files(name: str, checkpoint: Mapping[str, Any]) -> list[RemoteFile]:
    """The files to fetch.

    Raises
    ------
    UserError
        If an address or the name of a file would lead out of a site's folder.
    """
    pinned = checkpoint.get("sha256")
    if "url" in checkpoint:
        parts = urllib.parse.urlsplit(checkpoint["url"])
        folders = [urllib.parse.unquote(part) for part in parts.path.split("/") if part]
        if not (parts.hostname and folders):
            raise UserError(f"{name}.checkpoint.url: {checkpoint['url']!r} is not the address of a file; correct it.")
        # what a server is asked may decide which file it is
        asked = [urllib.parse.quote(parts.query, safe="=&")] if parts.query else []
        place = _place(name, [parts.hostname, *folders[:-1], *asked, folders[-1]])
        return [RemoteFile(checkpoint["url"], place, pinned)]
    hub = checkpoint["hub"]
    base = os.environ.get("HF_ENDPOINT") or HUB
    files = []
    for file in hub.get("files") or [hub["file"]]:
        url = f"{base.rstrip('/')}/{hub['repo']}/resolve/{hub['revision']}/{urllib.parse.quote(file)}"
        place = _place(name, f"huggingface.co/{hub['repo']}/{hub['revision']}/{file}".split("/"))
        files.append(RemoteFile(url, place, pinned.get(file) if isinstance(pinned, Mapping) else pinned))
    return files


def weights_of(entry: Mapping[str, Any]) -> Weights:
    """Where the weights of an entry are, once they are here.

    The entry of a job says so itself (``weights``, from the rule describe_model). For any other one, weights that have
    to be fetched are looked for where the site keeps them.

    Parameters
    ----------
    entry : mapping
        ``name``, ``checkpoint`` (with ``path``, ``url`` or ``hub``), and of a job ``weights``.

    Raises
    ------
    UserError
        If they are missing, empty, could not be fetched, or are not those of the checksum.
    """
    name, checkpoint, given = entry["name"], entry["checkpoint"], entry.get("weights") or {}
    if "failed" in given:
        raise UserError(given["failed"])
    if is_remote(checkpoint) and not given:
        return kept_weights(name, checkpoint, site_folder())
    path = Path(given.get("path") or checkpoint["path"]).expanduser()
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        state = "is empty" if path.exists() else "does not exist"
        raise UserError(f"{name}: the checkpoint {path} {state}.")
    files = tuple(given.get("files", ()))
    found, expected = content_sha256(path, files), given.get("sha256") or checkpoint.get("sha256")
    if expected and found != expected:
        raise UserError(
            f"{name}: the checkpoint {path} is not the one of the catalogue: its SHA-256 is {found}, not {expected}."
        )
    return Weights(path, found, str(path), files)


def kept_weights(name: str, checkpoint: Mapping[str, Any], folder: Path) -> Weights:
    """Weights that were fetched to a site's folder before, or lie there alone.

    A file whose checksum is neither pinned nor recorded is taken as it is.

    Raises
    ------
    UserError
        If they are not there, or another file is.
    """
    wanted = remote_files(name, checkpoint)
    root = root_in(folder, wanted)
    if root is None:
        raise UserError(
            f"{name}: its weights are not in {folder}; fetch them with"
            f" `python workflow/scripts/fetch_checkpoint.py {name}`, or name their folder in {SITE_VARIABLE}."
        )
    for file in wanted:
        path = root / below(file, wanted)
        recorded = read_lock(path)
        expected = file.sha256 or (recorded["sha256"] if recorded else None)
        if expected and file_sha256(path) != expected:
            raise UserError(
                f"{path}: its SHA-256 is not {expected}, which is expected; remove it, or {lock_path(path).name} if"
                " that is wrong, and fetch it again."
            )
    return weights_at(root, wanted, wanted[0].url)


def weights_at(root: Path, wanted: Sequence[RemoteFile], source: str) -> Weights:
    """Weights that lie in a folder as `root_in` has found it."""
    names = tuple(str(below(file, wanted)) for file in wanted)
    if len(names) == 1:
        return Weights(root / names[0], file_sha256(root / names[0]), source)
    return Weights(root, content_sha256(root, names), source.removesuffix(names[0]).rstrip("/"), names)


def common_folder(wanted: Sequence[RemoteFile]) -> PurePosixPath:
    """The folder of all files of a checkpoint."""
    return PurePosixPath(os.path.commonpath([str(file.place.parent) for file in wanted]))


def below(file: RemoteFile, wanted: Sequence[RemoteFile]) -> PurePosixPath:
    """The place of a file in the folder of all."""
    return file.place.relative_to(common_folder(wanted))


def root_in(folder: Path, wanted: Sequence[RemoteFile]) -> Path | None:
    """Where in a folder all the files lie: by their addresses, or just there."""
    for root in (folder / common_folder(wanted), folder):
        if all((root / below(file, wanted)).is_file() for file in wanted):
            return root
    return None


def _place(name: str, parts: list[str]) -> PurePosixPath:
    """A path below a site's folder of the parts of an address, none of which may name another folder."""
    if any(not part or part.startswith(".") or set(part) & set("/\\\0") for part in parts):
        raise UserError(f"{name}.checkpoint: {'/'.join(parts)!r} has parts that are no plain names; correct it.")
    return PurePosixPath(*parts)


def _files_below(folder: Path) -> list[Path]:
    """Visible files, without the checksums that are recorded beside downloads."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in found if not path.name.endswith(".lock.json"))
