"""The plan for people: what is to run, what is done, what it costs, and why; and nothing else than was asked for."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT, Project
from finished_campaign import MODELS, SECONDS_PER_CASE, finished_campaign, program_of, write_config, write_record

from assay.columns import columns
from assay.costs import Cost, cost, history, hours
from assay.planning import PlannedJob, causes, overlaid

PLAN = ROOT / "workflow/scripts/plan.py"
program = program_of(PLAN)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return finished_campaign(tmp_path_factory.mktemp("template") / "done")


@pytest.fixture
def done(template, tmp_path) -> Project:
    """A copy of the finished campaign to change something in."""
    shutil.copytree(template.root, tmp_path / "done")
    return Project(tmp_path / "done")


@pytest.fixture
def planned(monkeypatch, capsys):
    """The program, in this process; what it prints: its table by (model, chapter), and its lines."""

    def plan(project, *arguments):
        monkeypatch.chdir(project.root)
        capsys.readouterr()
        code = program.main(["--configfile", "tiny.yaml", *arguments])
        output = capsys.readouterr()
        assert code == 0, output.err
        lines = output.out.splitlines()
        rows = [line.split() for line in lines]
        return {tuple(row[:2]): row[2:] for row in rows if row[0] in MODELS and row[1] in SECONDS_PER_CASE}, lines

    return plan


def beside(lines):
    """Rules beside the calculations, with the number of their jobs."""
    line = next((line for line in lines if line.startswith("besides: ")), "besides: ")
    pairs = (item.rsplit(" ", 1) for item in line.removeprefix("besides: ").split(", ") if item)
    return {rule: int(count) for rule, count in pairs}


def test_nothing_is_done(project, planned):
    write_config(project.root)
    table, lines = planned(project)
    assert table == {
        (model, chapter): ["2", "0", "0", "unknown", "no", "result", "yet"]
        for model in MODELS
        for chapter in SECONDS_PER_CASE
    }
    assert next(line for line in lines if line.startswith("total")).split() == ["total", "8", "0", "0", "unknown"]
    assert beside(lines)["build_environment"] == 1


def test_everything_is_done(done, planned):
    table, lines = planned(done)
    assert table == {}
    assert lines == ["nothing to run of emt, emt-through-ase (8 jobs done)"]


def test_a_removed_record_is_planned_with_the_cost_of_its_model(done, planned):
    for name in ("phonons/batch-000.json", "summary.json"):
        (done.root / "results/models/emt" / name).unlink()
    table, lines = planned(done)
    # one job of two cases on two cores
    cost = f"{2 * 2 * SECONDS_PER_CASE['phonons'] / 3600:.2f}"
    assert table == {("emt", "phonons"): ["1", "1", "0", cost, "no", "result", "yet"]}
    assert lines[-3] == "nothing to run of emt, emt-through-ase in their other chapters (6 jobs done)"
    assert beside(lines) == dict.fromkeys(
        ("score_phonons", "plot_phonons", "summarise_model", "export_tables", "report"), 1
    )


def test_one_models_branch_is_removed_and_run_again(done, planned):
    """As the guide says: remove the branch, ask for its summary."""
    shutil.rmtree(done.root / "results/models/emt")
    table, lines = planned(done, "--", "results/models/emt/summary.json")
    assert {key: row[0] for key, row in table.items()} == {("emt", "diatomics"): "2", ("emt", "phonons"): "2"}
    assert beside(lines) == {"describe_model": 1, "summarise_model": 1}
    assert planned(done)[0] == table
    plan = done.plan("results/models/emt/summary.json", configfile="tiny.yaml")
    assert plan == {"describe_model": 1, "run_diatomics": 2, "run_phonons": 2, "summarise_model": 1}


def test_one_chapter_of_one_model_is_removed_and_run_again(done, planned):
    """As the guide says: remove it, force its rule, ask for the model's summary."""
    shutil.rmtree(done.root / "results/models/emt/phonons")
    table, lines = planned(done, "--", "--forcerun=run_phonons", "results/models/emt/summary.json")
    assert {key: row[0] for key, row in table.items()} == {("emt", "phonons"): "2"}
    assert beside(lines) == {"summarise_model": 1}


def test_failed_cases_of_one_chapter_of_one_model_are_tried_again(done, planned):
    """Forced jobs keep the cases that have ended well."""
    table, lines = planned(done, "--", "--forcerun=run_phonons", "results/models/emt/summary.json")
    assert {key: row[-1] for key, row in table.items()} == {("emt", "phonons"): "forced"}
    assert beside(lines) == {"summarise_model": 1}


@pytest.mark.parametrize(
    ("edit", "reruns", "why"),
    [
        ("phonons.displacement_A=0.02", {"phonons"}, "settings of phonons changed"),
        ("diatomics.orientations=4", {"diatomics"}, "settings of diatomics changed"),
        ("phonons.mesh_length_A=30", set(), ""),
        ("seed=2", {"diatomics", "phonons"}, "settings of"),
    ],
)
def test_what_an_edit_would_change(done, planned, edit, reruns, why):
    table, _ = planned(done, "--set", edit)
    assert {chapter for _, chapter in table} == reruns
    for row in table.values():
        assert row[0] == "2" and row[1] == "0"
        assert " ".join(row[4:]).startswith(why)
    # the campaign itself has not been touched
    assert planned(done)[0] == {}


