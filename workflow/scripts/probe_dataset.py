"""Histograms of a data set: distances of pairs, and forces against the distance of the nearest atom.

The file is read frame by frame: memory does not grow with it. Extended XYZ (also .xz, .gz, .bz2) and MPtrj's JSON.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from assay.datasets.figures import force_figure, pair_figure, pair_table
from assay.datasets.frames import FORMATS, read_frames
from assay.datasets.histograms import Bins, Histograms, count_frames, write_histograms
from assay.failures import UserError
from assay.provenance import peak_host_memory_MiB
from assay.style import save_figures
from assay.tables import write_table

REPORT_s = 10.0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the data set, for titles and the table")
    parser.add_argument("--data", type=Path, required=True, help="the file of frames")
    parser.add_argument("--format", choices=FORMATS, default=None, help="told from the file's name unless given")
    parser.add_argument("--cutoff-A", type=float, default=Bins.cutoff_A, help="largest distance (default: %(default)s)")
    parser.add_argument("--histograms", type=Path, required=True, help="counts (HDF5), to be written")
    parser.add_argument("--table", type=Path, required=True, help="table by pair of elements (CSV), to be written")
    parser.add_argument("--folder", type=Path, required=True, help="where the figures go")
    arguments = parser.parse_args(argv)
    histograms = Histograms(Bins(cutoff_A=arguments.cutoff_A))
    begun = said = time.monotonic()

    def report(counted: Histograms) -> None:
        nonlocal said
        if time.monotonic() - said > REPORT_s:
            said = time.monotonic()
            print(f"{counted.frames} frames, {counted.frames / (said - begun):.0f} per second", flush=True)

    try:
        count_frames(arguments.data, read_frames(arguments.data, arguments.format), histograms, report)
        write_histograms(arguments.histograms, histograms)
        write_table(arguments.table, pair_table(arguments.name, histograms))
        figures = {"pairs": pair_figure, "forces": force_figure}
        save_figures({kind: draw(arguments.name, histograms) for kind, draw in figures.items()}, arguments.folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{arguments.name}: {histograms.frames} frames, {histograms.atoms} atoms in {time.monotonic() - begun:.0f} s,"
        f" peak memory {peak_host_memory_MiB():.0f} MiB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
