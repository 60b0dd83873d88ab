"""Isolated Python environments from conda-format files, built by mamba, conda, uv or plain venv and pip.

Only the standard library is imported at the top: this module also makes the driver's own environment.

An environment file is conda's YAML with every Python package in its ``pip:`` section. Two comments are read as well:
``# import: torch, sevenn`` (what the import check imports) and ``# apt: libxc-dev`` (system packages that conda would
bring and that venvs need from the system).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.failures import UserError, near_misses

TOOLS = ("mamba", "conda", "uv", "venv")
LOCK = "environment.lock"
FAILED = "# status: failed"

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


@dataclass(frozen=True)
class Specification:
    """What an environment file asks for.

    Attributes
    ----------
    name : str
        The file's stem, such as ``sevennet``.
    path : Path
        The file.
    python : str
        Version of the interpreter, such as ``3.11``.
    requirements : tuple of str
        Lines of the ``pip:`` section.
    imports : tuple of str
        Modules that the import check imports.
    system : tuple of str
        Debian packages that the venv routes need.
    variables : mapping of str to str
        Environment variables (conda's key ``variables``) that the installation needs too.
    """

    name: str
    path: Path
    python: str
    requirements: tuple[str, ...]
    imports: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


class BuildFailure(Exception):
    """An environment could not be built.

    Attributes
    ----------
    permanent : bool
        True where the file itself asks for what cannot be (no such version, conflict, failing import): the same file
        fails again. False where the network, the disk or the machine stood in the way.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


def read_specification(path: Path) -> Specification:
    """Read an environment file.

    Raises
    ------
    UserError
        If it is missing, is not conda's format, or a Python package is not pinned with ``==``.
    """
    import yaml

    path = Path(path)
    try:
        text = path.read_text()
        content = yaml.safe_load(text)
    except FileNotFoundError as error:
        known = [other.stem for other in sorted(path.parent.glob("*.yaml"))]
        hint = near_misses(path.stem, known)
        raise UserError(f"{path}: there is no such environment file{hint}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    dependencies = content.get("dependencies") if isinstance(content, dict) else None
    if not isinstance(dependencies, list):
        raise UserError(f"{path}: expected conda's format with a list `dependencies`.")
    requirements: list[str] = []
    python = ""
    for item in dependencies:
        if isinstance(item, dict):
            requirements += [str(line) for line in item.get("pip") or []]
        elif match := re.fullmatch(r"python\s*=+\s*(\d+\.\d+)(\.\d+)?", str(item)):
            python = match[1]
    if not python:
        raise UserError(f"{path}: dependencies: name the interpreter as `python=3.11`.")
    for line in requirements:
        if not line.startswith("-") and "==" not in line.split(";")[0]:
            raise UserError(f"{path}: dependencies.pip: {line!r} is not pinned; write it as `name==version`.")
    return Specification(
        name=path.stem,
        path=path,
        python=python,
        requirements=tuple(requirements),
        imports=_comment(text, "import"),
        system=_comment(text, "apt"),
        variables={str(key): str(value) for key, value in (content.get("variables") or {}).items()},
    )


def _comment(text: str, key: str) -> tuple[str, ...]:
    found = re.findall(rf"^#\s*{key}:\s*(.+)$", text, flags=re.MULTILINE)
    return tuple(word for line in found for word in re.split(r"[,\s]+", line.strip()) if word)


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
                wheels[_normalised(name), version.partition("+")[0]] = version
    pins = {}
    for line in requirements:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^\s;+]+)\s*(;|$)", line)
        if match and (_normalised(match[1]), match[2]) in wheels:
            pins[match[1]] = wheels[_normalised(match[1]), match[2]]
    return pins


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def is_transient(output: str) -> bool:
    """Whether the tail of a tool's output tells of the network, the disk or the machine rather than of the file."""
    return bool(_TRANSIENT.search("\n".join(output.splitlines()[-40:])))


def build(
    specification: Specification,
    prefix: Path,
    *,
    tool: str,
    project: Path,
    report: Callable[[str], None] = print,
) -> Path:
    """Build an environment and write its lock.

    Parameters
    ----------
    specification : Specification
        What to install.
    prefix : Path
        Where; whatever is there is removed first.
    tool : str
        One of `TOOLS`.
    project : Path
        Folder of pyproject.toml: `assay` itself is installed editable and without dependencies.
    report : callable
        Receives progress and the tools' output, line by line.

    Returns
    -------
    Path
        The lock: interpreter, platform and the exact version of every installed package.

    Raises
    ------
    BuildFailure
        If a step fails.
    """
    start = time.monotonic()
    prefix = Path(prefix)
    if prefix.exists():
        shutil.rmtree(prefix)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    report(f"building {prefix} from {specification.path} with {tool}")
    if tool in ("mamba", "conda"):
        _run([tool, "env", "create", "--yes", "--prefix", str(prefix), "--file", str(specification.path)], report)
        _run([_python(prefix), "-m", "pip", "install", "--no-deps", "--editable", str(project)], report)
    else:
        install = _uv_installer if tool == "uv" else _pip_installer
        install(specification, prefix, project, report)
    _check_imports(specification, prefix, tool, report)
    lock = prefix / LOCK
    write_lock(lock, _describe(prefix, tool, specification.requirements))
    report(f"built {prefix} in {time.monotonic() - start:.0f} s")
    return lock


def _python(prefix: Path) -> str:
    return str(prefix / "bin" / "python")


