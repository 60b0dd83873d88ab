"""What a campaign would still do: jobs of a dry run by model and chapter, why they run, and what they will cost.

The dry run is snakemake's own; its messages are caught on their way to the terminal.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.campaign import Campaign, load_campaign
from assay.costs import Cost, cost, history
from assay.validation import read_yaml

DEFAULT_CONFIG = Path("config/config.yaml")

_REASONS = {
    "Missing output files: ": "missing",
    "Incomplete output files: ": "incomplete",
    "Updated input files: ": "newer",
    "Input files updated by another job: ": "remade",
    "Set of input files has changed": "input",
    "Params have changed": "params",
    "Code has changed": "code",
    "Forced execution": "forced",
}
_WORDS = {
    "missing": "no result yet",
    "incomplete": "interrupted",
    "input": "other input files",
    "params": "settings changed",
    "code": "code changed",
    "forced": "forced",
}


@dataclass(frozen=True)
class PlannedJob:
    """A job that snakemake would run.

    Attributes
    ----------
    rule : str
    wildcards : mapping of str to str
    outputs : tuple of str
    reason : str
        In snakemake's words.
    """

    rule: str
    wildcards: Mapping[str, str]
    outputs: tuple[str, ...]
    reason: str


@contextmanager
def caught_jobs() -> Iterable[list[PlannedJob]]:
    """The list that fills with jobs while snakemake runs in this process; of its messages, only warnings are shown."""
    jobs: list[PlannedJob] = []

    def catch(message: logging.LogRecord) -> bool:
        if getattr(message, "event", None) == "job_info":
            outputs = tuple(str(path) for path in message.output)
            jobs.append(PlannedJob(message.rule_name, dict(message.wildcards), outputs, message.reason))
        return message.levelno >= logging.WARNING

    logger = logging.getLogger("snakemake.logging")
    logger.addFilter(catch)
    try:
        yield jobs
    finally:
        logger.removeFilter(catch)


def read_campaign(files: Sequence[Path] = ()) -> Campaign:
    """The campaign of the default configuration with `files` laid over it, as snakemake does it.

    Raises
    ------
    UserError
        If a file cannot be read or the configuration is wrong.
    """
    config: dict[str, Any] = {}
    for file in (DEFAULT_CONFIG, *files):
        config = overlaid(config, read_yaml(file))
    return load_campaign(config, [DEFAULT_CONFIG, *files])


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merged, everything else replaced."""
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        merged[key] = overlaid(lower, value) if isinstance(value, Mapping) and isinstance(lower, Mapping) else value
    return merged


def causes(job: PlannedJob, makers: Mapping[str, PlannedJob]) -> list[str]:
    """Why a job runs, in few words, traced back to what has really changed.

    Parameters
    ----------
    job : PlannedJob
    makers : mapping of str to PlannedJob
        The planned job that makes a file.
    """
    parts = re.split(f"; (?={'|'.join(_REASONS)})", job.reason)
    found: dict[str, str] = {}
    for part in parts:
        for start, kind in _REASONS.items():
            if part.startswith(start):
                found[kind] = part.removeprefix(start)
    if "missing" in found or "forced" in found:
        return [_worded(job, "missing" if "missing" in found else "forced")]
    words = []
    for kind, detail in found.items():
        if kind == "newer":
            words += [f"{file} changed" for file in detail.split(", ")]
        elif kind == "remade":
            remade = {id(makers[file]): makers[file] for file in detail.split(", ") if file in makers}
            words += [word for maker in remade.values() for word in causes(maker, makers)]
        else:
            words.append(_worded(job, kind))
    return list(dict.fromkeys(words)) or [job.reason]


def _worded(job: PlannedJob, kind: str) -> str:
    verb, _, what = job.rule.partition("_")
    if verb == "describe":
        return "its catalogue entry changed" if kind == "params" else "its description is missing"
    if verb == "build":
        return f"environment {job.wildcards['env']} is not built"
    if verb == "prepare":
        return f"settings of {what} changed" if kind == "params" else f"prepared cases of {what} are missing"
    return _WORDS[kind]


@dataclass(frozen=True)
class Branch:
    """One potential in one chapter.

    Attributes
    ----------
    model, chapter : str
    to_run, done, left_out : int
        Jobs; those left out are neither done nor were they asked for.
    costs : tuple of Cost
        Of the jobs to run.
    why : tuple of str
    """

    model: str
    chapter: str
    to_run: int
    done: int
    left_out: int
    costs: tuple[Cost, ...]
    why: tuple[str, ...]


def branches(campaign: Campaign, planned: Sequence[PlannedJob], results: Path = Path("results")) -> list[Branch]:
    """The campaign by model and chapter: what is to run and what is done.

    Parameters
    ----------
    campaign : Campaign
    planned : sequence of PlannedJob
    results : Path, optional

    Returns
    -------
    list of Branch
        In the order of the campaign.
    """
    makers = {path: job for job in planned for path in job.outputs}
    found = []
    chapters = [(chapter, chapter.batches) for chapter in campaign.chapters]
    for model in campaign.models:
        for chapter, batches in chapters:
            records = chapter.records([model])
            if not records:
                continue
            jobs = [makers[path] for path in records if path in makers]
            known = history(results / "models" / model / chapter.name) if jobs else None
            costs = [
                cost(
                    known,
                    batch := job.wildcards["batch"],
                    len(batches[batch]),
                    results / f"benchmarks/run_{chapter.name}/{model}-{batch}.jsonl",
                    bool(campaign.gpus(model)),
                )
                for job in jobs
            ]
            why = dict.fromkeys(word for job in jobs for word in causes(job, makers))
            done = sum(path not in makers and (results.parent / path).exists() for path in records)
            left_out = len(records) - len(jobs) - done
            found.append(Branch(model, chapter.name, len(jobs), done, left_out, tuple(costs), tuple(why)))
    return found


def besides(planned: Sequence[PlannedJob]) -> Counter[str]:
    """Planned jobs by rule, other than calculations of models."""
    return Counter(job.rule for job in planned if not job.rule.startswith("run_") and job.outputs)
