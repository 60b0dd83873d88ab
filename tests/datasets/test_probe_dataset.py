import subprocess
import sys

import ase.io
import pandas as pd
from ase.build import bulk
from conftest import ROOT


def probe(folder, data, *options):
    places = ("--histograms", folder / "h.h5", "--table", folder / "t.csv", "--folder", folder / "figures")
    command = [sys.executable, ROOT / "workflow/scripts/probe_dataset.py", "--name", "mine", "--data", data, *places]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


def test_a_data_set_gives_histograms_a_table_and_figures(tmp_path):
    ase.io.write(tmp_path / "data.xyz", [bulk("MgO", "rocksalt", edge) for edge in (4.1, 4.3)], format="extxyz")
    done = probe(tmp_path, tmp_path / "data.xyz", "--cutoff-A", "4")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["pair"].iloc[0] == "all" and set(table["pair"][1:]) == {"O-Mg", "Mg-Mg", "O-O"}
    assert table["n_frames"].eq(2).all() and table["distance_min_A"].iloc[0] == 2.05
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"{name}.{kind}" for name in ("pairs", "forces") for kind in ("png", "svg")
    }
    assert "2 frames, 4 atoms" in done.stdout and (tmp_path / "h.h5").exists()


def test_bad_data_is_one_sentence_and_leaves_nothing(tmp_path):
    (tmp_path / "data.xyz").write_text("nonsense\n")
    done = probe(tmp_path, tmp_path / "data.xyz")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "frame 1 is malformed" in done.stderr and "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.xyz"]


def test_real_frames_of_mptrj_are_counted(tmp_path, shared_data):
    done = probe(tmp_path, shared_data / "mptrj" / "mptrj-random-1k.xyz.xz", "--cutoff-A", "3")
    assert done.returncode == 0, done.stderr
    whole = pd.read_csv(tmp_path / "t.csv").iloc[0]
    assert (whole["n_frames"], whole["n_atoms"], whole["n_frames_without_forces"]) == (1000, 31312, 0)
    assert 0.6 < whole["distance_min_A"] < 0.7
