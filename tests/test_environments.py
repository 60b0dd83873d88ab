from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from assay import environments
from assay.environments import BuildFailure, build, failure_of, read_specification, write_failed_lock
from assay.failures import UserError
from assay.installers import choose_tool, find_uv, is_transient, local_builds, tool_variables

STUB = """#!{python}
import json, os, sys
from pathlib import Path
Path({calls!r}).open("a").write(json.dumps(sys.argv) + "\\n")
arguments = sys.argv[1:]
if os.environ.get("STUB_FAILS"):
    print(os.environ["STUB_FAILS"], file=sys.stderr)
    sys.exit(1)
if arguments[:2] == ["env", "create"]:
    Path({calls!r} + ".yaml").write_text(Path(arguments[arguments.index("--file") + 1]).read_text())
    bin = Path(arguments[arguments.index("--prefix") + 1]) / "bin"
    bin.mkdir(parents=True)
    (bin / "python").symlink_to({python!r})
elif arguments[0] == "list":
    print("# platform: linux-64\\nlibxc=6.2.2=h0_0\\npython=3.11.7=h0_0")
"""

SPECIFICATION = """# import: json
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
      - ase==3.29.0
"""


@pytest.fixture
def specification(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(SPECIFICATION)
    return read_specification(path)


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A stand-in for conda and mamba on PATH that records its arguments; returns a function that lists the calls."""
    calls = tmp_path / "calls.jsonl"
    folder = tmp_path / "stub bin"
    folder.mkdir()
    # pip is called through the environment's python: the stub's python must not install anything
    python = folder / "python-stub"
    python.write_text(
        f"#!/bin/sh\ncase \"$*\" in *'pip install'*) echo \"$*\" >> '{calls}.pip'; exit 0;; esac\n"
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    for name in ("conda", "mamba"):
        path = folder / name
        text = STUB.format(python=sys.executable, calls=str(calls))
        path.write_text(text.replace(f"symlink_to({sys.executable!r})", f"symlink_to({str(python)!r})"))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return lambda: [json.loads(line) for line in calls.read_text().splitlines()]


@pytest.mark.parametrize("name", [path.stem for path in sorted((ROOT / "envs").glob("*.yaml"))])
def test_shipped_files_pin_everything(name):
    specification = read_specification(ROOT / "envs" / f"{name}.yaml")
    assert specification.python == "3.11"
    assert specification.imports
    assert all("==" in line for line in specification.requirements)


def test_the_driver_lock_pins_everything():
    lines = (ROOT / "envs/driver.lock").read_text().splitlines()
    assert len(lines) > 50
    assert all("==" in line for line in lines)


def test_an_unpinned_package_is_refused(tmp_path):
    path = tmp_path / "loose.yaml"
    path.write_text(SPECIFICATION.replace("ase==3.29.0", "ase>=3"))
    with pytest.raises(UserError, match=r"loose.yaml: dependencies.pip: 'ase>=3' is not pinned"):
        read_specification(path)


def test_conda_variables_reach_the_installer(tmp_path):
    path = tmp_path / "compiled.yaml"
    path.write_text(SPECIFICATION + "variables:\n  CC: g++\n")
    assert read_specification(path).variables == {"CC": "g++"}


def test_a_missing_file_names_near_misses(tmp_path):
    (tmp_path / "chgnet.yaml").write_text(SPECIFICATION)
    with pytest.raises(UserError, match="did you mean 'chgnet'"):
        read_specification(tmp_path / "chgent.yaml")


@pytest.mark.parametrize("tool", ["conda", "mamba"])
def test_conda_and_mamba_are_called_as_documented(stub, specification, tmp_path, tool):
    prefix = tmp_path / "env"
    lock = build(specification, prefix, tool=tool, project=ROOT, report=lambda line: None)
    create, listing = stub()
    assert create[1:] == ["env", "create", "--yes", "--prefix", str(prefix), "--file", str(specification.path)]
    assert listing[1:] == ["list", "--prefix", str(prefix), "--export"]
    assert "libxc=6.2.2=h0_0" in lock.read_text().splitlines()


COMPILED = """# import: json
# no-deps: Mattersim, scatter
# no-build-isolation: torch_sparse, scatter
dependencies:
  - python=3.11
  - pip
  - pip:
      - --find-links=https://wheels.example.org
      - mattersim==1.2.0
      - torch==2.13.0
      - torch-sparse==0.6.18
      - scatter==1.0
"""


@pytest.fixture
def compiled(tmp_path):
    """A file with packages that are installed after the others."""
    path = tmp_path / "compiled.yaml"
    path.write_text(COMPILED)
    return read_specification(path)


def test_packages_that_need_others_come_after_them(compiled):
    settings = "--find-links=https://wheels.example.org"
    assert compiled.steps == [
        ([settings, "torch==2.13.0"], []),
        ([settings, "torch-sparse==0.6.18"], ["--no-build-isolation"]),
        ([settings, "mattersim==1.2.0"], ["--no-deps"]),
        ([settings, "scatter==1.0"], ["--no-deps", "--no-build-isolation"]),
    ]


def test_a_file_without_such_packages_is_installed_in_one_step(specification):
    assert specification.steps == [(["ase==3.29.0"], [])]


@pytest.mark.parametrize("key", ["no-deps", "no-build-isolation"])
def test_a_package_that_is_not_listed_cannot_be_installed_later(tmp_path, key):
    path = tmp_path / "wrong.yaml"
    path.write_text(f"# {key}: asse\n" + SPECIFICATION)
    with pytest.raises(UserError, match=rf"wrong.yaml: # {key}: 'asse' is not in the pip section; did you mean 'ase'"):
        read_specification(path)


def test_conda_is_not_given_what_it_cannot_install(stub, compiled, tmp_path):
    build(compiled, tmp_path / "env", tool="conda", project=ROOT, report=lambda line: None)
    listed = yaml.safe_load((tmp_path / "calls.jsonl.yaml").read_text())["dependencies"][-1]["pip"]
    assert listed == ["--find-links=https://wheels.example.org", "torch==2.13.0"]
    calls = (tmp_path / "calls.jsonl.pip").read_text().splitlines()
    options = [[word for word in call.split() if word.startswith("--no-")] for call in calls]
    assert options == [["--no-build-isolation"], ["--no-deps"], ["--no-deps", "--no-build-isolation"], ["--no-deps"]]
    assert calls[-1].endswith(f"--editable {ROOT}")
    assert not list(tmp_path.glob(".*.yaml"))
    written = [(tmp_path / f"env/requirements-{step}.txt").read_text().splitlines()[1:] for step in (1, 2, 3)]
    assert written == [["torch-sparse==0.6.18"], ["mattersim==1.2.0"], ["scatter==1.0"]]


@pytest.mark.parametrize("tool", ["uv", "venv"])
def test_uv_and_pip_install_step_by_step(compiled, tmp_path, monkeypatch, tool):
    """The commands, not run."""
    prefix, commands = tmp_path / "env", []

    def run(command, report, variables=None):
        prefix.mkdir(exist_ok=True)
        commands.append(command)

    monkeypatch.setattr(environments, "_run", run)
    monkeypatch.setattr(environments, "_capture", lambda command: "torch==2.13.0\n")
    build(compiled, prefix, tool=tool, project=ROOT, report=lambda line: None)
    installs = [command for command in commands if "install" in command]
    options = [[word for word in command if word.startswith("--no-")] for command in installs]
    expected = [[], ["--no-build-isolation"], ["--no-deps"], ["--no-deps", "--no-build-isolation"], ["--no-deps"]]
    assert options == expected
    assert (prefix / "requirements.txt").read_text().splitlines()[1:] == ["torch==2.13.0"]


def test_mamba_then_conda_are_preferred_where_on_path(stub, monkeypatch):
    assert choose_tool() == "mamba"
    monkeypatch.setenv("ASSAY_ENVIRONMENT_TOOL", "conda")
    assert choose_tool() == "conda"
    monkeypatch.setenv("ASSAY_ENVIRONMENT_TOOL", "venv")
    assert choose_tool() == "venv"


def test_an_unknown_tool_is_refused(monkeypatch):
    monkeypatch.setenv("ASSAY_ENVIRONMENT_TOOL", "cnda")
    with pytest.raises(UserError, match="did you mean 'conda'"):
        choose_tool()


def test_a_conda_that_finds_no_solution_is_permanent(stub, specification, tmp_path, monkeypatch):
    monkeypatch.setenv("STUB_FAILS", "ResolvePackageNotFound: - ase==0")
    with pytest.raises(BuildFailure) as caught:
        build(specification, tmp_path / "env", tool="conda", project=ROOT, report=lambda line: None)
    assert caught.value.permanent


def test_a_conda_without_network_may_succeed_tomorrow(stub, specification, tmp_path, monkeypatch):
    monkeypatch.setenv("STUB_FAILS", "CondaHTTPError: HTTP 000 CONNECTION FAILED for url")
    with pytest.raises(BuildFailure) as caught:
        build(specification, tmp_path / "env", tool="conda", project=ROOT, report=lambda line: None)
    assert not caught.value.permanent


def test_a_failing_import_names_what_the_system_must_bring(stub, tmp_path):
    path = tmp_path / "needs.yaml"
    path.write_text("# apt: libxc-dev\n" + SPECIFICATION.replace("import: json", "import: nonexistent_module"))
    with pytest.raises(BuildFailure, match="nonexistent_module") as caught:
        build(read_specification(path), tmp_path / "env", tool="conda", project=ROOT, report=lambda line: None)
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("output", "transient"),
    [
        ("error: No solution found when resolving dependencies\n  cause: there is no version of ase==0.0.0.99", False),
        ("ERROR: No matching distribution found for tqdm==99.0.0", False),
        ("ERROR: Cannot install a and b because these package versions have conflicting dependencies.", False),
        ("ModuleNotFoundError: No module named 'torch'", False),
        ("error: Failed to fetch: http://host/simple/\n  cause: tcp connect error: Connection refused", True),
        ("OSError: [Errno 28] No space left on device", True),
        ("WARNING: Retrying ... NewConnectionError\nERROR: No matching distribution found for tqdm==4", True),
        ("HTTP status server error (503 Service Unavailable)", True),
    ],
)
def test_network_and_disk_are_told_from_the_file(output, transient):
    assert is_transient(output) is transient


def test_a_failed_lock_is_recognised(tmp_path):
    lock = write_failed_lock(tmp_path / "env", "no such\nversion")
    assert failure_of(lock) == "no such version"
    lock.write_text("# python 3.11.7 x86_64\nase==3.29.0\n")
    assert failure_of(lock) is None


def test_uv_behaves_as_pip_is_configured():
    variables = tool_variables(
        {
            "PIP_FIND_LINKS": "/wheels /more",
            "PIP_INDEX_URL": "https://a/simple",
            "PIP_EXTRA_INDEX_URL": "https://b/simple",
            "UV_INDEX": "https://own/simple",
        }
    )
    assert variables["UV_FIND_LINKS"] == "/wheels,/more"
    assert variables["UV_DEFAULT_INDEX"] == "https://a/simple"
    assert variables["UV_INDEX"] == "https://own/simple"


def test_local_wheels_with_a_build_tag_are_pinned(tmp_path):
    for name in (
        "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.13.0+cpu-cp312-cp312-manylinux_2_28_x86_64.whl",
        "other_package-1.0+local-py3-none-any.whl",
        "plain-1.0-py3-none-any.whl",
    ):
        (tmp_path / name).touch()
    lines = ("torch==2.13.0", "Other-Package[x]==1.0", "plain==1.0", "numpy==2.4.6")
    assert local_builds(lines, str(tmp_path), "3.11") == {"torch": "2.13.0+cpu", "Other-Package": "1.0+local"}
    assert local_builds(("torch==2.12.0",), str(tmp_path), "3.11") == {}
    assert local_builds(lines, "", "3.11") == {}


def test_uv_is_found_beside_the_interpreter():
    assert find_uv() is None or Path(find_uv()).exists()
