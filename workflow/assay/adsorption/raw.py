"""What a case leaves on disk beside its trajectory: samples of the Markov chains, and what became of their trials.

Both are Parquet. A sample is the state of one replica after so many trials. Moves are counted by replica and part of
the run. The trajectory is written and read by `assay.adsorption.trajectories`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.failures import UserError
from assay.records import atomic_path

if TYPE_CHECKING:
    import pandas as pd

    Columns = Mapping[str, np.ndarray] | pd.DataFrame

SAMPLES_FILE = "samples.parquet"
MOVES_FILE = "moves.parquet"

EQUILIBRATION, PRODUCTION = "equilibration", "production"
PARTS = (EQUILIBRATION, PRODUCTION)
"""Of a run, by the number of trials: step lengths are adapted in the first one only."""

TRANSLATION, ROTATION, INSERTION, DELETION, REGROWTH = "translation", "rotation", "insertion", "deletion", "regrowth"
MOVES = (TRANSLATION, ROTATION, INSERTION, DELETION, REGROWTH)

SAMPLES = pa.schema(
    [
        ("replica", pa.int16()),
        ("trial", pa.int64()),
        ("n_molecules", pa.int32()),
        ("energy_eV", pa.float64()),
        ("closest_fraction", pa.float32()),
        ("n_inside", pa.int32()),
    ]
)
"""Replica, trials made so far, molecules, interaction energy E(host and guests) - E(host) - the isolated guests', least
contact of all guests with the host (see `assay.contacts`; NaN without guests), guests nearer to the host than
`assay.contacts.OVERLAP_FRACTION`."""

MOVES_TABLE = pa.schema(
    [
        ("replica", pa.int16()),
        ("part", pa.dictionary(pa.int8(), pa.string())),
        ("move", pa.dictionary(pa.int8(), pa.string())),
        *[(name, pa.int64()) for name in ("attempted", "accepted", "overlaps", "non_finite")],
    ]
)
"""Trials of a replica in a part of the run: attempted, accepted, rejected for an overlap without an evaluation,
rejected because the potential gave no finite number."""


def write_samples(path: Path, table: Columns) -> None:
    """Write samples, atomically; columns as of `SAMPLES`, rows are sorted by replica and trial."""
    _write(path, table, SAMPLES, np.lexsort((np.asarray(table["trial"]), np.asarray(table["replica"]))))


def read_samples(path: Path) -> pd.DataFrame:
    """Samples: the columns of `SAMPLES`, sorted by replica and trial.

    Raises
    ------
    UserError
        If the file is missing or not Parquet.
    """
    return _read(path).to_pandas()


def read_sample_columns(path: Path) -> dict[str, np.ndarray]:
    """The same by column, for environments without pandas.

    Raises
    ------
    UserError
        If the file is missing or not Parquet.
    """
    table = _read(path)
    return {name: table[name].to_numpy() for name in SAMPLES.names}


def write_moves(path: Path, table: Columns) -> None:
    """Write counts of trials, atomically; columns as of `MOVES_TABLE`, rows in the order given."""
    _write(path, table, MOVES_TABLE, np.arange(len(table["replica"])))


def read_moves(path: Path) -> pd.DataFrame:
    """Counts of trials: the columns of `MOVES_TABLE`.

    Raises
    ------
    UserError
        If the file is missing or not Parquet.
    """
    return _read(path).to_pandas()


def _write(path: Path, table: Columns, schema: pa.Schema, order: np.ndarray) -> None:
    # without pandas, which not every model's environment has
    columns = [pa.array(np.asarray(table[name])[order]).cast(schema.field(name).type) for name in schema.names]
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), temporary, compression="zstd")


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not readable as Parquet ({error}); delete it and rerun the campaign.") from error
