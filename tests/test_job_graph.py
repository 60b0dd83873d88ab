"""The job graph, as sets of jobs: what is planned, what is not, and what a change of one thing plans again."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, Project, copy_project, job_counts

CONFIG = "tests/campaign/config.yaml"
BATCHES = {"diatomics": 2, "phonons": 2, "gas": 1, "widom": 1, "adsorption": 1, "speed": 1, "conformance": 1}
PREPARED = Counter({f"prepare_{chapter}": count for chapter, count in BATCHES.items()})
PER_MODEL = Counter(describe_model=1, summarise_model=1)
PER_MODEL += Counter({f"run_{chapter}": count for chapter, count in BATCHES.items()})
SCORED = Counter(f"score_{chapter}" for chapter in BATCHES)
SHOWN = SCORED + Counter(f"plot_{chapter}" for chapter in BATCHES) + Counter(report=1)
TRAINING_DATA = Counter(probe_dataset=1, tabulate_datasets=1)
SHARED = PREPARED + SHOWN + TRAINING_DATA + Counter(all=1, tabulate_catalogue=1, export_tables=1)


def times(counter: Counter[str], factor: int) -> Counter[str]:
    return Counter({name: count * factor for name, count in counter.items()})


def make_tiny(project):
    """The tiny campaign with two models."""
    overlay = yaml.safe_load((project.root / CONFIG).read_text()) | {"models": ["emt", "emt-through-ase"]}
    (project.root / "tiny.yaml").write_text(yaml.safe_dump(overlay))
    return project


@pytest.fixture
def tiny(project):
    """The tiny campaign, nothing made yet."""
    return make_tiny(project)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The tiny campaign as if it had run: all files exist and are recorded."""
    project = make_tiny(copy_project(tmp_path_factory.mktemp("template") / "done"))
    for path in outputs(project):
        target = project.root / path
        if path.endswith(("/bands", "_aif", "export/tables")):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("{\n}\n")  # whole, as far as a record is looked at
    run = project.snakemake("--touch", "--forceall", configfile="tiny.yaml")
    assert run.returncode == 0, run.stdout
    return project


@pytest.fixture
def done(template, tmp_path):
    """A copy of the finished campaign to change something in."""
    shutil.copytree(template.root, tmp_path / "done")
    return Project(tmp_path / "done")


def outputs(project) -> list[str]:
    """All files that the campaign makes."""
    command = [sys.executable, "-m", "snakemake", "--summary", "--configfile", "tiny.yaml"]
    run = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True)
    return [line.split("\t")[0] for line in run.stdout.splitlines() if line.startswith(("results/", ".envs/"))]


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_campaign_is_models_times_batches(tiny):
    plan = tiny.plan(configfile="tiny.yaml")
    assert plan == times(PER_MODEL, 2) + SHARED + Counter(build_environment=1)


def with_database(project, **keys) -> None:
    """Add crystals of a phonon database to the tiny campaign, whose last batch has room for one."""
    config = yaml.safe_load((project.root / "tiny.yaml").read_text())
    config["phonons"]["database"] = {"source": "mdr"} | keys
    (project.root / "tiny.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.parametrize(
    ("keys", "added"),
    [
        ({"ids": ["mp-12623"]}, Counter(fetch_phonon_record=1, fetch_mdr_index=1)),
        ({"ids": {"mp-12623": "x059cc28j"}}, Counter(fetch_phonon_record=1)),
        ({"ids": ["mp-12623"], "mirror": "resources"}, Counter(fetch_phonon_record=1)),
        ({"ids": ["mp-12623"], "source": "alexandria-pbe"}, Counter(fetch_phonon_record=1)),
    ],
)
def test_a_database_adds_exactly_the_jobs_that_fetch(tiny, keys, added):
    before = tiny.plan(configfile="tiny.yaml")
    with_database(tiny, **keys)
    assert tiny.plan(configfile="tiny.yaml") == before + added


def test_a_sample_is_drawn_before_it_is_planned(tiny):
    with_database(tiny, sample={"n": 3})
    run = tiny.snakemake("--dry-run", configfile="tiny.yaml")
    assert run.returncode != 0
    assert "this sample has not been drawn yet; run the same command with the target select_materials" in run.stdout
    assert tiny.plan("select_materials", configfile="tiny.yaml") == Counter(select_materials=1)


