"""Isolated Python environments from conda-format files, built by mamba, conda, uv or plain venv and pip.

An environment file is conda's YAML with every Python package in its ``pip:`` section. Comments are read as well:
``# import: torch, sevenn`` (what the import check imports), ``# apt: libxc-dev`` (system packages that conda would
bring and that venvs need from the system), ``# no-deps: mattersim`` (packages of the list that ask for what must not
or need not be there: they are installed last and without what they ask for) and ``# no-build-isolation: torch-scatter``
(packages that are compiled against what is already installed).
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

import yaml

from assay.failures import UserError, near_misses
from assay.installers import find_uv, is_transient, local_builds, normalised, tool_variables
from assay.records import write_text

LOCK = "environment.lock"
FAILED = "# status: failed"


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
    no_dependencies, no_isolation : tuple of str
        Names of requirements that are installed after the others: without what they ask for, or compiled against them.
    """

    name: str
    path: Path
    python: str
    requirements: tuple[str, ...]
    imports: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    no_dependencies: tuple[str, ...] = ()
    no_isolation: tuple[str, ...] = ()

    @property
    def steps(self) -> list[tuple[list[str], list[str]]]:
        """Requirements that are installed together, and the options for it, in order; the first step may be empty.

        Lines that are options of pip, such as ``--find-links``, belong to each.
        """
        settings = [line for line in self.requirements if line.startswith("-")]
        steps: list[tuple[list[str], list[str]]] = []
        for alone, compiled in ((False, False), (False, True), (True, False), (True, True)):
            chosen = [
                line
                for line in self.requirements
                if line not in settings
                and (requirement_name(line) in self.no_dependencies) == alone
                and (requirement_name(line) in self.no_isolation) == compiled
            ]
            options = ["--no-deps"] * alone + ["--no-build-isolation"] * compiled
            if chosen or not steps:
                steps.append(([*settings, *chosen], options))
        return steps


def requirement_name(line: str) -> str:
    """The name of the package that a requirement such as ``torch==2.13.0`` asks for."""
    return normalised(re.split(r"[=\[;\s]", line)[0])


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
        no_dependencies=_named(path, text, "no-deps", requirements),
        no_isolation=_named(path, text, "no-build-isolation", requirements),
    )


def _named(path: Path, text: str, key: str, requirements: Sequence[str]) -> tuple[str, ...]:
    """Packages that a comment names, all of which have to be among the requirements."""
    known = [requirement_name(line) for line in requirements]
    names = tuple(normalised(name) for name in _comment(text, key))
    for name in names:
        if name not in known:
            raise UserError(f"{path}: # {key}: {name!r} is not in the pip section{near_misses(name, known)}")
    return names


def _comment(text: str, key: str) -> tuple[str, ...]:
    found = re.findall(rf"^#\s*{key}:\s*(.+)$", text, flags=re.MULTILINE)
    return tuple(word for line in found for word in re.split(r"[,\s]+", line.strip()) if word)


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
        _conda_installer(tool, specification, prefix, project, report)
    else:
        install = _uv_installer if tool == "uv" else _pip_installer
        install(specification, prefix, project, report)
    _check_imports(specification, prefix, tool, report)
    lock = prefix / LOCK
    write_text(lock, _describe(prefix, tool, specification.requirements))
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
    install = [uv, "pip", "install", "--python", _python(prefix), "--compile-bytecode"]
    _install(specification, prefix, project, install, report, variables)


def _pip_installer(specification: Specification, prefix: Path, project: Path, report: Callable[[str], None]) -> None:
    _run([_interpreter(specification.python), "-m", "venv", str(prefix)], report)
    _install(specification, prefix, project, _pip(prefix), report, {**os.environ, **specification.variables})


def _conda_installer(
    tool: str, specification: Specification, prefix: Path, project: Path, report: Callable[[str], None]
) -> None:
    """By conda, but for the packages that it cannot install: those whose dependencies are not to be followed."""
    first, *others = specification.steps
    file = specification.path
    if others:
        file = prefix.parent / f".{prefix.name}.yaml"
        content = yaml.safe_load(specification.path.read_text())
        for item in content["dependencies"]:
            if isinstance(item, dict):
                item["pip"] = [line for line in item["pip"] if line in first[0]]
        write_text(file, yaml.safe_dump(content, sort_keys=False))
    try:
        _run([tool, "env", "create", "--yes", "--prefix", str(prefix), "--file", str(file)], report)
    finally:
        if others:
            file.unlink()
    variables = {**os.environ, **specification.variables}
    _install(specification, prefix, project, _pip(prefix), report, variables, skip=1)


def _pip(prefix: Path) -> list[str]:
    return [_python(prefix), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]


def _install(
    specification: Specification,
    prefix: Path,
    project: Path,
    install: list[str],
    report: Callable[[str], None],
    variables: Mapping[str, str],
    skip: int = 0,
) -> None:
    """Install the requirements step by step, but for the first `skip` steps, and then the project."""
    constraints = [] if skip else _local_constraints(specification, prefix)
    for number, (lines, options) in list(enumerate(specification.steps))[skip:]:
        requirements = prefix / ("requirements.txt" if number == 0 else f"requirements-{number}.txt")
        requirements.write_text("".join(f"{line}\n" for line in lines))
        _run([*install, *constraints, *options, "--requirement", str(requirements)], report, variables)
    _run([*install, "--no-deps", "--editable", str(project)], report, variables)


def _local_constraints(specification: Specification, prefix: Path) -> list[str]:
    """Options that pin local builds of requirements, such as torch for the CPU."""
    find_links = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS") or ""
    pins = local_builds(specification.requirements, find_links, specification.python)
    if not pins:
        return []
    constraints = prefix / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    return ["--constraint", str(constraints)]


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
    wanted = {requirement_name(line) for line in requirements}
    unwanted = {"pip", "setuptools", "wheel"} - wanted
    # tools spell a name in their own ways (PyYAML, pyyaml): in the lock it has one
    named = (line.strip().partition("==") for line in frozen.splitlines() if line.strip())
    packages = {normalised(name): f"{normalised(name)}{equals}{version}" for name, equals, version in named}
    lines += sorted(line for name, line in packages.items() if name not in unwanted)
    return "".join(f"{line}\n" for line in lines)


def write_failed_lock(prefix: Path, message: str) -> Path:
    """Write the lock of an environment that cannot be: its models' jobs read it and record why they failed."""
    lock = Path(prefix) / LOCK
    write_text(lock, f"{FAILED}\n# reason: {' '.join(message.split())}\n")
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