def _interpreter(version: str) -> str:
    """The interpreter to make a venv of: the running one where its version fits, else the one of that name."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    name = f"python{version}"
    return shutil.which(name) or name


def _uv_installer(specification: Specification, prefix: Path, project: Path, report: Callable[[str], None]) -> None:
    uv = find_uv()
    if not uv:
        raise BuildFailure("uv is not installed; `pip install uv`.", permanent=False)
    variables = tool_variables(os.environ) | specification.variables
    _run([uv, "venv", "--quiet", "--python", _interpreter(specification.python), str(prefix)], report, variables)
    requirements, constraints = _write_requirements(specification, prefix)
    install = [uv, "pip", "install", "--python", _python(prefix)]
    options = ["--constraint", str(constraints)] if constraints else []
    _run([*install, "--compile-bytecode", *options, "--requirement", str(requirements)], report, variables)
    _run([*install, "--no-deps", "--editable", str(project)], report, variables)


def _pip_installer(specification: Specification, prefix: Path, project: Path, report: Callable[[str], None]) -> None:
    _run([_interpreter(specification.python), "-m", "venv", str(prefix)], report)
    requirements, constraints = _write_requirements(specification, prefix)
    install = [_python(prefix), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    options = ["--constraint", str(constraints)] if constraints else []
    _run([*install, *options, "--requirement", str(requirements)], report, {**os.environ, **specification.variables})
    _run([*install, "--no-deps", "--editable", str(project)], report)


def _write_requirements(specification: Specification, prefix: Path) -> tuple[Path, Path | None]:
    requirements = prefix / "requirements.txt"
    requirements.write_text("".join(f"{line}\n" for line in specification.requirements))
    find_links = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS") or ""
    pins = local_builds(specification.requirements, find_links, specification.python)
    if not pins:
        return requirements, None
    constraints = prefix / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    return requirements, constraints


def _check_imports(specification: Specification, prefix: Path, tool: str, report: Callable[[str], None]) -> None:
    for module in (*specification.imports, "assay"):
        try:
            _run([_python(prefix), "-c", f"import {module}"], report)
        except BuildFailure as error:
            remedy = ""
            if specification.system and tool in ("uv", "venv"):
                remedy = f"; the system must bring it: apt-get install {' '.join(specification.system)}"
            raise BuildFailure(f"`import {module}` fails in {prefix}: {error}{remedy}", permanent=True) from error


def _describe(prefix: Path, tool: str, requirements: Sequence[str] = ()) -> str:
    """Lock text: what was really installed, without dates or paths, so that an equal environment has an equal lock."""
    code = "import platform; print(platform.python_version(), platform.machine())"
    lines = [f"# python {_capture([_python(prefix), '-c', code]).strip()}"]
    if tool in ("mamba", "conda"):
        lines += sorted(
            line
            for line in _capture([tool, "list", "--prefix", str(prefix), "--export"]).splitlines()
            if line[:1] != "#"
        )
    if tool == "uv":
        frozen = _capture([find_uv() or "uv", "pip", "freeze", "--python", _python(prefix), "--exclude-editable"])
    else:
        command = [_python(prefix), "-m", "pip", "list", "--format", "freeze", "--exclude-editable"]
        frozen = _capture([*command, "--disable-pip-version-check"])
    # what a tool puts into every environment by itself is no part of this one, unless the file asks for it
    wanted = {_normalised(re.split(r"[=\[;\s]", line)[0]) for line in requirements}
    unwanted = {"pip", "setuptools", "wheel"} - wanted
    # tools spell a name in their own ways (PyYAML, pyyaml): in the lock it has one
    named = (line.strip().partition("==") for line in frozen.splitlines() if line.strip())
    packages = {_normalised(name): f"{_normalised(name)}{equals}{version}" for name, equals, version in named}
    lines += sorted(line for name, line in packages.items() if name not in unwanted)
    return "".join(f"{line}\n" for line in lines)


def write_lock(path: Path, text: str) -> None:
    """Write a lock in one step."""
    from assay.records import write_text

    write_text(path, text)


def write_failed_lock(prefix: Path, message: str) -> Path:
    """Write the lock of an environment that cannot be: its models' jobs read it and record why they failed."""
    lock = Path(prefix) / LOCK
    write_lock(lock, f"{FAILED}\n# reason: {' '.join(message.split())}\n")
    return lock


def failure_of(lock: Path) -> str | None:
    """Why an environment could not be built, or None where it was."""
    lines = Path(lock).read_text().splitlines()
    if not lines or lines[0] != FAILED:
        return None
    return lines[1].removeprefix("# reason: ") if len(lines) > 1 else "unknown"


def _run(command: list[str], report: Callable[[str], None], variables: Mapping[str, str] | None = None) -> None:
    report(f"$ {shlex.join(command)}")
    tail: list[str] = []
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=dict(variables) if variables is not None else None,
        )
    except OSError as error:
        raise BuildFailure(f"{command[0]}: cannot be run ({error.strerror})", permanent=False) from error
    with process:
        for line in process.stdout or ():
            report(line.rstrip())
            tail = [*tail[-39:], line.rstrip()]
    if process.returncode != 0:
        output = "\n".join(tail)
        permanent = process.returncode > 0 and not is_transient(output)
        raise BuildFailure(_last_words(tail) or f"exit code {process.returncode}", permanent=permanent)


def _last_words(lines: Sequence[str]) -> str:
    """The sentence of a tool's output that says why it stopped."""
    telling = [line.strip(" ×│╰─▶├") for line in lines if line.strip(" ×│╰─▶├")]
    for line in reversed(telling):
        if re.match(r"(ERROR|error|Error|\w*Error\b|Because|No solution)", line):
            return line
    return telling[-1] if telling else ""


def _capture(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BuildFailure(f"{shlex.join(command)}: {result.stderr.strip()[-300:]}", permanent=False)
    return result.stdout
