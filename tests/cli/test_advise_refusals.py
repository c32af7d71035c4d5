"""What `lintune advise` refuses is one clear line, before the look; what is there stays."""

import re
from pathlib import Path

import pytest

from lintune import models
from lintune.errors import FetchError
from tests.cli.advising import FEW, done, names, refused, run, save_all


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models, task files and their data."""
    return save_all(tmp_path_factory.mktemp("given"))


def test_a_folder_that_is_there_needs_force_and_keeps_what_is_not_ours(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "a"
    done(run(folder, out, *FEW))
    (out / "adapter").mkdir()
    assert "is there already; --force" in refused(run(folder, out, *FEW))
    done(run(folder, out, "--method", "rows", "--depth", "1", "--probe-steps", "0", "--force"))
    assert names(out) == {"advice.json", "advice.png", "finetune.sh", "adapter"}
    assert list(tmp_path.iterdir()) == [out]


def test_a_failure_leaves_what_is_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise FetchError("No space left on device")

    monkeypatch.setattr("lintune.cli.advising.save.records.write", full)
    assert "No space left" in refused(run(folder, tmp_path / "a", *FEW))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--budget", "2m"), "budget='2m' is none; write parameters like 500k"),
        (("--budget", "1k,2k"), "gives parameters twice"),
        (("--budget", "7"), "budget: no candidate fits 7 parameters. The smallest trains"),
        (("--method", "lorra"), "method='lorra' is not known. Did you mean 'lora'"),
        (("--method", "ia3", "--rank", "2"), "rank=2 is of lora; method='ia3' leaves that out"),
        (("--rank", "99"), "rank=99 exceeds a side of some layer of every candidate"),
        (("--depth", "3"), "depth=3 must be from 1 to 2, the number of blocks"),
        (("--shots", "1"), "shots=1 must be at least 2"),
        (("--task", "mrr"), "task='mrr' is not known"),
        (("--task", "{folder}/empty.yml"), "empty.yml: train data has no rows"),
        (("--task", "{folder}/nothing.yml"), "nothing.csv: column='.*' is not known"),
        (("--task", "{folder}/unlabelled.yml"), "train data, row 2: label='' is not known"),
        (("--task", "{folder}/one-class.yml"), "no row has the label 'bad' of words"),
        (("--task", "{folder}/one-word.yml"), "must be a tuple of at least two strings"),
        (("--task", "{folder}/single.yml"), "class 'bad' has 1 training example; advice needs at least two"),
        (("--task", "{folder}/long-words.yml"), "'not good' is 2 tokens here"),
        (("--task", "{folder}/strange-words.yml"), "'abysmal' has no token of its own in this vocabulary"),
        (("--model", "smollm"), "model='smollm' is not known"),
        (("--longest", "1000"), "longest=1000 must be from 1 to 64"),
        (("--device", "cuda:99"), "device='cuda:99' cannot be used"),
        (("--out", "{folder}/gone/a"), "no folder"),
        (("--out", "{folder}/films.yml"), "is a file"),
        (("--out", "{folder}"), "is there already; --force"),
    ],
)
def test_wrong_options_are_one_line_before_the_look(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], complaint: str
) -> None:
    for work in ("lintune.advise.advice.look", "lintune.cli.advising.work.probe"):
        monkeypatch.setattr(work, lambda *_, **__: pytest.fail("work was begun"))
    filled = [option.replace("{folder}", str(folder)) for option in options]
    assert re.search(complaint, refused(run(folder, tmp_path / "a", *filled)))
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_linear_layers(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintune.cli.advising.problem.tunable_layers", lambda _: {})
    assert "has no linear layers in its 2 blocks to tune" in refused(run(folder, tmp_path / "a"))


def test_a_model_without_blocks(folder: Path, tmp_path: Path) -> None:
    there = models.load(str(folder / "llama"))
    config = there.model.config.to_dict() | {"num_hidden_layers": 0, "layer_types": []}
    type(there.model)(type(there.model.config)(**config)).save_pretrained(tmp_path / "none")
    there.tokenizer.save_pretrained(tmp_path / "none")
    line = refused(run(folder, tmp_path / "a", "--model", str(tmp_path / "none")))
    assert "has no list of repeated blocks" in line
    assert not (tmp_path / "a").exists()
