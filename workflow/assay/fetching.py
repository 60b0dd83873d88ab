"""Weights that are not here yet: from a mirror or the network into a site's folder, each file once, verified.

No other module that has to do with models uses the network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay.checkpoints import HUB, RemoteFile, Weights, below, common_folder, remote_files, root_in, weights_at
from assay.downloads import Obtained, from_mirror, kept_file, obtain
from assay.failures import UserError
from assay.locks import held
from assay.transfers import Keys, Manners, Refused

LIMIT_MB = 4096.0
MANNERS = Manners(attempts=5, timeout_s=60.0, limit_s=6 * 3600.0)


def fetch(
    entry: Mapping[str, Any],
    folder: Path,
    mirror: Path | None = None,
    *,
    say: Callable[[str], None] = print,
    manners: Manners = MANNERS,
) -> Weights:
    """Weights from a mirror, from a site's folder, or from the network, verified.

    Two processes that want the same file fetch it once. Where the catalogue has no checksum of a file, the first one
    is recorded beside it, and another one is refused from then on.

    Parameters
    ----------
    entry : mapping
        ``name`` and ``checkpoint``.
    folder : Path
        The site's.
    mirror : Path, optional
        A folder that replaces the network.
    say : callable
        Receives one line at a time.
    manners : Manners, optional

    Raises
    ------
    UserError
        One sentence with the address, what is wrong, and the remedy.
    """
    name, checkpoint = entry["name"], entry["checkpoint"]
    wanted = remote_files(name, checkpoint)
    keys = Keys(
        address=f"{name}.checkpoint.{'url' if 'url' in checkpoint else 'hub'}",
        mirror="checkpoints.mirror",
        limit=f"{name}.checkpoint.limit_MB",
        checksum=f"{name}.checkpoint.sha256",
    )
    if mirror is None:
        limit_MB = checkpoint.get("limit_MB", LIMIT_MB)
        obtained = [_fetch_file(file, folder, checkpoint, keys, limit_MB, say, manners) for file in wanted]
        return weights_at(folder / common_folder(wanted), wanted, obtained[0].source)
    root = root_in(mirror, wanted)
    if root is None:
        names = ", ".join(str(file.place) for file in wanted)
        raise UserError(f"{mirror}: not in this mirror: {names}; add it there, or leave checkpoints.mirror empty.")
    for file in wanted:
        from_mirror(root / below(file, wanted), folder / file.place, keys, file.sha256)
    return weights_at(root, wanted, str(root / below(wanted[0], wanted)))


def _fetch_file(
    file: RemoteFile,
    folder: Path,
    checkpoint: Mapping[str, Any],
    keys: Keys,
    limit_MB: float,
    say: Callable[[str], None],
    manners: Manners,
) -> Obtained:
    target = folder / file.place
    if kept := kept_file(target, file.sha256):  # also where nobody may write, and thus lock
        return kept
    token = hub_token() if "hub" in checkpoint else None
    with held(target.with_name(f".{target.name}.lock"), say):
        say(f"fetching {file.url}")
        try:
            return obtain(
                file.url,
                target.name,
                target.parent,
                limit_MB=limit_MB,
                keys=keys,
                sha256=file.sha256,
                authorization=f"Bearer {token}" if token else None,
                keep_part=True,
                manners=manners,
            )
        except Refused as error:
            if "hub" not in checkpoint:
                raise
            page = f"{HUB}/{checkpoint['hub']['repo']}"
            remedy = "with the account of your token" if token else "and set HF_TOKEN"
            # the hub does not tell strangers which repositories there are
            raise UserError(
                f"{file.url}: the weights are gated, or there is no such repository; accept their licence at {page}"
                f" {remedy}."
            ) from error


def hub_token() -> str | None:
    """The person's token for the hub: $HF_TOKEN, else the file that the hub's own programs keep it in."""
    if token := os.environ.get("HF_TOKEN", "").strip():
        return token
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    path = Path(os.environ.get("HF_TOKEN_PATH") or home / "token").expanduser()
    try:
        return path.read_text().strip() or None
    except OSError:
        return None
