"""`lintune advise` from end to end."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import peft
import pytest
import torch
from typer.testing import CliRunner

from lintune import adapters, models, records, tasks
from lintune.advise import advise, candidates, probe
from lintune.cli import app
from lintune.cli.advising.work import settled
from lintune.descent import Recipe
from lintune.methods import LoRA, Rows
from lintune.prompted import PromptedModel
from lintune.studies.sweep import default
from lintune.tangents import tunable_layers
from tests.cli.advising import FEW, LORA, SMALL, WRITTEN, done, names, run, save_all


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models, task files and their data."""
    return save_all(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="module")
def advised(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a folder of advice on LoRA, and what was printed."""
    out = tmp_path_factory.mktemp("out") / "a"
    return out, done(run(folder, out, *LORA))


def test_the_record_holds_what_the_library_finds(folder: Path, advised: tuple[Path, str]) -> None:
    record = records.read(advised[0] / "advice.json")
    pretrained = models.load(str(folder / "llama"), dtype=torch.float64)
    task = tasks.load(folder / "films.yml")
    prompted = PromptedModel(pretrained, task.prompt, 32)
    considered = candidates(pretrained.model, layers=("usual",), ranks=(8,), kinds=("lora",))
    recipe = Recipe(1e-3, 3, loss="cross-entropy", optimiser="adam", batch=4)
    examples = tasks.few_shot(task, 4, 0).train
    expected = advise(prompted, examples, considered, recipe)
    rows = {row["candidate"]: row for row in record["data"]["rows"]}
    assert list(rows) == [candidate.name for candidate in expected.candidates]
    for row in expected.rows.to_dict("records"):
        found = rows[row["candidate"]]
        for name in ("rate", "predicted held-out loss", "leave-one-out loss", "alignment", "tie"):
            assert found[name] == pytest.approx(row[name])
        assert found["strength"] == pytest.approx(row["strength"], rel=0.005)
    assert record["data"]["cheapest"] in {row["candidate"] for row in rows.values() if row["tie"]}
    first = record["data"]["probes"][0]
    tried = probe(
        prompted, examples, expected.look, expected.first, settled(expected, expected.first), steps=2
    )
    assert first["candidate"] == expected.first.name == record["data"]["first"]
    assert (first["verdict"], first["real"]) == (tried.verdict, pytest.approx(tried.real))
    assert record["inputs"] == {
        f"model {folder / 'llama'}": pretrained.weights,
        f"task {folder / 'films.yml'}": task.source.sha256,
    }
    assert record["data"]["start"]["loss"] > 0
    assert len(record["data"]["curves"][first["candidate"]]["held-out"]) == 4


def test_what_is_recorded_is_printed(folder: Path, advised: tuple[Path, str]) -> None:
    out, said = advised
    data = records.read(out / "advice.json")["data"]
    assert "8, 4 of each class; 7 tokens on average" in said
    for line in [*data["trust"], *data["cautions"]]:
        assert line in said
    usual = default(models.load(str(folder / "llama")).model).name
    assert data["default"] == usual
    for row in (row for row in data["rows"] if not row["twin"]):
        assert f"{row['rate']:g}" in said
        assert f"{row['predicted held-out loss']:.3f}" in said
    assert "(default)" in said
    assert f"python {out / 'train.py'}" in said
    assert "lintune finetune --task" in said


def test_the_folder_holds_what_trains(folder: Path, advised: tuple[Path, str]) -> None:
    out, _ = advised
    assert names(out) == WRITTEN
    rows = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    examples = tasks.few_shot(tasks.load(folder / "films.yml"), 4, 0).train
    assert [row["text"] for row in rows] == [texts["text"] for texts in examples.fields]
    assert [row["label"] for row in rows] == ["bad"] * 4 + ["good"] * 4
    config = peft.PeftConfig.from_pretrained(str(out))
    assert config.base_model_name_or_path == str((folder / "llama").resolve())
    adapted = peft.get_peft_model(models.load(str(folder / "llama")).model, config)
    data = records.read(out / "advice.json")["data"]
    assert adapted.get_nb_trainable_parameters()[0] == data["rows"][0]["parameters"]


def test_the_command_trains_the_same_candidate(
    folder: Path, advised: tuple[Path, str], tmp_path: Path
) -> None:
    """The same layers, rank, scale, rate and examples."""
    out, _ = advised
    data = records.read(out / "advice.json")["data"]
    assert data["finetune command"] in (out / "finetune.sh").read_text()
    arguments = shlex.split(data["finetune command"].replace("\\\n", " "))[1:]
    arguments[arguments.index("--out") + 1] = str(tmp_path / "trained")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    method = adapters.load(tmp_path / "trained").method
    assert isinstance(method, LoRA)
    (first,) = [
        each
        for each in candidates(models.load(str(folder / "llama")).model, layers=("usual",), ranks=(8,))
        if each.name == data["first"]
    ]
    model = models.load(str(folder / "llama"), dtype=torch.float64).model
    expected = first.method(model)
    assert isinstance(expected, LoRA)
    assert set(method.sites(model)) == set(expected.sites(model))
    assert (method.rank, method.alpha, method.seed) == (expected.rank, expected.alpha, expected.seed)
    trained = records.read(tmp_path / "trained" / "run.json")
    assert trained["data"]["before"]["train"] == pytest.approx(data["start"]["loss"])
    assert trained["data"]["rate"] == data["rows"][0]["rate"]
    assert trained["parameters"]["strength"] == data["rows"][0]["strength"]
    steps = len(data["probes"][0]["real"]) - 1
    assert trained["data"]["losses"][:steps] == pytest.approx(data["probes"][0]["real"][:steps])


def test_rows_have_a_command_alone(folder: Path, tmp_path: Path) -> None:
    said = done(run(folder, tmp_path / "a", "--method", "rows", "--depth", "1", "--layers", "all"))
    assert names(tmp_path / "a") == {"advice.json", "advice.png", "finetune.sh"}
    assert "peft has no rows, so there is no adapter_config.json and no train.py" in said
    command = records.read(tmp_path / "a" / "advice.json")["data"]["finetune command"]
    arguments = shlex.split(command.replace("\\\n", " "))[1:]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    method = adapters.load(tmp_path / "a" / "finetuned").method
    model = models.load(str(folder / "llama")).model
    assert isinstance(method, Rows)
    assert set(method.sites(model)) == {name for name, s in tunable_layers(model).items() if s.block == 1}
    assert "is left out by the options" in said


def test_ia3_has_no_command(folder: Path, tmp_path: Path) -> None:
    said = done(run(folder, tmp_path / "a", "--method", "ia3", "--depth", "1", "--probe-steps", "0"))
    assert names(tmp_path / "a") == WRITTEN - {"finetune.sh"}
    assert "`lintune finetune` has no IA3 on outputs alone" in said
    assert "no real step was made" in said
    config = peft.PeftConfig.from_pretrained(str(tmp_path / "a"))
    assert config.peft_type == "IA3"
    adapted = peft.get_peft_model(models.load(str(folder / "llama")).model, config)
    data = records.read(tmp_path / "a" / "advice.json")["data"]
    assert adapted.get_nb_trainable_parameters()[0] == data["rows"][0]["parameters"]


def test_a_budget_leaves_candidates_out(folder: Path, tmp_path: Path) -> None:
    said = done(run(folder, tmp_path / "a", "--layers", "usual", "--rank", "2", "--budget", "100,1h"))
    data = records.read(tmp_path / "a" / "advice.json")["data"]
    assert data["budget"] == {"parameters": 100, "seconds": 3600.0}
    assert data["outside"] + len(data["rows"]) == data["considered"]
    assert all(row["parameters"] <= 100 for row in data["rows"])
    assert (
        f"{data['considered']}, {len(data['rows'])} of them within the budget of 100 parameters and 60 min"
        in said
    )
    assert data["outside"] > 0


def test_the_default_may_exceed_the_budget(folder: Path, tmp_path: Path) -> None:
    said = done(run(folder, tmp_path / "a", *LORA, "--rank", "2", "--budget", "300"))
    assert "the usual default, 0-1 usual, LoRA r 8, exceeds the budget." in said


def test_a_class_with_fewer_examples_than_shots(folder: Path, tmp_path: Path) -> None:
    said = done(run(folder, tmp_path / "a", "--task", str(folder / "rare.yml"), *FEW))
    assert "6, 3 of each class; 4 were asked for, and class 'bad' has no more" in said
    assert records.read(tmp_path / "a" / "advice.json")["parameters"]["shots_taken"] == 3
    assert "--shots 3" in said


def test_a_bundled_model_comes_along(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = str(folder / "llama")
    monkeypatch.setattr("lintune.cli.advising.plain_peft.BUNDLED", {name: None})
    done(run(folder, tmp_path / "a", *FEW))
    assert names(tmp_path / "a") == WRITTEN | {"model"}
    config = peft.PeftConfig.from_pretrained(str(tmp_path / "a"))
    assert config.base_model_name_or_path == str(tmp_path / "a" / "model")
    assert json.loads((tmp_path / "a" / "plan.json").read_text())["model"] == "model"
    copied = models.load(str(tmp_path / "a" / "model"), dtype=torch.float64)
    kept = models.load(name, dtype=torch.float64).model.state_dict()
    assert all(torch.equal(value, kept[key]) for key, value in copied.model.state_dict().items())


def test_masked_models_are_advised(folder: Path, tmp_path: Path) -> None:
    done(run(folder, tmp_path / "a", "--model", str(folder / "bert"), *FEW))
    assert json.loads((tmp_path / "a" / "plan.json").read_text())["kind"] == "masked"
    assert peft.PeftConfig.from_pretrained(str(tmp_path / "a")).task_type is None


@pytest.mark.slow
def test_the_command_is_installed(folder: Path, tmp_path: Path) -> None:
    given = ["--task", str(folder / "films.yml"), "--model", str(folder / "llama"), *SMALL, *FEW]
    made = subprocess.run(
        [sys.executable, "-m", "lintune.cli", "advise", *given, "--out", str(tmp_path / "a")],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert max(map(len, made.stdout.split("wrote")[0].splitlines())) <= 80
    assert names(tmp_path / "a") == WRITTEN
