"""A throw-away SLURM on one machine: munge, MariaDB, slurmdbd, slurmctld and emulated nodes with made-up GPUs.

All daemons listen on the loopback device, all files lie in one folder, and every process is remembered by its id and
start time, so that stopping ends what was started and nothing else. By hand::

    python tests/slurm/cluster.py up FOLDER
    eval "$(python tests/slurm/cluster.py env FOLDER)"
    sinfo
    python tests/slurm/cluster.py down FOLDER
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import secrets
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import daemons
import psutil
from cluster_settings import Layout, cgroup_conf, gres_conf, slurm_conf, slurmdbd_conf

PACKAGES = {
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "slurmdbd": "slurmdbd",
    "munged": "munge",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
}
"""Programs that are needed, and the Debian packages that have them."""

N_NODES = 4
CGROUPS = Path("/sys/fs/cgroup")
_SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


class ClusterError(RuntimeError):
    """The cluster cannot be brought up here; the message says why."""


def obstacle() -> str | None:
    """Why no cluster can be brought up on this machine; None where it can."""
    if sys.platform != "linux":
        return "SLURM wants Linux"
    if os.geteuid() != 0:
        return "the daemons of SLURM want root"
    missing = sorted({package for program, package in PACKAGES.items() if not _which(program)})
    if missing:
        return f"missing packages: apt-get install --no-install-recommends {' '.join(missing)}"
    return None


def cgroups_are_writable() -> bool:
    """Whether jobs can be held in control groups (version 1), which keep all processes of a job together."""
    return all(os.access(CGROUPS / name / "cgroup.procs", os.W_OK) for name in ("freezer", "memory"))


@dataclass(frozen=True)
class Cluster:
    """A cluster in a folder.

    Attributes
    ----------
    folder : Path
        Everything that the cluster writes; short, since it holds sockets.
    """

    folder: Path

    @property
    def configuration(self) -> Path:
        """The file that clients and daemons read."""
        return self.folder / "etc/slurm.conf"

    @cached_property
    def layout(self) -> Layout:
        """Size and addresses, as they were chosen when the cluster was first started."""
        return Layout(**json.loads((self.folder / "etc/layout.json").read_text()))

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of a client."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        return kept | {
            "SLURM_CONF": str(self.configuration),
            "PATH": os.pathsep.join([str(self.folder / "bin"), _SYSTEM_PATH]),
        }

    def command(self, *words: str, check: bool = True, timeout_s: float = 30) -> str:
        """Standard output of a client such as ``squeue``."""
        run = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if check and run.returncode:
            raise ClusterError(f"{shlex.join(words)}: {run.stderr.strip()}")
        return run.stdout

    def start(self) -> None:
        """Bring up what does not run yet, and return when all nodes take jobs.

        Raises
        ------
        ClusterError
            If this machine cannot, or a daemon does not answer; with the end of its log.
        """
        reason = obstacle()
        if reason:
            raise ClusterError(reason)
        self._write_configuration()
        self._start_munge()
        self._start_accounting()
        self.start_controller()
        for name in self.layout.nodes:
            self._launch(f"slurmd-{name}", ["slurmd", "-D", "-s", "-N", name])
        self._await("nodes", lambda: self._idle() == N_NODES, "slurmctld")

    def start_controller(self) -> None:
        """Start slurmctld and wait until it answers."""
        self._launch("slurmctld", ["slurmctld", "-D", "-s"])
        self._await("slurmctld", lambda: "UP" in self.command("scontrol", "ping", check=False), "slurmctld")

    def stop_controller(self) -> None:
        """End slurmctld, which saves what it knows: jobs run on, nobody schedules."""
        daemons.end([self._record("slurmctld")], 10)

    def stop(self) -> None:
        """End every process that was started, jobs first, and remove the folder."""
        if daemons.running(self._record("slurmctld")):
            self.command("scancel", "--quiet", "--user", getpass.getuser(), check=False)
            _wait(lambda: not self.command("squeue", "--noheader", check=False).strip(), 15)
        steps = self._job_processes()
        daemons.end(list((self.folder / "run").glob("slurmd-*.json")), 10)
        for name, patience_s in (("slurmctld", 10), ("slurmdbd", 10), ("mariadbd", 15), ("munged", 5)):
            daemons.end([self._record(name)], patience_s)
        for process in [*steps, *self._job_processes()]:
            if process.is_running():
                process.kill()
        if (self.folder / "etc/layout.json").exists():
            self._remove_control_groups()
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        """The daemons that were started and still run."""
        records = (self.folder / "run").glob("*.json")
        return [process for process in map(daemons.running, records) if process]

    def _write_configuration(self) -> None:
        if any(mark in str(self.folder) for mark in " \t'\"#") or len(str(self.folder)) > 80:
            raise ClusterError(f"{self.folder}: SLURM wants a short path without blanks; choose another folder.")
        for name in ("etc", "bin", "run", "log", "munge", "state", "spool", "dev"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        stored = self.folder / "etc/layout.json"
        if stored.exists():
            return
        layout = Layout(
            folder=str(self.folder),
            host=socket.gethostname().partition(".")[0],
            ports=_free_ports(2 + N_NODES),
            cgroups=cgroups_are_writable(),
        )
        for path in layout.gpu_devices():
            path.parent.mkdir(parents=True, exist_ok=True)
            # SLURM takes nothing but devices for GPUs: these are twins of /dev/null
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        self.configuration.write_text(slurm_conf(layout))
        (self.folder / "etc/gres.conf").write_text(gres_conf(layout))
        (self.folder / "etc/cgroup.conf").write_text(cgroup_conf())
        database = self.folder / "etc/slurmdbd.conf"
        database.write_text(slurmdbd_conf(layout))
        database.chmod(0o600)
        # Snakemake's job step forgets all SLURM_ variables before it calls srun; this srun remembers the configuration
        shim = self.folder / "bin/srun"
        shim.write_text(f'#!/bin/sh\nSLURM_CONF={self.configuration} exec {_which("srun")} "$@"\n')
        shim.chmod(0o755)
        stored.write_text(json.dumps(asdict(layout)))

    def _start_munge(self) -> None:
        key, munge_socket = self.folder / "munge/key", self.folder / "run/munge.sock"
        if not key.exists():
            (self.folder / "munge").chmod(0o700)
            key.write_bytes(secrets.token_bytes(128))
            key.chmod(0o400)
        files = [f"--{name}-file={self.folder}/munge/munged.{name}" for name in ("pid", "log", "seed")]
        self._launch("munged", ["munged", "-F", f"--key-file={key}", f"--socket={munge_socket}", *files])
        probe = f"munge -n -S {munge_socket} | unmunge -S {munge_socket}"
        self._await("munge", lambda: "Success" in self.command("sh", "-c", probe, check=False), "munged")

    def _start_accounting(self) -> None:
        data, database_socket = self.folder / "mysql", self.folder / "run/mysqld.sock"
        if not data.exists():
            options = ["--skip-test-db", "--auth-root-authentication-method=socket"]
            options += [f"--datadir={data}", "--user=root", "--auth-root-socket-user=root"]
            self.command("mariadb-install-db", "--no-defaults", *options, timeout_s=120)
        server = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={database_socket}"]
        server += ["--skip-networking", "--skip-log-bin", "--innodb-lock-wait-timeout=900"]
        # a database of minutes: nothing need survive a power cut
        server += ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--performance-schema=OFF"]
        self._launch("mariadbd", server)
        ping = ["mariadb-admin", "--no-defaults", f"--socket={database_socket}", "ping"]
        self._await("MariaDB", lambda: "alive" in self.command(*ping, check=False), "mariadbd")
        self._launch("slurmdbd", ["slurmdbd", "-D", "-s"], {"MYSQL_UNIX_PORT": str(database_socket)})
        show = ["sacctmgr", "--noheader", "--parsable2", "show"]
        self._await("slurmdbd", lambda: self._succeeds(*show, "cluster"), "slurmdbd")
        if "assay" not in self.command(*show, "cluster", "format=cluster"):
            user = getpass.getuser()
            for words in (["cluster", "assay"], ["account", "lab"], ["user", user, "account=lab"]):
                # where nothing changes, as for a user who is there already, sacctmgr fails; the account is what counts
                self.command("sacctmgr", "--immediate", "--quiet", "add", *words, check=False)
            self.command("sacctmgr", "-i", "-Q", "modify", "user", user, "set", "defaultaccount=lab", check=False)
            if "lab" not in self.command(*show, "association", "format=account,user"):
                raise ClusterError("slurmdbd does not take an account")

    def _launch(self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None) -> None:
        if not daemons.running(self._record(name)):
            command = [_which(command[0]), *command[1:]]
            daemons.launch(
                self._record(name), command, {**self.environment, **(extra or {})}, self.folder / f"log/{name}.log"
            )

    def _record(self, name: str) -> Path:
        return self.folder / f"run/{name}.json"

    def _job_processes(self) -> list[psutil.Process]:
        """The steps of this cluster's jobs with all that they started."""
        found = []
        for process in psutil.process_iter(["name"]):
            try:
                if process.name().startswith("slurmstepd") and (
                    process.environ().get("SLURM_CONF") == str(self.configuration)
                ):
                    found += [process, *process.children(recursive=True)]
            except psutil.Error:
                continue
        return found

    def _remove_control_groups(self) -> None:
        """Remove the empty groups that slurmd leaves, one per node and controller."""
        for top in [top for node in self.layout.nodes for top in CGROUPS.glob(f"*/slurm_{node}")]:
            for path in sorted(top.rglob("*/"), key=lambda path: -len(path.parts)):
                _remove_folder_if_empty(path)
            _remove_folder_if_empty(top)

    def _idle(self) -> int:
        states = self.command("sinfo", "--noheader", "--Node", "--format=%N %T", check=False)
        return len({line for line in states.splitlines() if line.endswith((" idle", " mixed", " allocated"))})

    def _succeeds(self, *words: str) -> bool:
        run = subprocess.run(words, env=self.environment, capture_output=True, timeout=30, check=False)
        return run.returncode == 0

    def _await(self, what: str, ready: Callable[[], bool], daemon: str, patience_s: float = 40) -> None:
        if not _wait(ready, patience_s):
            log = self.folder / f"log/{daemon}.log"
            tail = log.read_text(errors="replace").splitlines()[-12:] if log.exists() else []
            raise ClusterError("\n".join([f"{what}: no answer after {patience_s:g} s; the end of {log}:", *tail]))


def _which(program: str) -> str | None:
    return shutil.which(program, path=_SYSTEM_PATH)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def _wait(ready: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            if ready():
                return True
        except subprocess.TimeoutExpired:
            pass  # a client that hangs while its server comes up is asked again
        time.sleep(0.1)
    return False


def _remove_folder_if_empty(path: Path) -> None:
    with suppress(OSError):  # a group of a process that still ends
        path.rmdir()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["up", "env", "down"])
    parser.add_argument("folder", type=Path, help="where the cluster lives")
    arguments = parser.parse_args()
    cluster = Cluster(arguments.folder.resolve())
    if arguments.action == "env":
        for name in ("SLURM_CONF", "PATH"):
            print(f"export {name}={shlex.quote(cluster.environment[name])}")
        return 0
    start = time.monotonic()
    try:
        cluster.start() if arguments.action == "up" else cluster.stop()
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.action} after {time.monotonic() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
