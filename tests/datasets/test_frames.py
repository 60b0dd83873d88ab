import gzip
import json
import lzma

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from assay.datasets.frames import read_frames
from assay.failures import UserError

ONE = '1\nProperties=species:S:1:pos:R:3 pbc="F F F"\nC 0.0 0.0 0.0\n'


def crystals() -> list[Atoms]:
    made = []
    for edge in (5.3, 5.5):
        atoms = bulk("Si", "diamond", edge, cubic=True)
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.full((8, 3), edge))
        made.append(atoms)
    return made


def mptrj(structures: list[Atoms]) -> dict:
    """Structures in MPtrj's layout."""
    frames = {
        f"mp-1-0-{number}": {
            "structure": {
                "lattice": {"matrix": atoms.cell.array.tolist()},
                "sites": [
                    {"species": [{"element": symbol, "occu": 1}], "abc": place.tolist()}
                    for symbol, place in zip(atoms.symbols, atoms.get_scaled_positions(), strict=True)
                ],
            },
            "force": atoms.get_forces().tolist(),
        }
        for number, atoms in enumerate(structures)
    }
    return {"mp-1": frames}


@pytest.mark.parametrize("name", ["data.xyz", "data.extxyz", "data.xyz.xz", "data.xyz.gz"])
def test_frames_come_one_after_the_other_whatever_the_packing(tmp_path, name):
    path = tmp_path / name
    plain = tmp_path / "plain.xyz"
    ase.io.write(plain, crystals(), format="extxyz")
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)
    with opener(path, "wb") as stream:
        stream.write(plain.read_bytes())
    frames = list(read_frames(path))
    assert [atoms.cell[0, 0] for atoms in frames] == [5.3, 5.5]
    assert frames[1].calc.results["forces"] == pytest.approx(np.full((8, 3), 5.5))
    assert frames[0].pbc.all()


def test_mptrj_json_gives_the_same_frames(tmp_path):
    pytest.importorskip("ijson")
    path = tmp_path / "mptrj.json"
    path.write_text(json.dumps(mptrj(crystals())))
    for read, written in zip(read_frames(path), crystals(), strict=True):
        assert read.get_positions() == pytest.approx(written.positions)
        assert read.get_forces() == pytest.approx(written.get_forces())
        assert read.symbols.get_chemical_formula() == "Si8"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ONE + "x\n", "frame 2 is malformed .*number of atoms, found 'x'"),
        (ONE + "2\nProperties=species:S:1:pos:R:3\nC 0 0 0\n", "frame 2 is malformed .*ends before its 2 atoms"),
        (ONE * 2 + "1\nProperties=species:S:1:pos:R:3\nC 0 0\n", "frame 3 is malformed"),
    ],
)
def test_a_malformed_frame_is_named_by_file_and_number(tmp_path, content, words):
    path = tmp_path / "data.xyz"
    path.write_text(content)
    frames = read_frames(path)
    assert len(next(frames)) == 1
    with pytest.raises(UserError, match=words) as caught:
        list(frames)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_malformed_material_is_named(tmp_path):
    pytest.importorskip("ijson")
    content = mptrj(crystals())
    del content["mp-1"]["mp-1-0-1"]["structure"]["lattice"]
    path = tmp_path / "mptrj.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"frame 2 is malformed \(mp-1-0-1: KeyError"):
        list(read_frames(path))
    path.write_text(json.dumps(content)[:-40])
    with pytest.raises(UserError, match=r"frame 1 is malformed"):
        list(read_frames(path))


def test_files_that_are_missing_cut_or_of_no_known_format_are_named(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        list(read_frames(tmp_path / "none.xyz"))
    packed = lzma.compress((ONE * 500).encode())
    (tmp_path / "cut.xyz.xz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UserError, match="damaged or ends early"):
        list(read_frames(tmp_path / "cut.xyz.xz"))
    with pytest.raises(UserError, match="unknown format 'extxy'; did you mean 'extxyz'"):
        list(read_frames(tmp_path / "none.xyz", "extxy"))
