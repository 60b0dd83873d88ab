"""Weights over the network and from mirrors: each once, verified, and one sentence where that cannot be."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import threading

import pytest
from conftest import ROOT
from file_server import WeightsServer

from assay.checkpoints import content_sha256, identity, kept_weights, remote_files, weights_of
from assay.failures import PotentialFailure, UserError
from assay.fetching import fetch, hub_token
from assay.potentials.loading import checkpoint_path
from assay.transfers import Interrupted, Manners

QUICK = Manners(attempts=2, timeout_s=5, limit_s=20, pause_s=0, backoff_s=0.01, backoff_max_s=0.02)
CONTENT = random.Random(1).randbytes(200_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HUB = {"repo": "owner/name", "file": "weights.pt", "revision": "0123abc"}
HUB_PATH = "/owner/name/resolve/0123abc/weights.pt"


@pytest.fixture
def server():
    made = WeightsServer()
    made.files["/releases/weights.pth"] = CONTENT
    yield made
    made.close()


@pytest.fixture
def hub(server, monkeypatch, tmp_path):
    """The server in place of the hub, for a person who has no token."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub home"))
    for variable in ("HF_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(variable, raising=False)
    server.files[HUB_PATH] = CONTENT
    return server


def entry(checkpoint):
    return {"name": "own", "checkpoint": checkpoint}


def by_url(server, **keys):
    return entry({"url": f"{server.url}/releases/weights.pth", **keys})


def get(entry, folder, mirror=None):
    return fetch(entry, folder, mirror, say=lambda line: None, manners=QUICK)


def sentence(entry, folder, mirror=None, kind=UserError) -> str:
    with pytest.raises(kind) as caught:
        get(entry, folder, mirror)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_are_fetched_once_per_site_into_a_folder_like_their_address(server, tmp_path):
    found = get(by_url(server), tmp_path)
    assert found.path == tmp_path / "127.0.0.1/releases/weights.pth"
    assert (found.path.read_bytes(), found.sha256) == (CONTENT, SHA256)
    assert get(by_url(server, sha256=SHA256), tmp_path) == found
    assert len(server.requests) == 1
    assert sorted(path.name for path in found.path.parent.iterdir()) == ["weights.pth", "weights.pth.lock.json"]


def test_two_jobs_that_want_the_same_weights_fetch_them_once(server, tmp_path):
    jobs = [threading.Thread(target=get, args=(by_url(server), tmp_path)) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert len(server.requests) == 1


def test_what_is_asked_of_a_server_is_part_of_the_place():
    places = {
        remote_files("own", {"url": f"https://host/download/weights.pth?version={version}"})[0].place.as_posix()
        for version in (1, 2)
    }
    assert places == {"host/download/version=1/weights.pth", "host/download/version=2/weights.pth"}


@pytest.mark.parametrize("url", ["https://host/../weights.pth", "https://host/a/%2e%2e/b", "https://host/a%2f..%2fb"])
def test_an_address_does_not_lead_out_of_the_folder(url):
    with pytest.raises(UserError, match="no plain names"):
        remote_files("own", {"url": url})


def test_an_interrupted_download_goes_on_where_it_ended_at_the_next_start(server, tmp_path):
    server.cut.add("/releases/weights.pth")
    text = sentence(by_url(server), tmp_path, kind=Interrupted)
    assert "the connection ended after" in text and "checkpoints.mirror" in text
    part = tmp_path / "127.0.0.1/releases/weights.pth.part"
    came = part.stat().st_size
    assert 0 < came < len(CONTENT)
    server.cut.clear()
    assert get(by_url(server), tmp_path).sha256 == SHA256
    assert server.headers("Range")[-1] == f"bytes={came}-"
    assert not part.exists()


def test_other_weights_than_pinned_are_refused(server, tmp_path):
    text = sentence(by_url(server, sha256="0" * 64), tmp_path)
    assert "own.checkpoint.sha256 pins" in text and SHA256 in text
    assert not list(tmp_path.rglob("weights.pth"))


def test_other_weights_than_on_first_use_are_refused(server, tmp_path):
    get(by_url(server), tmp_path).path.unlink()
    server.files["/releases/weights.pth"] = CONTENT[::-1]
    assert "was recorded on first use" in sentence(by_url(server), tmp_path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "the pointer that Git LFS keeps"),
    ],
)
def test_what_is_no_weights_is_refused(server, tmp_path, content, found):
    server.files["/releases/weights.pth"] = content
    assert f"expected a .pth file, but it is {found}" in sentence(by_url(server), tmp_path)
    assert not list(tmp_path.rglob("weights.pth*"))


