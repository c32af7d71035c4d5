"""Plans: the sum of their cells, real tokens, and what is said where something is not known."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lintune import tasks
from lintune.errors import FetchError
from lintune.prompted.encode import encode
from lintune.studies.behaviour.draws import draw
from lintune.studies.cell_costs import Lengths
from pipeline import plan as command
from pipeline.sweeps.estimating import estimated
from pipeline.sweeps.file import load
from pipeline.sweeps.parts import Parts
from pipeline.sweeps.planning import Plan, kept, path_of
from tests.pipeline.sweeps.given import Project
from tests.studies.cell_costs.measured import laws
from tests.tiny import tokenizer


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("planned"))


@pytest.fixture
def project(shared: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(shared.root)
    shared.write()
    return shared


def made(**changed: object) -> Plan:
    """Return the plan of the sweep with some keys changed."""
    return estimated(load("tiny"))


def test_tokens_are_those_of_the_draws_of_each_seed(project: Project) -> None:
    found = Parts(load("tiny")).lengths("llama", "films.yml", 1)
    task = tasks.load("films.yml")
    drawn = draw(task, 2, 1, 6, 2)
    expected = Lengths(
        *(
            tuple(len(encode(tokenizer(), task.prompt, fields, False, 32).ids) for fields in part.fields)
            for part in (drawn.train, drawn.validation, drawn.test)
        )
    )
    assert found == expected


def test_a_cell_costs_what_the_laws_say_of_its_own_sizes(project: Project) -> None:
    plan, parts = made(), Parts(load("tiny"))
    for cell in plan.cells:
        sizes = parts.sizes(cell.model, cell.method, cell.task)
        lengths = parts.lengths(cell.model, cell.task, cell.seed)
        assert sizes is not None
        assert lengths is not None
        expected = laws().estimate(sizes, lengths, parts.effort, cell.model)
        assert cell.cost["seconds"] == pytest.approx(expected.seconds)
        assert cell.cost["bytes_high"] == pytest.approx(expected.bytes_high)
        assert not cell.assumed
    assert plan.total("seconds") == pytest.approx(sum(cell.cost["seconds"] for cell in plan.cells))


@pytest.mark.parametrize(
    "larger",
    [{"steps": 9}, {"seeds": [0, 1, 2]}, {"examples": 8}, {"depth": 2}, {"rates": [0.01, 0.1]}],
    ids=str,
)
def test_a_larger_sweep_takes_longer(project: Project, larger: dict) -> None:
    usual = made().total("seconds")
    project.write(**larger)
    assert made().total("seconds") > usual


def test_more_jobs_take_less_time_down_to_the_longest_cell(project: Project) -> None:
    plan = made()
    walls = [plan.wall(jobs) for jobs in (1, 2, 8, 1000)]
    assert walls == sorted(walls, reverse=True)
    assert walls[0] == pytest.approx(plan.total("seconds"))
    assert walls[-1] == max(cell.cost["seconds"] for cell in plan.cells)


def test_a_plan_is_kept_until_something_changes(project: Project) -> None:
    kept("tiny")
    first = path_of("tiny").stat().st_mtime_ns
    assert kept("tiny") == kept("tiny")
    assert path_of("tiny").stat().st_mtime_ns == first
    project.write(steps=7)
    assert "'steps': 7" in str(kept("tiny").cells[0].given)
    second = path_of("tiny").stat().st_mtime_ns
    assert second > first
    films = Path("films.csv")
    films.write_text(films.read_text().replace("the film was dull", "the film was very very dull"))
    kept("tiny")
    assert path_of("tiny").stat().st_mtime_ns > second
    path_of("tiny").write_text("{}")
    assert len(kept("tiny").cells) == 8


def test_what_is_not_on_this_machine_is_said_and_assumed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> object:
        raise FetchError(f"{name} could not be loaded")

    load_known = tasks.load
    monkeypatch.setattr(tasks, "load", lambda name: absent(name) if name == "sst2" else load_known(name))
    project.write(models=["llama", "owner/name"], tasks=["films.yml", "sst2"])
    plan = estimated(load("tiny"))
    unknown, assumed = "\n".join(plan.unknown), "\n".join(plan.assumed)
    assert "models: owner/name is not on this machine" in unknown
    assert "tasks: sst2 is not on this machine" in unknown
    assert "models: owner/name is taken to be as large as llama" in assumed
    assert "tasks: tokens of films.yml with owner/name are counted with the tokeniser of llama" in assumed
    assert "tasks: every prompt of sst2 is taken to have 32 tokens" in assumed
    by_cell = {(cell.model, cell.task): cell for cell in plan.cells}
    assert by_cell["owner/name", "films.yml"].given is None
    assert by_cell["owner/name", "films.yml"].assumed
    assert not by_cell["llama", "films.yml"].assumed
    assert by_cell["llama", "sst2"].cost["seconds"] > by_cell["llama", "films.yml"].cost["seconds"]
    assert any(line.startswith("lower limits, for the size of owner/name") for line in command.lines(plan, 1))
    assert command.exceeded(plan, None, None) == []
    assert "nothing is known of the size of owner/name" in command.exceeded(plan, 1e6, None)[0]


def test_the_table_has_every_line_and_a_budget_ends_it(project: Project) -> None:
    ask = CliRunner()
    done = ask.invoke(command.app, ["--sweep", "tiny", "--jobs", "2"])
    assert done.exit_code == 0, done.output
    assert sum(line.startswith(("llama", "mistral-window")) for line in done.output.splitlines()) == 4
    assert "8 cells: " in done.output
    assert "lower limits" not in done.output
    assert "by the clock, 2 at a time: " in done.output
    assert "by results/scaling.cpu.json, measured on" in done.output
    dear = ask.invoke(command.app, ["--sweep", "tiny", "--hours", "1e-9", "--memory", "1e-6"])
    assert dear.exit_code == 1
    assert "hours=1e-09: the sweep takes" in dear.output
    assert "memory=1e-06 GB: a cell takes" in dear.output
    assert ask.invoke(command.app, ["--sweep", "tiny", "--hours", "9", "--memory", "64"]).exit_code == 0
    assert ask.invoke(command.app, ["--sweep", "none"]).exit_code == 2


def test_a_device_that_was_not_measured_is_said_to_be_extrapolated(project: Project) -> None:
    project.write(device="cuda:99")
    plan = made()
    assert plan.basis.startswith("no measurement on cuda: results/scaling.cpu.json")
    assert "its times as they stand" in plan.basis
    project.write()
    assert plan.total("seconds") == made().total("seconds")
