"""The tools that install Python packages: which there are, how they are made to behave alike, what their errors mean.

Only the standard library is imported: this module also makes the driver's own environment.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from assay.failures import UserError, near_misses

TOOLS = ("mamba", "conda", "uv", "venv")

# What the index, the network or the machine did, as against what the file asks for. A build that stops at one of these
# may succeed tomorrow with the same file.
_TRANSIENT = re.compile(
    r"no space left|disk quota|read-only file system|permission denied|input/output error|cannot allocate memory"
    r"|connection|timed? ?out|temporary failure|name resolution|dns error|network|failed to fetch|error sending request"
    r"|ssl|certificate|proxy|too many requests|service unavailable|bad gateway|http status (server|5\d\d)|\b50[0-4]\b"
    r"|incompleteread|connectionreset|condahttperror|hash mismatch",
    re.IGNORECASE,
)

# pip's settings that uv knows under another name (uv reads no PIP_* variable).
_PIP_TO_UV = {
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_CONSTRAINT": "UV_CONSTRAINT",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_CACHE_DIR": None,
    "PIP_DEFAULT_TIMEOUT": "UV_HTTP_TIMEOUT",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
}


def choose_tool(preference: str | None = None) -> str:
    """The tool that builds environments: `preference` (or ASSAY_ENVIRONMENT_TOOL), else the first that is on PATH.

    Raises
    ------
    UserError
        If the preference is unknown or is not installed.
    """
    preference = preference or os.environ.get("ASSAY_ENVIRONMENT_TOOL") or "auto"
    if preference == "auto":
        return next((tool for tool in ("mamba", "conda") if shutil.which(tool)), "uv" if find_uv() else "venv")
    if preference not in TOOLS:
        hint = near_misses(preference, ("auto", *TOOLS))
        raise UserError(f"ASSAY_ENVIRONMENT_TOOL: unknown tool {preference!r}{hint}")
    if preference in ("mamba", "conda") and not shutil.which(preference):
        raise UserError(f"ASSAY_ENVIRONMENT_TOOL: {preference!r} is not on PATH; install it or unset the variable.")
    if preference == "uv" and not find_uv():
        raise UserError("ASSAY_ENVIRONMENT_TOOL: 'uv' is not on PATH; `pip install uv` or unset the variable.")
    return preference


def find_uv() -> str | None:
    """Path of uv: beside the running interpreter, else on PATH."""
    return shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


def tool_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment variables under which uv behaves as pip is configured to.

    Where both are set, uv's own variable wins.
    """
    variables = dict(environ)
    for pip_name, uv_name in _PIP_TO_UV.items():
        value = environ.get(pip_name)
        if uv_name and value and uv_name not in environ:
            variables[uv_name] = value
    # find-links: pip separates by blanks, uv by commas
    if "UV_FIND_LINKS" not in environ and environ.get("PIP_FIND_LINKS"):
        variables["UV_FIND_LINKS"] = ",".join(environ["PIP_FIND_LINKS"].split())
    return variables


def local_builds(requirements: Sequence[str], find_links: str, python: str) -> dict[str, str]:
    """Pins that a local wheel of the same version satisfies with a build tag, such as ``torch==2.13.0+cpu``.

    pip prefers such a wheel over the index by itself; uv must be told, or it fetches the index's build.

    Parameters
    ----------
    requirements : sequence of str
        Lines such as ``torch==2.13.0``.
    find_links : str
        Folders, separated by blanks or commas (PIP_FIND_LINKS).
    python : str
        Version of the interpreter, such as ``3.11``.

    Returns
    -------
    dict of str to str
        Version with its build tag by package name.
    """
    tag = f"cp{python.replace('.', '')}"
    wheels: dict[tuple[str, str], str] = {}
    for folder in re.split(r"[\s,]+", find_links.strip()):
        for wheel in sorted(Path(folder.removeprefix("file://")).glob("*+*.whl")) if folder else ():
            name, version, *_, python_tag, _abi, _platform = wheel.stem.split("-")
            if python_tag in (tag, "py3"):
                wheels[normalised(name), version.partition("+")[0]] = version
    pins = {}
    for line in requirements:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^\s;+]+)\s*(;|$)", line)
        if match and (normalised(match[1]), match[2]) in wheels:
            pins[match[1]] = wheels[normalised(match[1]), match[2]]
    return pins


def normalised(name: str) -> str:
    """A package's name as all tools would spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_transient(output: str) -> bool:
    """Whether the tail of a tool's output tells of the network, the disk or the machine rather than of the file."""
    return bool(_TRANSIENT.search("\n".join(output.splitlines()[-40:])))
