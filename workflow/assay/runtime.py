"""The process environment in which models run fast beside others on a shared machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

from assay import provenance
from assay.failures import UserError

log = logging.getLogger("assay")


def recommended_environment(
    threads: int, devices: Sequence[str] = ("cpu",), changes: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Environment variables for a process that evaluates a potential on `threads` cores.

    They are read when the process starts, so whoever launches it has to set them.

    Parameters
    ----------
    threads : int
        Cores that the process may use.
    devices : sequence of str
        Devices that it may use, in order of preference.
    changes : mapping of str to str, optional
        Variables in place of these, and further ones.

    Returns
    -------
    dict of str to str
    """
    chosen = {
        # one pool of threads per library, none larger than the share of the machine
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "NUMEXPR_NUM_THREADS": str(threads),
        # threads that wait sleep: spinning ones starve another process on the same cores (measured: 4 times slower)
        "OMP_WAIT_POLICY": "passive",
        # large arrays come from the heap and stay there: the pages of a pass are not returned to the system and
        # faulted in again for the next one (measured: up to 3.7 times faster passes)
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "100000000000",
        "MALLOC_TOP_PAD_": "268435456",
        # packages of the user's home do not leak into a pinned environment
        "PYTHONNOUSERSITE": "1",
    }
    if any(device.startswith("cuda") for device in devices):
        # passes of many sizes leave gaps between blocks of a fixed size, which end in memory that runs out early
        chosen["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"
    return chosen | dict(changes or {})


def parse_host_settings(text: str) -> dict[str, str]:
    """``NAME=VALUE,NAME=VALUE`` as a mapping; empty text gives an empty one.

    Raises
    ------
    UserError
        If an item has no name or no equals sign.
    """
    settings = {}
    for item in filter(None, text.split(",")):
        name, equals, value = item.partition("=")
        if not name.strip() or not equals:
            raise UserError(f"--host-settings: {item!r} is not of the form NAME=VALUE; correct it.")
        settings[name.strip()] = value
    return settings


def choose_device(devices: Sequence[str]) -> str:
    """The first device of the list that is there; a warning where it is not the first.

    Parameters
    ----------
    devices : sequence of str
        In order of preference.

    Raises
    ------
    UserError
        If none is there.
    """
    for device in devices:
        if device == "cuda" and provenance.gpu_name() is None:
            continue
        if device != devices[0]:
            log.warning("%s, although %s was asked for; computing on %s", _no_gpu(), devices[0], device)
        return device
    raise UserError(
        f"--devices {','.join(devices)}: {_no_gpu()}; ask the scheduler for a GPU (profiles/README.md), or allow the"
        " CPU with `device_fallback: always` or `device: cpu` in the configuration."
    )


def _no_gpu() -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return f"torch sees no GPU here (CUDA_VISIBLE_DEVICES is {'not set' if visible is None else repr(visible)})"
