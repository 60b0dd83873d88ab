"""Downloads against a server on this machine that fails on purpose: one sentence, and nothing left behind."""

from __future__ import annotations

import hashlib
import json
import random
import urllib.request

import pytest
from small_records import FileServer, mdr_zip

from assay import transfers
from assay.downloads import from_mirror, lock_path, obtain
from assay.failures import UserError
from assay.kinds import UnreadableRecord
from assay.references.phonon_databases import KEYS
from assay.transfers import Manners, NotThere

QUICK = Manners(attempts=3, timeout_s=0.3, limit_s=20, pause_s=0, backoff_s=0.01, backoff_max_s=0.02)
CONTENT = mdr_zip(random.Random(0).randbytes(300_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    made = FileServer()
    made.files["/a.zip"] = CONTENT
    yield made
    made.close()


def get(server, folder, **options):
    options = {"limit_MB": 10, "keys": KEYS, "manners": QUICK} | options
    return obtain(f"{server.url}/a.zip", "a.zip", folder, **options)


def sentence(server, folder, kind=UserError, **options) -> str:
    with pytest.raises(kind) as caught:
        get(server, folder, **options)
    text = str(caught.value)
    assert "\n" not in text and server.url in text
    return text


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_is_fetched_once_and_its_checksum_recorded(server, tmp_path):
    found = get(server, tmp_path)
    assert found.path.read_bytes() == CONTENT
    assert found.sha256 == SHA256
    lock = json.loads(lock_path(found.path).read_text())
    assert (lock["sha256"], lock["source"], lock["size_bytes"]) == (SHA256, f"{server.url}/a.zip", len(CONTENT))
    assert get(server, tmp_path) == found
    assert server.paths() == ["/a.zip"]
    assert names(tmp_path) == ["a.zip", "a.zip.lock.json"]


def test_the_project_says_who_it_is(server, tmp_path):
    get(server, tmp_path)
    assert server.requests[0][1]["User-Agent"].startswith("Assay/")


def test_a_broken_connection_is_resumed_where_it_ended(server, tmp_path):
    server.faults["/a.zip"] = ["truncate"]
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    second = server.requests[1][1]
    assert int(second["Range"].removeprefix("bytes=").removesuffix("-")) > 0
    assert "If-Range" in second
    assert names(tmp_path) == ["a.zip", "a.zip.lock.json"]


def test_where_the_server_cannot_resume_it_starts_anew(server, tmp_path):
    server.faults["/a.zip"] = ["truncate", "no-range"]
    assert get(server, tmp_path).path.read_bytes() == CONTENT


def test_a_killed_download_is_resumed_by_the_next_start(server, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(CONTENT[:1000])
    etag = f'"{len(CONTENT)}-{CONTENT[:8].hex()}"'
    state = {"url": f"{server.url}/a.zip", "validator": etag, "resumable": True}
    (tmp_path / "a.zip.part.json").write_text(json.dumps(state))
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert server.requests[0][1]["Range"] == "bytes=1000-"


def test_what_a_killed_download_left_of_another_file_is_not_used(server, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(b"PK\x03\x04 of something else")
    state = {"url": f"{server.url}/a.zip", "validator": '"of yesterday"', "resumable": True}
    (tmp_path / "a.zip.part.json").write_text(json.dumps(state))
    assert get(server, tmp_path).path.read_bytes() == CONTENT


@pytest.mark.parametrize("faults", [[503], [429, 500], ["slow"]])
def test_passing_trouble_is_waited_out(server, tmp_path, faults):
    server.faults["/a.zip"] = list(faults)
    assert get(server, tmp_path).sha256 == SHA256
    assert len(server.requests) == len(faults) + 1


def test_pauses_grow_and_are_jittered(server, tmp_path):
    server.faults["/a.zip"] = [503, 503]
    pauses = []
    get(server, tmp_path, manners=Manners(attempts=3, pause_s=0, backoff_s=4, backoff_max_s=60), sleep=pauses.append)
    first, second = [pause for pause in pauses if pause]
    assert 2 <= first <= 6 and 4 <= second <= 12


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (["truncate"] * 3, "the connection ended after"),
        ([503] * 3, "HTTP 503 Service Unavailable (3 attempts); try again later"),
        (["slow"] * 3, "no answer in time (3 attempts); try again later, or give the file in phonons.database.mirror"),
        (
            [403],
            "HTTP 403 Forbidden; correct its id, or phonons.database.base_url, or give the file in phonons",
        ),
        (["html"], "expected a .zip file, but it is a web page (HTML)"),
    ],
)
def test_lasting_trouble_is_one_sentence_and_leaves_nothing(server, tmp_path, faults, expected):
    server.faults["/a.zip"] = list(faults)
    assert expected in sentence(server, tmp_path)
    assert names(tmp_path) == []


def test_what_is_not_there_is_said_at_once(server, tmp_path):
    del server.files["/a.zip"]
    assert "there is no such file (HTTP 404); correct its id" in sentence(server, tmp_path, kind=NotThere)
    assert len(server.requests) == 1
    assert names(tmp_path) == []


def test_a_web_page_is_an_unreadable_record(server, tmp_path):
    server.faults["/a.zip"] = ["html"]
    sentence(server, tmp_path, kind=UnreadableRecord)


def test_an_unreachable_server_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"http://127.0.0.1:9/a.zip: .*refused.* \(3 attempts\)"):
        obtain("http://127.0.0.1:9/a.zip", "a.zip", tmp_path, limit_MB=1, keys=KEYS, manners=QUICK)
    assert names(tmp_path) == []


@pytest.mark.parametrize("fault", [None, "truncate"])
def test_a_file_beyond_the_limit_is_not_fetched(server, tmp_path, fault):
    server.faults["/a.zip"] = [fault]
    assert "larger than 0.1 MiB; if that is meant, raise phonons.database.max_download_MB" in sentence(
        server, tmp_path, limit_MB=0.1
    )
    assert names(tmp_path) == []


def test_a_file_that_takes_too_long_is_given_up(server, tmp_path):
    slow = Manners(attempts=1, limit_s=-1, pause_s=0)
    assert "still not complete when its time was over" in sentence(server, tmp_path, manners=slow)
    assert names(tmp_path) == []


def test_another_file_than_pinned_is_refused(server, tmp_path):
    assert "phonons.database.checksums pins" in sentence(server, tmp_path, sha256="0" * 64)
    assert names(tmp_path) == []
    assert get(server, tmp_path, sha256=SHA256.upper()).sha256 == SHA256


def test_another_file_than_on_first_use_is_refused(server, tmp_path):
    get(server, tmp_path).path.unlink()
    server.files["/a.zip"] = mdr_zip(b"something else")
    text = sentence(server, tmp_path)
    assert "was recorded on first use" in text and "a.zip.lock.json" in text
    assert names(tmp_path) == ["a.zip.lock.json"]


def test_a_damaged_download_is_fetched_again(server, tmp_path):
    found = get(server, tmp_path)
    found.path.write_bytes(CONTENT[:100])
    assert get(server, tmp_path).path.read_bytes() == CONTENT


def test_a_file_of_a_mirror_is_verified_too(tmp_path):
    mirrored = tmp_path / "mirror.zip"
    mirrored.write_bytes(CONTENT)
    lock = tmp_path / "downloads" / "a.zip"
    assert from_mirror(mirrored, lock, KEYS).sha256 == SHA256
    mirrored.write_bytes(CONTENT + b"!")
    with pytest.raises(UserError, match="was recorded on first use"):
        from_mirror(mirrored, lock, KEYS)
    with pytest.raises(UserError, match="checksums pins"):
        from_mirror(mirrored, lock, KEYS, "0" * 64)


def test_only_http_and_only_plain_names(tmp_path):
    for url in ("ftp://host/a.zip", "file:///etc/passwd"):
        with pytest.raises(UserError, match="only https"):
            obtain(url, "a.zip", tmp_path, limit_MB=1, keys=KEYS)
    for name in ("../a.zip", "a/b.zip", ".hidden"):
        with pytest.raises(UserError, match="not the plain name"):
            obtain("https://host/a.zip", name, tmp_path, limit_MB=1, keys=KEYS)


def test_redirects_are_followed_but_never_from_https_to_http(server, tmp_path):
    server.files["/elsewhere"] = CONTENT
    server.faults["/a.zip"] = ["moved"]
    assert get(server, tmp_path).sha256 == SHA256
    request = urllib.request.Request("https://host/a.zip")
    with pytest.raises(UserError, match="which is not https"):
        transfers._OwnHost().redirect_request(request, None, 302, "Found", {}, "http://host/a.zip")


def test_a_folder_that_cannot_be_written_to_is_named(server, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match=r"taken.*cannot write"):
        get(server, tmp_path / "taken")