def test_missing_weights_and_silent_servers_are_one_sentence(server, tmp_path):
    del server.files["/releases/weights.pth"]
    assert "there is no such file (HTTP 404); correct own.checkpoint.url" in sentence(by_url(server), tmp_path)
    text = sentence(entry({"url": "http://127.0.0.1:1/weights.pth"}), tmp_path)
    assert "refused" in text and "or give the file in checkpoints.mirror" in text
    assert "only https is possible" in sentence(entry({"url": "http://example.org/weights.pth"}), tmp_path)


def test_large_weights_are_asked_about(server, tmp_path):
    text = sentence(by_url(server, limit_MB=0.1), tmp_path)
    assert "larger than 0.1 MiB; if that is meant, raise own.checkpoint.limit_MB" in text


def test_files_of_the_hub_lie_by_repository_and_revision(hub, tmp_path):
    found = get(entry({"hub": HUB}), tmp_path)
    assert found.path == tmp_path / "huggingface.co/owner/name/0123abc/weights.pt"
    assert hub.headers("Authorization") == [None]


def test_a_model_of_several_files_is_a_folder(hub, tmp_path):
    hub.files |= {f"/owner/name/resolve/main/model/{name}": name.encode() for name in ("model.json", "state.pt")}
    several = {"repo": "owner/name", "files": ["model/model.json", "model/state.pt"], "revision": "main"}
    found = get(entry({"hub": several}), tmp_path / "site")
    assert found.path == tmp_path / "site/huggingface.co/owner/name/main/model"
    assert found.sha256 == content_sha256(found.path)
    from_mirror = get(entry({"hub": several}), tmp_path / "other site", mirror=tmp_path / "site")
    assert from_mirror.sha256 == found.sha256
    pinned = {"model/state.pt": "0" * 64}
    assert "sha256 pins 0000" in sentence(entry({"hub": several, "sha256": pinned}), tmp_path / "third site")


def test_gated_weights_name_the_page_of_their_licence(hub, tmp_path, monkeypatch):
    hub.token = "secret"
    text = sentence(entry({"hub": HUB}), tmp_path)
    assert text.endswith("accept their licence at https://huggingface.co/owner/name and set HF_TOKEN.")
    monkeypatch.setenv("HF_TOKEN", "of somebody else")
    text = sentence(entry({"hub": HUB}), tmp_path)
    assert text.endswith("at https://huggingface.co/owner/name with the account of your token.")
    assert "somebody else" not in text
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert get(entry({"hub": HUB}), tmp_path).sha256 == SHA256


