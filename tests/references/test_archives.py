"""Archives that are truncated, hostile or something else: unpacked in memory, within a limit, or refused."""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile

import pytest
from small_records import HTML, MEMBER, mdr_zip

from assay.failures import UserError
from assay.references.archives import UnreadableRecord, unpack

TEXT = b"unit_cell: {}\n" * 5000
KINDS = {
    "a.zip": mdr_zip(TEXT),
    "a.yaml.bz2": bz2.compress(TEXT),
    "a.yaml.xz": lzma.compress(TEXT),
}


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def refusal(path, content: bytes, limit_MB: float = 10) -> str:
    path.write_bytes(content)
    with pytest.raises(UnreadableRecord) as caught:
        unpack(path, member=MEMBER, limit_MB=limit_MB)
    text = str(caught.value)
    assert str(path) in text and "\n" not in text
    assert [item.name for item in path.parent.iterdir()] == [path.name], "nothing is written"
    return text


@pytest.mark.parametrize("name", KINDS)
def test_what_was_packed_comes_out(tmp_path, name):
    (tmp_path / name).write_bytes(KINDS[name])
    assert unpack(tmp_path / name, member=MEMBER, limit_MB=1) == TEXT


@pytest.mark.parametrize("name", ["a.yaml.bz2", "a.yaml.xz"])
def test_streams_one_after_the_other_are_one_content(tmp_path, name):
    (tmp_path / name).write_bytes(2 * KINDS[name])
    assert unpack(tmp_path / name, limit_MB=1) == 2 * TEXT


def test_a_member_in_a_folder_is_found_by_its_name(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({f"m039k924j/{MEMBER}": lzma.compress(TEXT), "README": b""}))
    assert unpack(tmp_path / "a.zip", member=MEMBER, limit_MB=1) == TEXT


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_file_is_named(tmp_path, name, share):
    content = KINDS[name][: max(20, int(share * len(KINDS[name])))]
    assert "truncated or damaged" in refusal(tmp_path / name, content)


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_named(tmp_path, name):
    content = bytearray(KINDS[name])
    content[len(content) // 2] ^= 0xFF
    assert "truncated or damaged" in refusal(tmp_path / name, bytes(content))


@pytest.mark.parametrize("name", KINDS)
def test_a_web_page_is_told_from_a_file(tmp_path, name):
    assert "a web page (HTML)" in refusal(tmp_path / name, HTML)
    assert "it is empty" in refusal(tmp_path / name, b"")


@pytest.mark.parametrize("name", KINDS)
def test_a_bomb_is_stopped_at_the_limit(tmp_path, name):
    zeros = bytes(30 * 2**20)
    bombs = {
        "a.zip": zipped({MEMBER: lzma.compress(zeros)}),
        "a.yaml.bz2": bz2.compress(zeros),
        "a.yaml.xz": lzma.compress(zeros),
    }
    assert len(bombs[name]) < 100_000
    text = refusal(tmp_path / name, bombs[name], limit_MB=2)
    assert "more than 2 MiB when unpacked" in text and "phonons.database.max_unpacked_MB" in text


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path):
    """The size in the directory of the archive is not believed."""
    content = bytearray(zipped({MEMBER: bytes(5 * 2**20)}))
    lie, truth = (1000).to_bytes(4, "little"), (5 * 2**20).to_bytes(4, "little")
    assert truth in content
    refusal(tmp_path / "a.zip", bytes(content.replace(truth, lie)), limit_MB=1)


def test_a_dictionary_that_wants_gigabytes_is_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 2**30}]
    assert "truncated or damaged" in refusal(tmp_path / "a.yaml.xz", lzma.compress(b"x", filters=filters))


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_a_path_that_leads_out_of_the_archive_is_refused(tmp_path, name):
    content = zipped({MEMBER: lzma.compress(TEXT), name: b"evil"})
    text = refusal(tmp_path / "a.zip", content)
    assert "leads out of the archive" in text and "nothing was unpacked" in text


def test_members_that_are_missing_or_doubled_are_named(tmp_path):
    assert "expected one member phonopy_params.yaml.xz, found 0 (members: POSCAR)" in refusal(
        tmp_path / "a.zip", zipped({"POSCAR": b""})
    )
    doubled = zipped({f"a/{MEMBER}": lzma.compress(b"1"), f"b/{MEMBER}": lzma.compress(b"2")})
    assert "found 2" in refusal(tmp_path / "a.zip", doubled)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.zip: there is no such file"):
        unpack(tmp_path / "a.zip", member=MEMBER, limit_MB=1)
