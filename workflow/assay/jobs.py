"""One job: one model, one chapter, a batch of cases; its files, its settings, the results of its cases.

The result of a case is ``{folder}/{case}/result.json`` beside the raw data, with a fingerprint of all that it depends
on: what belongs to the job as it is now is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.checkpoints import identity
from assay.failures import UserError
from assay.records import file_sha256, fingerprint, read_json, write_json
from assay.runtime import recommended_environment
from assay.supervision import progress_path

log = logging.getLogger("assay")


@dataclass(frozen=True)
class Job:
    """The files of one job.

    Attributes
    ----------
    chapter : str
    model, inputs, lock, record : Path
        Catalogue entry (JSON), prepared cases (JSON), the environment's lock, the record to write.
    devices : tuple of str
        Devices that may be used, in order of preference.
    threads : int
    host_settings : dict of str to str
        Environment variables of the child in place of the engine's choice.
    """

    chapter: str
    model: Path
    inputs: Path
    lock: Path
    record: Path
    devices: tuple[str, ...]
    threads: int
    host_settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables in which the child runs."""
        return recommended_environment(self.threads, self.devices, self.host_settings)

    @property
    def folder(self) -> Path:
        """Where results of single cases lie."""
        return self.record.parent

    @property
    def work_path(self) -> Path:
        """Where the parent tells the child what to do."""
        return self.record.with_suffix(".work")

    @property
    def progress_path(self) -> Path:
        """Where the child tells what it is working on."""
        return progress_path(self.work_path)

    @property
    def session_path(self) -> Path:
        """Where the child keeps its own books while it runs."""
        return self.record.with_suffix(".session")

    @cached_property
    def entry(self) -> dict[str, Any]:
        """The catalogue entry."""
        return read_json(self.model)

    @cached_property
    def index(self) -> dict[str, Any]:
        """The prepared cases with their settings."""
        return read_json(self.inputs)

    @cached_property
    def cases(self) -> dict[str, dict[str, Any]]:
        """Prepared cases by name: all, or those that are this model's."""
        cases = self.index["cases"]
        own = self.index.get("cases_by_model", {}).get(self.entry["name"])
        return cases if own is None else {case: facts for case, facts in cases.items() if case in own}

    @cached_property
    def lock_sha256(self) -> str:
        """Identity of the environment."""
        return file_sha256(self.lock)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Settings of the calculations: those of the chapter, and over them those of this model alone."""
        return self.index["settings"] | self.index.get("by_model", {}).get(self.entry["name"], {})

    def fingerprint(self, case: str, without: Collection[str] = ()) -> str:
        """Identity of all that a case's result depends on, `without` some of the settings."""
        settings = {key: value for key, value in self.settings.items() if key not in without}
        return fingerprint(self.chapter, identity(self.entry), self.lock_sha256, settings, self.cases[case]["sha256"])

    def result_path(self, case: str) -> Path:
        """The result of one case."""
        return self.folder / case / "result.json"

    def finished(self) -> int:
        """How many cases have a result on disk."""
        return sum(self.result_path(case).exists() for case in self.cases)

    def result(self, case: str) -> dict[str, Any] | None:
        """The result of a case if it is on disk, whole, and belongs to this job as it is now."""
        path = self.result_path(case)
        if not path.exists():
            return None
        try:
            result = read_json(path)
        except UserError:
            log.warning("%s is damaged; computing the case again", path)
            return None
        if result.get("fingerprint") != self.fingerprint(case):
            return None
        for name, sha256 in result["files"].items():
            file = path.parent / name
            if not file.exists() or file_sha256(file) != sha256:
                log.warning("%s is missing or damaged; computing the case again", file)
                return None
        return result

    def write_result(
        self,
        case: str,
        *,
        status: str = "ok",
        reason: str | None = None,
        message: str | None = None,
        files: Iterable[Path] = (),
        observations: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> None:
        """Write the result of one case; its raw data must be there already."""
        path = self.result_path(case)
        content = {
            "case": case,
            "status": status,
            "reason": reason,
            "message": message,
            "fingerprint": self.fingerprint(case),
            "files": {file.name: file_sha256(file) for file in files},
            "observations": observations or {},
            "wall_time_s": seconds,
        }
        write_json(path, content)