def test_the_token_is_that_of_the_hubs_own_programs(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert hub_token() is None
    (tmp_path / "token").write_text("from the file\n")
    assert hub_token() == "from the file"
    monkeypatch.setenv("HF_TOKEN", "from the variable")
    assert hub_token() == "from the variable"


def test_the_token_goes_to_the_hub_and_to_no_other_host(hub, tmp_path, monkeypatch):
    elsewhere = WeightsServer()
    try:
        elsewhere.files["/store/1"] = CONTENT
        hub.token = "secret"
        monkeypatch.setenv("HF_TOKEN", "secret")
        # a moved repository first, at the hub itself, then the store of large files
        hub.moved = {HUB_PATH: "/renamed", "/renamed": f"{elsewhere.url}/store/1"}
        assert get(entry({"hub": HUB}), tmp_path).sha256 == SHA256
        assert hub.headers("Authorization") == ["Bearer secret", "Bearer secret"]
        assert elsewhere.headers("Authorization") == [None]
    finally:
        elsewhere.close()


def test_the_token_does_not_go_to_other_addresses(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    get(by_url(server), tmp_path)
    assert server.headers("Authorization") == [None]


@pytest.mark.parametrize("place", ["127.0.0.1/releases/weights.pth", "weights.pth"])
def test_a_mirror_replaces_the_network(server, tmp_path, place):
    path = tmp_path / "mirror" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    found = get(by_url(server, sha256=SHA256), tmp_path / "site", mirror=tmp_path / "mirror")
    assert (found.path, found.sha256) == (path, SHA256)
    assert server.requests == []
    path.write_bytes(b"other weights")
    assert "sha256 pins" in sentence(by_url(server, sha256=SHA256), tmp_path / "site", tmp_path / "mirror")
    path.unlink()
    assert "not in this mirror: 127.0.0.1/releases/weights.pth" in sentence(
        by_url(server), tmp_path / "site", tmp_path / "mirror"
    )


def test_results_depend_on_content_and_not_on_place(server, tmp_path):
    (tmp_path / "own.pth").write_bytes(CONTENT)
    ways = [by_url(server), by_url(server, sha256=SHA256), entry({"path": str(tmp_path / "own.pth")})]
    fetched = get(ways[0], tmp_path / "site")
    described = [one | {"weights": {"path": str(fetched.path), "sha256": fetched.sha256}} for one in ways[:2]]
    local = weights_of(ways[2])
    described.append(ways[2] | {"weights": {"path": str(local.path), "sha256": local.sha256}})
    assert identity(described[0]) == identity(described[1]) == identity(described[2])
    retrained = ways[2] | {"weights": {"path": str(local.path), "sha256": "0" * 64}}
    assert identity(retrained) != identity(described[2])
    bundled = {"name": "own", "checkpoint": "bundled"}
    assert identity(bundled) == bundled


def test_fetched_weights_are_found_outside_of_a_campaign(server, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_CHECKPOINTS", str(tmp_path))
    with pytest.raises(PotentialFailure, match=r"own: its weights are not in .*fetch_checkpoint.py own") as caught:
        checkpoint_path(by_url(server))
    assert caught.value.reason == "checkpoint"
    found = get(by_url(server), tmp_path)
    assert checkpoint_path(by_url(server)) == found.path
    found.path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match="its SHA-256 is not"):
        kept_weights("own", by_url(server)["checkpoint"], tmp_path)
    assert len(server.requests) == 1


def test_what_a_job_is_told_of_its_weights_holds(tmp_path, caplog):
    (tmp_path / "weights.pt").write_bytes(CONTENT)
    failed = entry({"url": "https://host/w.pt"}) | {
        "weights": {"failed": "https://host/w.pt: no such host; try later."}
    }
    with pytest.raises(PotentialFailure, match="no such host; try later"):
        checkpoint_path(failed)
    weights = {"path": str(tmp_path / "weights.pt"), "sha256": SHA256}
    job = entry({"url": "https://host/w.pt", "sha256": SHA256}) | {"weights": weights}
    assert checkpoint_path(job) == tmp_path / "weights.pt"
    assert caplog.text == ""
    (tmp_path / "weights.pt").write_bytes(CONTENT[1:])
    with pytest.raises(PotentialFailure, match="is not the one of the catalogue"):
        checkpoint_path(job)


def test_weights_may_be_a_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "state.pt").write_bytes(CONTENT)
    (folder / "model.json").write_text("{}")
    before = content_sha256(folder)
    assert checkpoint_path(entry({"path": str(folder), "sha256": before})) == folder
    (folder / "model.json").rename(folder / "other.json")
    assert content_sha256(folder) != before


def test_weights_can_be_fetched_by_hand(server, tmp_path):
    (tmp_path / "models.yaml").write_text(
        (ROOT / "tests/campaign/models.yaml").read_text()
        + f"\nremote:\n  <<: *emt\n  checkpoint: {json.dumps(by_url(server)['checkpoint'])}\n"
    )
    command = [sys.executable, ROOT / "workflow/scripts/fetch_checkpoint.py", "--catalogue", tmp_path / "models.yaml"]
    command += ["--folder", tmp_path / "site"]
    done = subprocess.run([*command, "remote"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert SHA256 in done.stdout
    for name, expected in (("emt", "nothing is to be fetched of 'none'"), ("remoet", "did you mean 'remote'")):
        done = subprocess.run([*command, name], capture_output=True, text=True)
        assert done.returncode == 1 and expected in done.stderr
