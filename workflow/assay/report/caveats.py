"""What has to be known beside a model's rank: failures, other levels of theory, sampling that does not suffice."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from assay.report.criteria import is_true
from assay.report.job_words import Job
from assay.report.materials import untested_elements
from assay.report.size_costs import BEYOND, StepCost


def caveats_of(
    model: str,
    tables: Mapping[str, pd.DataFrame],
    chapters: Mapping[str, pd.DataFrame],
    job: Job,
    cost: StepCost | None,
) -> list[str]:
    """Sentences on what limits the evidence for a model.

    Parameters
    ----------
    model : str
    tables : mapping of str to DataFrame
        All tables of the campaign.
    chapters : mapping of str to DataFrame
        The rows by model and case that were compared, by chapter.
    job : Job
    cost : StepCost or None
    """
    found: list[str] = []
    for chapter, table in chapters.items():
        rows = table[table["model"] == model]
        if rows.empty:
            found.append(f"{chapter}: no data.")
            continue
        found += [f"{chapter}: {sentence}" for sentence in (*_outcome(rows), *_levels(rows))]
        found += [
            f"{chapter}: {sentence}" for sentence in SPECIAL.get(chapter, lambda _: [])(rows[rows["status"] == "ok"])
        ]
    tested = [table for name, table in chapters.items() if name in ("diatomics", "phonons")]
    missing = untested_elements(tested, job.elements, model) if tested else []
    if missing:
        found.append(f"no pair and no crystal with {', '.join(missing)} in the chapters compared.")
    return found + _conformance(model, tables, job) + _cost(cost, job)


def _outcome(rows: pd.DataFrame) -> list[str]:
    failures = rows.loc[rows["status"] == "failed", "reason"].value_counts()
    missing = int((rows["status"] == "missing").sum())
    found = []
    if len(failures):
        named = ", ".join(f"{reason} ({count})" for reason, count in failures.items())
        found.append(f"{failures.sum()} of {len(rows)} cases failed: {named}.")
    if missing:
        found.append(f"{missing} of {len(rows)} cases have not been run.")
    return found


def _levels(rows: pd.DataFrame) -> list[str]:
    """Where the tables say that model and reference are of different levels of theory."""
    if "levels_agree" not in rows:
        return []
    apart = rows[rows["levels_agree"].astype(str) == "False"]
    if apart.empty:
        return []
    pairs = apart[["level_of_theory_model", "level_of_theory_reference"]].drop_duplicates()
    named = ", ".join(f"{own} against {theirs}" for own, theirs in pairs.itertuples(index=False))
    return [f"another level of theory than the reference: {named}; a part of the deviation is that of the levels."]


def _diatomics(ok: pd.DataFrame) -> list[str]:
    locked = int(is_true(ok["locked"]).sum()) if "locked" in ok else 0
    return [f"{locked} of {len(ok)} pairs stop repelling when pushed together."] if locked else []


def _phonons(ok: pd.DataFrame) -> list[str]:
    found = []
    if {"imaginary", "imaginary_reference"} <= set(ok):
        apart = int((is_true(ok["imaginary"]) & (ok["imaginary_reference"].astype(str) == "False")).sum())
        found += [f"{apart} of {len(ok)} crystals have imaginary modes that the reference has not."] if apart else []
    bare = int(ok["frequency_max_reference_THz"].isna().sum()) if "frequency_max_reference_THz" in ok else 0
    return found + ([f"{bare} of {len(ok)} crystals have no reference."] if bare else [])


def _gas(ok: pd.DataFrame) -> list[str]:
    found = []
    if {"n_stable", "n_repeats"} <= set(ok):
        lost = ok["n_repeats"].sum() - ok["n_stable"].sum()
        found += [f"{lost:.0f} of {ok['n_repeats'].sum():.0f} runs did not last."] if lost else []
    if "diffusion_route" in ok:
        short = int(ok["diffusion_route"].isna().sum())
        found += [f"{short} of {len(ok)} cases are too short to tell diffusion."] if short else []
    if "timestep_exponent" in ok and len(ok) and ok["timestep_exponent"].isna().all():
        found.append("the drift was not measured at other time steps.")
    return found


def _widom(ok: pd.DataFrame) -> list[str]:
    found = []
    if "hole" in ok and (count := int(is_true(ok["hole"]).sum())):
        found.append(
            f"in {count} of {len(ok)} cases it attracts where nuclei overlap: the numbers are those of this hole."
        )
    if "trusted" in ok and (count := int((~is_true(ok["trusted"])).sum())):
        found.append(f"{count} of {len(ok)} cases are not trusted: few attempts carry the weight, or there is a hole.")
    return found


def _adsorption(ok: pd.DataFrame) -> list[str]:
    if "equilibrated" not in ok:
        return []
    count = int((~is_true(ok["equilibrated"])).sum())
    return [f"{count} of {len(ok)} pressures are not equilibrated and not compared."] if count else []


SPECIAL = {"diatomics": _diatomics, "phonons": _phonons, "gas": _gas, "widom": _widom, "adsorption": _adsorption}
"""What each chapter has to say of the cases that have a result."""


def _conformance(model: str, tables: Mapping[str, pd.DataFrame], job: Job) -> list[str]:
    """Laws that the model was found to break, and whether it was tested at all where energy must be conserved."""
    table = tables.get("conformance_summary", pd.DataFrame(columns=["model"]))
    broken = table.loc[table["model"] == model].get("broken", pd.Series(dtype=object))
    if broken.empty:
        return ["whether its forces are the gradient of its energy was not tested."] if job.conservative else []
    return [f"laws that it breaks beyond their tolerance: {laws}." for laws in broken.dropna()]


def _cost(cost: StepCost | None, job: Job) -> list[str]:
    if cost is None:
        where = f" on {job.device}" if job.device else ""
        return [f"the time of a step at this size{where} is not known."]
    found = []
    if cost.how == BEYOND:
        found.append(f"the cost is extrapolated: {cost.largest_n_atoms} atoms is the largest size that was measured.")
    if cost.ended_at_n_atoms is not None and cost.n_atoms >= cost.ended_at_n_atoms:
        found.append(f"its timing ended at {cost.ended_at_n_atoms} atoms: {cost.ended_with}.")
    return found
