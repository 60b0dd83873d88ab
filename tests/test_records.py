from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.failures import UserError
from assay.records import atomic_path, file_sha256, fingerprint, plain, read_json, write_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "folder" / "data.yaml.xz"
    with atomic_path(path) as temporary:
        assert temporary.suffixes[-2:] == [".yaml", ".xz"]
        temporary.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert [item.name for item in path.parent.iterdir()] == ["data.yaml.xz"]


def test_an_exception_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "data.json"
    write_json(path, {"old": 1})
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"old": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unwritable_folder_is_told_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write there .*; free the folder or choose another"):
        write_json(tmp_path / "file" / "x.json", {})


def test_readers_never_see_half_a_file(tmp_path):
    path = tmp_path / "data.json"
    write_json(path, list(range(1000)))
    stop = threading.Event()

    def write():
        while not stop.is_set():
            write_json(path, list(range(1000)))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(200):
            assert len(json.loads(path.read_text())) == 1000
    finally:
        stop.set()
        thread.join()


def test_truncated_json_names_file_and_remedy(tmp_path):
    path = tmp_path / "record.json"
    path.write_text('{"status": "o')
    with pytest.raises(UserError, match=r"record.json: not readable as JSON .*delete it and rerun"):
        read_json(path)


def test_what_json_does_not_know_becomes_plain():
    content = {"a": np.float64(1.5), "b": np.arange(2), "c": float("nan"), "d": np.bool_(True), "e": {3, 1}, 4: (1, 2)}
    assert plain(content) == {"a": 1.5, "b": [0, 1], "c": None, "d": True, "e": [1, 3], "4": [1, 2]}


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=6))
def test_a_fingerprint_is_blind_to_the_order_of_keys(content):
    backwards = dict(reversed(content.items()))
    assert fingerprint(content) == fingerprint(backwards)


@given(JSON, JSON)
def test_different_content_has_different_fingerprints(first, second):
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (fingerprint(first) == fingerprint(second)) == same


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
