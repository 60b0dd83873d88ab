"""Make the driver environment (.envs/driver) from envs/driver.lock; does nothing when it is up to date.

Run by `make` with any Python 3.11; needs only the standard library.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))

from assay.installers import find_uv, tool_variables  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=Path, default=ROOT / ".envs" / "driver", help="where (default: .envs/driver)")
    parser.add_argument("--no-uv", action="store_true", help="use plain venv and pip")
    arguments = parser.parse_args()
    if sys.version_info[:2] != (3, 11):
        sys.exit(f"Assay needs Python 3.11, this is {sys.version.split()[0]}; run `make PYTHON=/path/to/python3.11`.")
    lock = ROOT / "envs" / "driver.lock"
    stamp = arguments.prefix / "driver.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    start = time.monotonic()
    print(f"assay: making the driver environment in {_shown(arguments.prefix)} ...", flush=True)
    shutil.rmtree(arguments.prefix, ignore_errors=True)
    python = str(arguments.prefix / "bin" / "python")
    _run([sys.executable, "-m", "venv", str(arguments.prefix)])
    uv = None if arguments.no_uv else find_uv() or _fetch_uv(python, lock)
    if uv:
        variables = tool_variables(os.environ)
        install = [uv, "pip", "install", "--quiet", "--python", python]
        _run([*install, "--compile-bytecode", "--requirement", str(lock)], variables)
        _run([*install, "--no-deps", "--editable", str(ROOT)], variables)
    else:
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*install, "--requirement", str(lock)])
        _run([*install, "--no-deps", "--editable", str(ROOT)])
    stamp.write_text(wanted)
    print(f"assay: driver environment ready ({'uv' if uv else 'pip'}, {time.monotonic() - start:.0f} s)", flush=True)
    return 0


def _fetch_uv(python: str, lock: Path) -> str | None:
    """Install the pinned uv into the new environment; None where that fails, and pip does everything."""
    pin = next(line for line in lock.read_text().splitlines() if line.startswith("uv=="))
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pin]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        print("assay: uv cannot be installed here; going on with pip", flush=True)
        return None
    return str(Path(python).parent / "uv")


def _run(command: list[str], variables: dict[str, str] | None = None) -> None:
    result = subprocess.run(command, check=False, env=variables)
    if result.returncode != 0:
        sys.exit(f"assay: `{' '.join(command)}` failed; the lines above say why. Mend that and run make again.")


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main())
