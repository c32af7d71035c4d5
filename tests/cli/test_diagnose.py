"""`lintune diagnose` from end to end, and one clear line for everything that is wrong."""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import cast

import pandas as pd
import pytest
import torch
from transformers import PreTrainedModel
from typer.testing import CliRunner, Result

from lintune import models, records, tasks
from lintune.cli import app, diagnose
from lintune.cli.diagnosis.answers import answers, plain
from lintune.studies.behaviour import HEAD, PROMPT, Effort, Plan, behaviour, verdicts
from lintune.studies.behaviour.plan import OPTIMISERS
from tests.cli.given import save_model, save_task
from tests.tiny import pretrained

# What a tiny model needs (it has 64 positions), and little work.
SMALL = (
    "--shots",
    "3",
    "--depth",
    "1",
    "--steps",
    "2",
    "--batch",
    "4",
    "--longest",
    "32",
    "--dtype",
    "float64",
)
SEEDS = (4, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models, task files and their data."""
    root = tmp_path_factory.mktemp("given")
    save_model(root, "llama")
    save_task(root)
    save_task(root, "long-words", words={"bad": "not good", "good": "great"})
    save_task(root, "rare", words={"bad": "terrible", "good": "great"}, train="rare.csv", test="films.csv")
    (root / "rare.csv").write_text(
        "body,mood\na sad plot,bad\n" + "".join(f"{x} x,good\n" for x in "abcdefgh")
    )
    bert = pretrained("bert", torch.float32)
    cast(PreTrainedModel, bert.model.base_model).save_pretrained(root / "encoder")
    bert.tokenizer.save_pretrained(root / "encoder")
    return root


def run(folder: Path, out: Path, *options: str) -> Result:
    given = ["--task", str(folder / "films.yml"), "--model", str(folder / "llama"), "--out", str(out)]
    return CliRunner().invoke(app, ["diagnose", *given, *SMALL, *options])


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, str]:
    """Return the record of a run on two draws, and what it printed."""
    out = tmp_path_factory.mktemp("out") / "found.json"
    result = run(folder, out, *(part for seed in SEEDS for part in ("--seed", str(seed))))
    assert result.exit_code == 0, result.output
    assert list(out.parent.iterdir()) == [out]
    assert f"wrote {out}" in result.stdout
    return records.read(out), " ".join(result.stdout.split())


def test_the_record_holds_what_the_study_finds(folder: Path, done: tuple[dict, str]) -> None:
    record, _ = done
    plan = Plan(
        {PROMPT: ("sgd", "adam"), HEAD: ("sgd",)},
        depth=1,
        shots=3,
        test_examples=6,
        effort=Effort(2, 4),
        longest=32,
    )
    model = models.load(str(folder / "llama"), dtype=torch.float64)
    task = tasks.load(folder / "films.yml")
    rows = behaviour(model, task, plan, SEEDS)
    judged = verdicts(rows)
    assert record["data"]["rows"] == json.loads(json.dumps(plain(rows)))
    assert record["data"]["verdicts"] == json.loads(json.dumps(plain(judged)))
    expected = [asdict(answer) for answer in answers(rows, judged, 2)]
    assert record["data"]["answers"] == json.loads(json.dumps(expected))
    assert record["inputs"] == {
        f"model {folder / 'llama'}": model.weights,
        f"task {folder / 'films.yml'}": task.source.sha256,
    }


def test_the_record_says_what_led_to_it(done: tuple[dict, str]) -> None:
    record, _ = done
    parameters = record["parameters"]
    assert (parameters["seeds"], parameters["shots"], parameters["depth"]) == (list(SEEDS), 3, 1)
    assert (parameters["steps"], parameters["batch"], parameters["longest"]) == (2, 4, 32)
    assert (parameters["test_examples"], parameters["test_examples_asked"]) == (6, 200)
    assert parameters["functions"] == {"prompt": ["sgd", "adam"], "fresh head": ["sgd"]}
    assert parameters["words"] == ["terrible", "great"]
    assert set(parameters["rates"]) == {"sgd", "adam"}
    assert record["environment"]["dtype"] == "float64"


def test_everything_that_is_said_is_printed(done: tuple[dict, str]) -> None:
    record, said = done
    data = record["data"]
    for answer in data["answers"]:
        assert answer["question"] in said
        for finding in answer["findings"]:
            assert f"{finding['function']}, {finding['optimiser']}: {finding['says']}" in said
            assert all(line in said for line in finding["because"])
    assert any("test examples, fewer than" in caution for caution in data["cautions"])
    assert all(caution in said for caution in data["cautions"])
    assert "6, all there are; 200 asked for" in said


def test_every_score_stands_beside_what_learns_nothing(done: tuple[dict, str]) -> None:
    record, said = done
    beside = record["data"]["references"]
    assert list(beside) == ["chance", "majority", "zero-shot", "zero-shot, calibrated"]
    rows = pd.DataFrame(record["data"]["rows"])
    assert {row["function"] for row in record["data"]["scores"]} == {"prompt", "fresh head"}
    for row in record["data"]["scores"]:
        kernel = row["what"].startswith("kernel")
        way, _, optimiser = row["what"].partition(" " if kernel else ", ")
        mine = rows[(rows.function == row["function"]) & (rows.way == way)]
        mine = mine[mine["kernel" if kernel else "optimiser"] == optimiser] if optimiser else mine
        assert row["median"] == pytest.approx(mine.score.median())
        over = " ".join(f"{row['median'] - score:+.3f}" for score in beside.values())
        printed = f"{row['what']} {row['median']:.3f} {mine.score.min():.3f}-{mine.score.max():.3f} {over}"
        assert printed in said


def test_one_optimiser_and_one_draw_without_a_head(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    result = run(folder, out, "--optimizer", "signgd", "--no-head", "--seeds", "1", "--batch", "0")
    assert result.exit_code == 0, result.output
    record = records.read(out)
    assert [verdict["optimiser"] for verdict in record["data"]["verdicts"]] == ["signgd"]
    assert record["parameters"]["functions"] == {"prompt": ["signgd"]}
    assert (record["parameters"]["seeds"], record["parameters"]["batch"]) == ([0], None)
    assert any("one draw only" in caution for caution in record["data"]["cautions"])
    assert "fresh head" not in result.stdout
    assert "over 1 draw," in result.stdout


def test_a_head_alone(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    result = run(folder, out, "--no-prompt", "--optimizer", "adam", "--seeds", "1")
    assert result.exit_code == 0, result.output
    record = records.read(out)
    assert list(record["data"]["references"]) == ["chance", "majority"]
    assert [(v["function"], v["optimiser"]) for v in record["data"]["verdicts"]] == [("fresh head", "adam")]
    assert record["parameters"]["template"] is None


def test_an_encoder_is_studied_with_a_head(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    encoder = ("--model", str(folder / "encoder"), "--kind", "encoder", "--no-prompt")
    result = run(folder, out, *encoder, "--optimizer", "sgd", "--seeds", "1")
    assert result.exit_code == 0, result.output


def refused(result: Result) -> str:
    """Return the line that says why; nothing is before it but progress bars."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    *bars, line = result.stderr.splitlines()
    assert all("%|" in bar or not bar.strip() for bar in bars)
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--task", "mrr"), r"task='mrr' is not known. Did you mean 'mr'"),
        (("--task", "gone.yml"), "gone.yml.*no such task file"),
        (("--task", "{folder}/long-words.yml"), "'not good' is 2 tokens here"),
        (("--task", "{folder}/rare.yml"), r"shots=3 takes 6 .* class 'bad' of rare has 1 training .*shots=0"),
        (
            ("--shots", "7"),
            "shots=7 takes 14 examples of each class.* training examples, enough for shots=[56]",
        ),
        (("--shots", "1"), "shots=1 must be at least 2"),
        (("--depth", "3"), "depth=3 must be from 1 to 2, the number of blocks"),
        (("--longest", "1000"), "longest=1000 must be from 1 to 64"),
        (("--longest", "3"), "longest: no room for field"),
        (("--optimizer", "adamm"), r"optimizer='adamm' is not known. Did you mean 'adam'.*sgd, signgd"),
        (("--model", "smollm"), "model='smollm' is not known"),
        (("--model", "{folder}/encoder"), "pass kind="),
        (("--kind", "encoder"), "--no-prompt studies it with a fresh head alone"),
        (("--device", "cuda:99"), "device='cuda:99' cannot be used"),
        (("--no-prompt", "--no-head"), "leave nothing to study"),
        (("--seeds", "2", "--seed", "1"), "not both"),
        (("--seed", "1", "--seed", "1"), "must be distinct"),
        (("--out", "{folder}/found.txt"), "must end in .json"),
        (("--out", "{folder}/gone/found.json"), "no folder"),
    ],
)
def test_wrong_options_are_one_line_before_the_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.setattr("lintune.cli.diagnosis.study.behaviour", lambda *_: pytest.fail("work was begun"))
    filled = [option.replace("{folder}", str(folder)) for option in options]
    assert re.search(complaint, refused(run(folder, tmp_path / "found.json", *filled)))
    assert list(tmp_path.iterdir()) == []


