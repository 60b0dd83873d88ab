"""Whether a potential may be used for a job at all, by its entry in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from assay.levels import levels_agree
from assay.report.job_words import Job

OPEN_LICENCES = ("MIT", "BSD", "Apache-2.0", "LGPL", "GPL", "MPL-2.0", "CC0", "CC-BY-4.0", "CC-BY-SA-4.0")
"""Beginnings of the names of licences that allow every use, commercial use among them."""

RESTRICTED_LICENCES = ("ASL", "Academic", "CC-BY-NC", "CC-BY-NC-SA", "non-commercial")
"""Beginnings of the names of licences that forbid commercial use. Of all others it is not known here: read them."""


def objections(entry: Mapping[str, Any], job: Job) -> list[str]:
    """Why a potential cannot be used for a job, one reason each; none if nothing in its entry is against it.

    Parameters
    ----------
    entry : mapping
        The potential's row of the table ``catalogue``.
    job : Job
    """
    known = {name: value for name, value in entry.items() if not pd.isna(value)}
    found = [_licence(known.get("licence"), job.licence)] if job.licence else []
    if job.conservative and known.get("forces") != "conservative":
        found.append(f"its forces are {known.get('forces', 'not described')}, not the gradient of the energy")
    if job.dispersion and known.get("dispersion") not in ("included", "d3bj"):
        found.append("dispersion is neither in its training data nor added")
    if job.device and job.device not in str(known.get("default_devices", job.device)).split():
        found.append(f"it does not run on {job.device}")
    if job.level_of_theory and not _same_functional(known.get("level_of_theory"), job.level_of_theory):
        found.append(f"its level of theory is {known.get('level_of_theory', 'not described')}")
    elements = str(known.get("elements", "")).split()
    missing = [symbol for symbol in job.elements if elements and symbol not in elements]
    if missing:
        found.append(f"it does not know {', '.join(missing)}")
    return [reason for reason in found if reason]


def _same_functional(level: str | None, wanted: str) -> bool:
    """Whether a level is of the wanted functional; dispersion is asked for by itself."""
    plain = [re.sub(r"-D[34].*", "", text or "", flags=re.IGNORECASE) for text in (level, wanted)]
    return levels_agree(*plain) is True


def _licence(licence: str | None, wanted: str) -> str | None:
    if licence is None:
        return "its licence is not in the catalogue"
    if wanted in ("commercial", "open"):
        if licence.startswith(OPEN_LICENCES):
            return None
        if licence.casefold().startswith(tuple(name.casefold() for name in RESTRICTED_LICENCES)):
            return f"its licence, {licence}, forbids commercial use"
        return f"its licence, {licence}, is not known here: read it"
    return None if licence.casefold().startswith(wanted.casefold()) else f"its licence is {licence}"
