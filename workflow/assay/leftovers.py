"""Files that killed programs have left half-written in a campaign's results, removed when it is started again."""

from __future__ import annotations

from pathlib import Path

from assay.records import remove_partial

DAY_s = 86400.0


def remove_leftovers(results: Path) -> None:
    """Remove what is left half-written, for the snakemake that holds the campaign's lock.

    A job of a model removes its own when it starts: it alone knows that nobody writes there. References may be shared
    by campaigns, so that only what is a day old goes there.

    Parameters
    ----------
    results : Path
    """
    for folder in sorted(path for path in Path(results).glob("*") if path.is_dir()):
        if folder.name == "models":
            for model in folder.iterdir():
                remove_partial(model)
            continue
        age_s = DAY_s if folder.name == "references" else 0.0
        remove_partial(folder, older_than_s=age_s)
        for inner in folder.rglob("*/"):
            remove_partial(inner, older_than_s=age_s)