def test_the_same_is_planned_when_the_edit_is_made(done, planned):
    _, tried = planned(done, "--set", "phonons.protocol=2")
    config = yaml.safe_load((done.root / "tiny.yaml").read_text())
    config["phonons"]["protocol"] = 2
    (done.root / "tiny.yaml").write_text(yaml.safe_dump(config))
    assert planned(done)[1] == tried


def test_a_changed_entry_is_told_apart_from_changed_settings(done, planned):
    models = done.root / "tests/campaign/models.yaml"
    text = models.read_text()
    loader = 'loader: {calculator: "ase.calculators.emt:EMT"'
    assert loader in text
    models.write_text(text.replace(loader, f"{loader}, arguments: {{asap_cutoff: true}}"))
    table, _ = planned(done)
    assert {model for model, _ in table} == {"emt-through-ase"}
    assert {" ".join(row[4:]) for row in table.values()} == {"its catalogue entry changed"}


def test_the_environment_is_told(done, planned):
    path = done.root / "envs/classical.yaml"
    path.write_text(path.read_text().replace("ase==3.29.0", "ase==3.28.0"))
    table, _ = planned(done)
    assert len(table) == 4
    assert {" ".join(row[4:]) for row in table.values()} == {"envs/classical.yaml changed"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "phonons.displacment_A=0.02"], "phonons.displacment_A: unknown key; did you mean 'displacement_A'?"),
        (["--set", "seed"], "--set: 'seed' is not of the form KEY=VALUE"),
        (["--set", "=2"], "--set: '=2' is not of the form KEY=VALUE"),
        (["--configfile", "absent.yaml"], "absent.yaml"),
        (["--", "results/no/such/file"], "snakemake cannot plan this"),
    ],
)
def test_mistakes_are_one_sentence(template, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(template.root)
    assert program.main(["--configfile", "tiny.yaml", *arguments]) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_help_tells_the_uses():
    run = subprocess.run([sys.executable, PLAN, "--help"], capture_output=True, text=True, check=True)
    for word in ("--set", "--configfile", "--profile", "results/models/emt/summary.json"):
        assert word in run.stdout


def test_costs_come_from_the_job_then_its_chapter_then_the_benchmark(tmp_path):
    folder, benchmark = tmp_path / "results/models/emt/phonons", tmp_path / "emt-000.jsonl"

    def of(batch, n_cases=2, gpu=False):
        return cost(history(folder), batch, n_cases, benchmark, gpu)

    write_record(tmp_path, "emt", "phonons", 0, device="cuda", timings={"wall_time_s": 1800})
    assert of("000") == Cost(0.5, gpu=True)
    assert of("001", 3) == Cost(0.75, gpu=True)
    # a job that went on where another had stopped tells the time of a case, not its own
    write_record(tmp_path, "emt", "phonons", 0, kept_from_before=["Al"], timings={"wall_time_s": 1800})
    assert of("000") == Cost(2 * 2 * 0.5, gpu=False)
    (folder / "batch-000.json").write_text("{half")
    assert math.isnan(of("000").hours)
    benchmark.write_text('{"s": 60.0, "cpu_time": 360.0}\n')
    assert of("000") == Cost(0.1, gpu=False)
    assert of("000", gpu=True) == Cost(60 / 3600, gpu=True)


@pytest.mark.parametrize(
    ("costs", "cpu"),
    [
        ([], "0"),
        ([Cost(1, True)], "0"),
        ([Cost(0.001, False)], "< 0.01"),
        ([Cost(1.234, False), Cost(1, False)], "2.23"),
        ([Cost(100.4, False)], "100"),
        ([Cost(1, False), Cost(math.nan, False)], "1.00 + unknown"),
        ([Cost(math.nan, False)], "unknown"),
    ],
)
def test_hours_are_as_honest_as_what_is_known(costs, cpu):
    assert hours(costs, gpu=False) == cpu


def test_causes_are_traced_to_what_changed():
    makers = {
        "model.json": PlannedJob(
            "describe_model", {"model": "m"}, ("model.json",), "Params have changed since ...: x; y"
        ),
        "in.json": PlannedJob("prepare_gas", {}, ("in.json",), "Updated input files: a.cif, b.cif"),
    }
    reason = (
        "Input files updated by another job: in.json, model.json; Set of input files has changed since last execution"
    )
    job = PlannedJob("run_gas", {"model": "m", "batch": "000"}, ("out.json",), reason)
    assert causes(job, makers) == ["a.cif changed", "b.cif changed", "its catalogue entry changed", "other input files"]


def test_configurations_are_merged_as_snakemake_merges_them():
    from snakemake.utils import update_config

    below = {"a": 1, "b": {"c": 2, "d": [1, 2]}, "e": {"f": 1}}
    above = {"b": {"d": [3]}, "e": 5, "g": {"h": 1}}
    merged = overlaid(below, above)
    update_config(below, above)
    assert merged == below


def test_columns_align():
    assert columns(("name", "n"), [("a", 10), ("long", 5)]).splitlines() == ["name   n", "a     10", "long   5"]
    assert columns(("name", "n"), []) == "name  n"
