"""The potentials of a campaign as a table: what the catalogue says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

COLUMNS = (
    *("label", "package", "licence", "citation", "training_data", "level_of_theory", "forces", "equivariance"),
    *("parameters", "cutoff_A", "elements", "dtype", "dispersion", "corrections", "charge_aware", "default_devices"),
)


def catalogue_table(entries: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per potential, in the order of the campaign.

    Parameters
    ----------
    entries : mapping of str to mapping
        Entries of the catalogue by name; lists become words with blanks between them.
    """
    rows = [
        {"model": name} | {column: _cell(entry.get(column)) for column in COLUMNS} for name, entry in entries.items()
    ]
    table = pd.DataFrame(rows, columns=["model", *COLUMNS])
    table["label"] = table["label"].fillna(table["model"])
    # a count keeps all its digits
    return table.astype({"parameters": "Int64"})


def _cell(value: Any) -> Any:
    return " ".join(map(str, value)) or None if isinstance(value, list | tuple | dict) else value