def test_a_bundled_encoder_is_told_from_its_kind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = models.load(str(folder / "encoder"), kind="encoder")
    monkeypatch.setattr("lintune.cli.diagnosis.study.models.load", lambda *_: encoder)
    assert "--no-prompt studies it" in refused(run(folder, tmp_path / "found.json"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--dtype", "bfloat16"), "float32"),
        (("--kind", "decoder"), "causal"),
        (("--shots", "0"), "--shots"),
        (("--seeds", "0"), "--seeds"),
        (("--seed", "-1"), "--seed"),
        (("--steps", "0"), "--steps"),
        (("--batch", "-1"), "--batch"),
        (("--test-examples", "0"), "--test-examples"),
    ],
)
def test_options_with_bounds_are_checked_before_anything(
    folder: Path, tmp_path: Path, options: tuple[str, ...], named: str
) -> None:
    result = run(folder, tmp_path / "found.json", *options)
    assert (result.exit_code, "Traceback" in result.stderr) == (2, False)
    assert named in result.stderr


def test_a_report_that_is_there_needs_force(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "found.json"
    out.write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr("lintune.cli.diagnosis.study.diagnose", lambda _: pytest.fail("work was begun"))
        assert "is there already; --force replaces it" in refused(run(folder, out))
    assert out.read_text() == "mine"
    assert run(folder, out, "--force", "--seeds", "1", "--optimizer", "sgd", "--no-head").exit_code == 0
    assert records.read(out)["name"] == "diagnose"


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("lintune.cli.diagnosis.study.diagnose", lambda _: pytest.fail("work was begun"))
    monkeypatch.setattr("lintune.cli.files.tempfile.TemporaryFile", read_only)
    assert "Read-only file system" in refused(run(folder, tmp_path / "found.json"))


def test_options_agree_with_the_study() -> None:
    defaults = {name: option.default for name, option in signature(diagnose.command).parameters.items()}
    assert (defaults["steps"], defaults["batch"]) == (Effort().steps, Effort().batch)
    plan = Plan({PROMPT: ["sgd"]})
    assert (defaults["shots"], defaults["depth"], defaults["longest"]) == (
        plan.shots,
        plan.depth,
        plan.longest,
    )
    assert set(diagnose._OPTIMIZERS) == set(OPTIMISERS)
    assert set(diagnose._functions(True, True, ["sgd"], None)) == {PROMPT, HEAD}


def test_help_names_every_option_without_loading_torch() -> None:
    result = CliRunner().invoke(app, ["diagnose", "--help"])
    assert result.exit_code == 0
    said = result.stdout
    for option in (
        "--task",
        "--optimizer",
        "--no-prompt",
        "--no-head",
        "--seeds",
        "--test-examples",
        "--out",
    ):
        assert option in said
    assert "diagnose" in CliRunner().invoke(app, ["--help"]).stdout


@pytest.mark.slow
def test_the_package_is_the_command() -> None:
    called = [sys.executable, "-m", "lintune", "diagnose", "--help"]
    result = subprocess.run(called, capture_output=True, text=True, check=True)
    assert "Usage: lintune diagnose" in result.stdout