def test_one_models_target_holds_no_other_model(tiny):
    run = tiny.snakemake("--dry-run", "--quiet=host", "results/models/emt/summary.json", configfile="tiny.yaml")
    assert "emt-through-ase" not in run.stdout
    plan = tiny.plan("results/models/emt/summary.json", configfile="tiny.yaml")
    assert plan == PER_MODEL + PREPARED + Counter(build_environment=1)


def test_nothing_is_planned_when_all_is_done(done):
    assert done.plan(configfile="tiny.yaml") == Counter()


def test_adding_a_model_plans_only_its_jobs(done):
    edit(done.root / "tiny.yaml", "- emt-through-ase", "- emt-through-ase\n- lennard-jones")
    plan = done.plan(configfile="tiny.yaml")
    assert plan == PER_MODEL + SHOWN + Counter(all=1, tabulate_catalogue=1, export_tables=1)


def test_a_changed_entry_reruns_only_its_model(done):
    edit(done.root / "tests/campaign/models.yaml", 'loader: {calculator: "ase.calculators.emt:EMT"}',
         'loader: {calculator: "ase.calculators.emt:EMT", arguments: {asap_cutoff: true}}')  # fmt: skip
    run = done.snakemake("--dry-run", "--quiet=host", configfile="tiny.yaml")
    assert set(re.findall(r"Phonons of ([^,]+),", run.stdout)) == {"emt-through-ase"}


def test_a_changed_description_reruns_no_calculation(done):
    edit(done.root / "tests/campaign/models.yaml", "label: EMT through ase", "label: EMT, through ase")
    plan = done.plan(configfile="tiny.yaml")
    assert "run_phonons" not in plan and "describe_model" not in plan
    assert plan["plot_phonons"] == 1


def test_a_changed_environment_rebuilds_it_and_reruns_its_models(done):
    edit(done.root / "envs/classical.yaml", "ase==3.29.0", "ase==3.28.0")
    plan = done.plan(configfile="tiny.yaml")
    assert plan["build_environment"] == 1
    assert plan["run_phonons"] == 4
    edit(done.root / "envs/classical.yaml", "ase==3.28.0", "ase==3.29.0")
    edit(done.root / "envs/chgnet.yaml", "ase==3.29.0", "ase==3.28.0")
    assert done.plan(configfile="tiny.yaml") == Counter()


@pytest.mark.parametrize(
    ("chapter", "key", "value", "reruns"),
    [
        ("phonons", "relax", True, {"prepare", "run", "score", "plot"}),
        ("phonons", "protocol", 2, {"prepare", "run", "score", "plot"}),
        ("phonons", "mesh_length_A", 30, {"score", "plot"}),
        ("phonons", "case_timeout_s", 10, set()),
        ("diatomics", "orientations", 5, {"prepare", "run", "score", "plot"}),
        ("diatomics", "protocol", 2, {"prepare", "run", "score", "plot"}),
        ("diatomics", "ripple_eV", 0.1, {"score", "plot"}),
        ("diatomics", "case_timeout_s", 10, set()),
        ("gas", "production_ps", 0.1, {"prepare", "run", "score", "plot"}),
        ("gas", "bond_limit", 2.0, {"score", "plot"}),
        ("gas", "checkpoint_s", 10, set()),
        ("widom", "insertions", 20, {"prepare", "run", "score", "plot"}),
        ("widom", "temperatures_K", [298, 300], {"score", "plot"}),
        ("widom", "case_timeout_s", 10, set()),
        ("adsorption", "trials", 70, {"prepare", "run", "score", "plot"}),
        ("adsorption", "pressures_bar", [0.1, 2.0], {"prepare", "run", "score", "plot"}),
        ("adsorption", "blocks", 5, {"score", "plot"}),
        ("adsorption", "checkpoint_s", 10, set()),
        ("speed", "repeats", 4, {"prepare", "run", "score", "plot"}),
        ("speed", "accuracy_case", "Al-32", {"plot"}),
        ("speed", "case_timeout_s", 10, set()),
        ("conformance", "laws", ["rotation"], {"prepare", "run", "score", "plot"}),
        ("conformance", "case_timeout_s", 10, set()),
    ],
)
def test_what_a_setting_reruns(done, chapter, key, value, reruns):
    config = yaml.safe_load((done.root / "tiny.yaml").read_text())
    config[chapter][key] = value
    (done.root / "tiny.yaml").write_text(yaml.safe_dump(config))
    plan = set(done.plan(configfile="tiny.yaml")) - {"report", "summarise_model", "export_tables", "all"}
    if "score" in reruns:
        # its figure of cost against accuracy reads the other chapters' summaries
        plan -= {"plot_speed"} - {f"plot_{chapter}"}
        # and the low-pressure end of isotherms is compared with Henry coefficients
        plan -= {"score_adsorption", "plot_adsorption"} if chapter == "widom" else set()
    assert plan == {f"{verb}_{chapter}" for verb in reruns}


