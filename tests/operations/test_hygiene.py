"""What could run code or reach other places by a configuration, a checkpoint, a name or a download."""

from __future__ import annotations

import ast
import hashlib
import re
import ssl
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT, copy_project

from assay import downloads, transfers
from assay.campaign import load_campaign
from assay.catalogue import load_catalogue
from assay.failures import PotentialFailure, UserError
from assay.potentials.loading import checkpoint_path
from assay.references.phonon_databases import KEYS
from assay.validation import read_schema, read_yaml

PROGRAMS = sorted((ROOT / "workflow").rglob("*.py"))
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))

UNSAFE_CALLS = {
    *("eval", "exec", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "np.save"),
    *("pickle.load", "pickle.loads", "pickle.dump", "ssl._create_unverified_context", "tempfile.mktemp"),
}


def calls(path):
    """All calls in a file: dotted name and node."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


WHOLE_MODULES = {"mace.py", "schnetpack_files.py"}
"""Adapters of packages whose checkpoints are modules and not weights: `checkpoint_path` asks for their checksum."""


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_can_bring_code(path):
    imported = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not imported & {"pickle", "shelve", "marshal", "dill", "joblib"}
    for name, node in calls(path):
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert name not in UNSAFE_CALLS, name
        assert options.get("shell") != "True", name
        assert options.get("allow_pickle", "False") == "False", name
        assert options.get("verify", "True") != "False", name
        if name in ("np.load", "numpy.load"):
            assert options["allow_pickle"] == "False"
        if name == "torch.load":
            assert options["weights_only"] == "True" or path.name in WHOLE_MODULES


def test_yaml_is_read_by_safe_loaders_alone():
    """`yaml.load` only with a loader that is a `SafeLoader`."""
    found = [(path, node) for path in PROGRAMS for name, node in calls(path) if name == "yaml.load"]
    assert found
    for path, node in found:
        loader = next(ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "Loader")
        module = ".".join(path.relative_to(ROOT / "workflow").with_suffix("").parts)
        assert issubclass(getattr(__import__(module, fromlist=[loader]), loader), yaml.SafeLoader | yaml.CSafeLoader)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['touch pwned']", "a: !!python/name:os.system"])
def test_yaml_that_asks_for_code_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match="not readable as YAML"):
        read_yaml(tmp_path / "config.yaml")
    assert not (tmp_path / "pwned").exists()


def placeholders():
    """What the shell commands of all rules are filled with."""
    for path in RULES:
        for block in re.findall(r"shell:\n((?:        .*\n)+)", path.read_text()):
            yield from ((path.name, found) for found in re.findall(r"(?<!\{)\{([A-Za-z_][^{}]*)\}(?!\})", block))


def test_what_is_not_quoted_in_a_shell_cannot_hold_more_than_a_word():
    """Numbers by the schema, words of an enumeration, constrained wildcards; all else is quoted by snakemake."""
    bare = {found for _, found in placeholders() if not found.endswith(":q")}
    blocks = read_schema("config")["properties"]
    for name in bare - {"threads", "wildcards.env", "wildcards.case", "params.seed", "resources.attempts_left"}:
        key = name.partition(".")[2]
        owners = [block["properties"] for block in blocks.values() if key in block.get("properties", {})]
        owners += [
            inner["properties"]
            for block in blocks.values()
            for inner in block.get("properties", {}).values()
            if key in inner.get("properties", {})
        ]
        assert owners, name
        for owner in owners:
            assert owner[key].get("type") in ("number", "integer") or "enum" in owner[key], name
    assert blocks["seed"]["type"] == "integer"


def test_wildcards_cannot_leave_their_folder():
    for constraint in re.findall(
        r'^\s+(?:env|case|batch)="([^"]+)"', "".join(p.read_text() for p in RULES), re.MULTILINE
    ):
        for evil in ("../x", "a/b", "x/../../y"):
            assert not re.fullmatch(constraint, evil), constraint


EVIL = ["../x", "a/b", "/etc", "..", ".hidden", "-n", "a b", "a'b", 'a"b', "a;b", "$(x)", "a\nb", ""]


@pytest.fixture
def config(monkeypatch):
    monkeypatch.chdir(ROOT)
    return read_yaml(ROOT / "tests/campaign/config.yaml")


@pytest.mark.parametrize("evil", EVIL)
def test_names_of_models_are_plain_words(tmp_path, evil):
    entry = read_yaml(ROOT / "tests/campaign/models.yaml")["emt"]
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({evil: entry}))
    with pytest.raises(UserError):
        load_catalogue(tmp_path / "models.yaml")
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"emt": entry | {"environment": evil}}))
    with pytest.raises(UserError):
        load_catalogue(tmp_path / "models.yaml")


COPPER = "tests/campaign/copper.xyz"
NAMES = [
    ("models", lambda evil: [evil]),
    ("diatomics", lambda evil: {"elements": [evil]}),
    ("diatomics", lambda evil: {"pairs": [evil]}),
    ("phonons", lambda evil: {"cases": [evil]}),
    ("phonons", lambda evil: {"database": {"source": "mdr", "ids": [evil]}}),
    ("gas", lambda evil: {"systems": [{"name": evil, "file": COPPER}]}),
    ("widom", lambda evil: {"cases": [{"name": evil, "framework": COPPER, "guest": COPPER}]}),
    ("speed", lambda evil: {"systems": [evil]}),
]


@pytest.mark.parametrize(("block", "named"), NAMES, ids=[f"{number}-{name}" for number, (name, _) in enumerate(NAMES)])
def test_names_of_cases_are_plain_words(config, tmp_path, block, named):
    """Also where the file of structures holds crystals of such names."""
    crystal = read_yaml(ROOT / "resources/structures/crystals.yaml")["Al"]
    (tmp_path / "crystals.yaml").write_text(yaml.safe_dump(dict.fromkeys(("Al", "Cu", "Si", *EVIL), crystal)))
    for evil in EVIL:
        value = named(evil)
        changed = config | {block: config[block] | value if isinstance(value, dict) else value}
        changed["structures"] = str(tmp_path / "crystals.yaml")
        with pytest.raises(UserError) as caught:
            load_campaign(changed)
        assert "\n" not in str(caught.value), evil


def test_quotes_and_commands_in_paths_stay_paths(tmp_path):
    """A whole step of the job graph in a folder, and with files, of names that a shell would take apart."""
    project = copy_project(tmp_path / 'it\'s; $(touch pwned) "x"')
    config = read_yaml(project.root / "tests/campaign/config.yaml")
    folder = "references'; touch pwned; echo $(touch pwned) \""
    (project.root / folder).mkdir()
    structures = f"{folder}/crystals `touch pwned`.yaml"
    (project.root / structures).write_text((project.root / "resources/structures/crystals.yaml").read_text())
    config |= {"models": ["emt"], "structures": structures}
    for block in ("phonons", "diatomics"):
        config[block]["references"] = folder
    (project.root / "evil.yaml").write_text(yaml.safe_dump(config))
    targets = [f"results/inputs/{chapter}/batch-000.json" for chapter in ("phonons", "diatomics", "speed")]
    run = project.snakemake("results/models/emt/model.json", *targets, configfile="evil.yaml")
    assert run.returncode == 0, run.stdout
    assert not list(tmp_path.rglob("pwned"))


def entry(path, **checkpoint):
    return {"name": "own", "checkpoint": {"path": str(path), **checkpoint}}


def test_weights_are_those_that_were_trusted(tmp_path, caplog):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    assert checkpoint_path(entry(path, sha256=sha256)) == path
    assert caplog.text == ""
    path.write_bytes(b"other weights")
    with pytest.raises(PotentialFailure, match="is not the one of the catalogue") as caught:
        checkpoint_path(entry(path, sha256=sha256))
    assert caught.value.reason == "checkpoint"


def test_weights_without_a_checksum_are_warned_of(tmp_path, caplog):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    assert checkpoint_path(entry(path)) == path
    assert f"add `sha256: {hashlib.sha256(b'weights').hexdigest()}`" in caplog.text
    assert checkpoint_path({"name": "own", "checkpoint": "bundled"}) is None


@pytest.mark.parametrize("url", ["http://example.org/a.zip", "ftp://example.org/a.zip", "file:///etc/passwd", "a.zip"])
def test_downloads_are_encrypted(tmp_path, url):
    with pytest.raises(UserError, match="only https is possible"):
        downloads.obtain(url, "a.zip", tmp_path, limit_MB=1, keys=KEYS)


def test_certificates_are_checked():
    handlers = transfers._opener().handlers
    contexts = [handler._context for handler in handlers if hasattr(handler, "_context")]
    assert [(context.verify_mode, context.check_hostname) for context in contexts] == [(ssl.CERT_REQUIRED, True)]


def test_a_certificate_that_nobody_signed_is_refused(tmp_path):
    """Against a server on this machine, whose certificate is its own."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    made = subprocess.run([*make, "-keyout", key, "-out", certificate], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("openssl cannot make a certificate here")
    program = (
        "import http.server, ssl, sys\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
        "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
        "context.load_cert_chain(sys.argv[1], sys.argv[2])\n"
        "server.socket = context.wrap_socket(server.socket, server_side=True)\n"
        "print(server.server_address[1], flush=True)\n"
        "server.serve_forever()\n"
    )
    command = [sys.executable, "-c", program, str(certificate), str(key)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = f"https://localhost:{server.stdout.readline().strip()}/a.zip"
        manners = transfers.Manners(attempts=1, timeout_s=5, limit_s=10, pause_s=0)
        with pytest.raises(UserError, match=r"(?i)certificate"):
            downloads.obtain(url, "a.zip", tmp_path / "downloads", limit_MB=1, keys=KEYS, manners=manners)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
