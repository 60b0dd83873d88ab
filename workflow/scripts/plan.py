"""Say what a campaign would still do: jobs to run and done by model and chapter, hours, and why.

Nothing is run or written. Options and targets that are not listed here go to snakemake, after `--`:

    plan.py                                       the campaign of config/config.yaml
    plan.py --configfile config/thesis.yaml       another one
    plan.py --set gas.repeats=4                   what an edit of one key would run again
    plan.py -- results/models/emt/summary.json    one model's branch
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import snakemake.cli
import yaml

from assay.campaign import Campaign
from assay.columns import columns
from assay.costs import Cost, hours
from assay.failures import UserError
from assay.planning import PlannedJob, besides, branches, caught_jobs, overlaid, read_campaign
from assay.records import write_text


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="laid over config/config.yaml, in order")
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="keys of the configuration to try, such as gas.repeats=4",
    )
    parser.add_argument("--profile", default="profiles/local", help="snakemake's profile (default: %(default)s)")
    parser.add_argument("snakemake", nargs="*", metavar="...", help="options and targets of snakemake")
    arguments = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            files = [*arguments.configfile]
            if arguments.set:
                files.append(Path(folder) / "--set")
                write_text(files[-1], yaml.safe_dump(edits(arguments.set)))
            campaign = read_campaign(files)
            print(report(campaign, dry_run(arguments.profile, files, arguments.snakemake)))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def edits(items: Sequence[str]) -> dict[str, Any]:
    """``block.key=value`` as a configuration to lay over another."""
    config: dict[str, Any] = {}
    for item in items:
        keys, equals, text = item.partition("=")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            equals = ""
        if not equals or not all(keys.split(".")):
            raise UserError(f"--set: {item!r} is not of the form KEY=VALUE, such as gas.repeats=4; correct it.")
        for key in reversed(keys.split(".")):
            value = {key: value}
        config = overlaid(config, value)
    return config


def dry_run(profile: str, files: Sequence[Path], more: Sequence[str]) -> list[PlannedJob]:
    """The jobs that snakemake would run."""
    command = ["--profile", profile, "--dry-run"]
    command += ["--configfile", *map(str, files)] if files else []
    options = [word for word in more if word.startswith("-")]
    targets = [word for word in more if not word.startswith("-")]
    with caught_jobs() as jobs:
        try:
            snakemake.cli.main([*command, *options, "--", *targets])
        except SystemExit as end:
            if end.code:
                raise UserError("snakemake cannot plan this; see its message above.") from None
    return jobs


def report(campaign: Campaign, planned: Sequence[PlannedJob]) -> str:
    """The plan for people."""
    found = branches(campaign, planned)
    busy = [branch for branch in found if branch.to_run]
    lines = []
    if busy:
        rows = [row(b.model, b.chapter, b.to_run, b.done, b.costs, ", ".join(b.why)) for b in busy]
        every = [cost for branch in busy for cost in branch.costs]
        to_run, done = sum(branch.to_run for branch in found), sum(branch.done for branch in found)
        rows.append(row("total", "", to_run, done, every, ""))
        lines.append(columns(("model", "chapter", "to run", "done", "GPU hours", "CPU hours", "why"), rows))
    idle = [branch for branch in found if not branch.to_run]
    if idle:
        done, left_out = sum(branch.done for branch in idle), sum(branch.left_out for branch in found)
        names = dict.fromkeys(branch.model for branch in idle)
        rest = " in their other chapters" if busy else ""
        jobs = f"{done} jobs done{f', {left_out} not asked for' if left_out else ''}"
        lines.append(f"nothing to run of {', '.join(names)}{rest} ({jobs})")
    other = besides(planned)
    if other:
        lines.append(f"besides: {', '.join(f'{rule} {count}' for rule, count in sorted(other.items()))}")
    if busy:
        lines.append("Hours are those that the same jobs, or others of the model in the chapter, took before.")
    return "\n".join(lines)


def row(model: str, chapter: str, to_run: int, done: int, costs: Sequence[Cost], why: str) -> tuple:
    """One line of the table."""
    return model, chapter, to_run, done, hours(costs, gpu=True), hours(costs, gpu=False), why


if __name__ == "__main__":
    sys.exit(main())