@pytest.mark.parametrize(
    ("chapter", "left_out"),
    [
        ("diatomics", "elements"),
        ("phonons", "cases"),
        ("gas", "systems"),
        ("widom", "cases"),
        ("adsorption", "systems"),
        ("speed", "systems"),
        ("conformance", "laws"),
    ],
)
def test_a_chapter_can_be_left_out(tiny, chapter, left_out):
    config = yaml.safe_load((tiny.root / "tiny.yaml").read_text())
    config[chapter][left_out] = []
    (tiny.root / "tiny.yaml").write_text(yaml.safe_dump(config))
    plan = tiny.plan(configfile="tiny.yaml")
    assert not [rule for rule in plan if rule.endswith(chapter)]
    assert plan["report"] == 1


def test_a_model_can_be_put_through_some_chapters(tiny):
    config = yaml.safe_load((tiny.root / "tiny.yaml").read_text())
    config["models"] = ["emt", {"emt-through-ase": ["phonons"]}]
    (tiny.root / "tiny.yaml").write_text(yaml.safe_dump(config))
    plan = tiny.plan(configfile="tiny.yaml")
    assert (plan["run_diatomics"], plan["run_phonons"]) == (2, 4)


def test_tables_are_made_from_what_exists(done):
    shutil.rmtree(done.root / "results/models/emt")
    plan = done.plan("tables", configfile="tiny.yaml")
    assert plan == SCORED + Counter(tables=1)
    assert done.plan("report", configfile="tiny.yaml") == SHOWN
    plan = done.plan(configfile="tiny.yaml")
    assert plan == PER_MODEL + SHOWN + Counter(all=1, export_tables=1)


def test_both_profiles_plan_the_same(project):
    plans = []
    for profile in ("local", "slurm"):
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--profile",
            f"profiles/{profile}",
            "--dry-run",
            "--quiet",
            "host",
        ]
        run = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True)
        plans.append(job_counts(run.stdout))
    assert plans[0] == plans[1]
    assert "run_phonons" in plans[0]


def test_the_published_protocol_is_planned_without_a_network(project):
    plan = project.plan(configfile="config/thesis.yaml")
    assert plan["run_widom"] == 21
    assert plan["run_adsorption"] == 20
    assert plan["run_gas"] == 5 * 21
    assert plan["fetch_checkpoint"] == 11
    assert plan["build_environment"] == 12


def test_planning_a_large_campaign_takes_seconds(project):
    """12 models x 400 crystals: the limit is generous, the benchmark prints the figure."""
    entry = yaml.safe_load((project.root / "config/models.yaml").read_text())["emt"]
    crystal = yaml.safe_load((project.root / "resources/structures/crystals.yaml").read_text())["Al"]
    (project.root / "models.yaml").write_text(yaml.safe_dump({f"model-{i}": entry for i in range(12)}))
    (project.root / "crystals.yaml").write_text(yaml.safe_dump({f"crystal-{i}": crystal for i in range(400)}))
    config = {"catalogue": "models.yaml", "structures": "crystals.yaml", "models": [f"model-{i}" for i in range(12)]}
    config["phonons"] = {"cases": [f"crystal-{i}" for i in range(400)]}
    config |= {"gas": {"systems": []}, "widom": {"cases": []}, "adsorption": {"systems": []}, "speed": {"systems": []}}
    config["conformance"] = {"laws": []}
    (project.root / "large.yaml").write_text(yaml.safe_dump(config))
    start = time.monotonic()
    plan = project.plan(configfile="large.yaml")
    assert plan["run_phonons"] == 12 * 8
    assert time.monotonic() - start < 60


def test_the_rule_graph_is_the_documented_one():
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", "--forceall"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = (ROOT / "docs/images/rulegraph.mmd").read_text()
    assert set(run.stdout.split("\n")) == set(expected.split("\n")), "make rulegraph > docs/images/rulegraph.mmd"


def test_every_rule_has_a_docstring_a_log_and_a_message():
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for name, body in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", path.read_text(), re.MULTILINE):
            assert '"""' in body, name
            if "shell:" in body:
                assert "log:" in body and "message:" in body, name
                script = re.search(r"workflow/scripts/(\w+)\.py", body)
                assert script and script[1] == name, f"{name}: the script bears the rule's name"
