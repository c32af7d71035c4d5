"""`lintune finetune` from end to end, and one clear line for everything that is wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import peft
import pytest
import torch
from typer.testing import CliRunner, Result

from lintune import adapters, metrics, models, records, tasks
from lintune.cli import app
from lintune.cli.finetuning.save import save_plain
from lintune.cli.methods import method_of, options_of
from lintune.descent import Recipe
from lintune.errors import DivergedError, FetchError, InputError
from lintune.finetune import Setup, finetune
from lintune.methods import IA3, METHODS, SSL, Entries, LoRA, Rows, VeRA, count_parameters
from lintune.prompted import PromptedModel
from lintune.studies.behaviour import draw
from lintune.studies.departure import BEYOND, Side, side
from lintune.tasks import FewShot
from tests.cli.given import save_model, save_task

# What a tiny model needs (it has 64 positions), and little work.
SMALL = ("--shots", "3", "--steps", "2", "--batch", "4", "--longest", "32", "--dtype", "float64")
RATE = ("--learning-rate", "0.01")
OPTIONS = {
    "rows": ("--count", "2", "--rule", "random"),
    "columns": ("--count", "2"),
    "entries": ("--count", "5"),
    "vera": ("--rank", "4"),
}
LOW_RANK = ("lora", "dora", "flora", "trilora", "parallel-adapter", "adalora")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models, task files and their data."""
    root = tmp_path_factory.mktemp("given")
    for name in ("llama", "gpt2-conv1d", "opt"):
        save_model(root, name)
    save_task(root)
    save_task(root, "long-words", words={"bad": "not good", "good": "great"})
    return root


def run(folder: Path, out: Path, *options: str) -> Result:
    given = ["--task", str(folder / "films.yml"), "--model", str(folder / "llama"), "--out", str(out)]
    return CliRunner().invoke(app, ["finetune", *given, *SMALL, *options])


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def refused(result: Result) -> str:
    """Return the line that says why; nothing is before it but progress bars."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    # Bars within bars move the cursor about.
    *bars, line = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", result.stderr).splitlines()
    assert all("%|" in bar or not bar.strip() for bar in bars)
    assert line.startswith("error: ")
    return line


def prompted(folder: Path, path: Path | None = None) -> PromptedModel:
    pretrained = models.load(str(path or folder / "llama"), dtype=torch.float64)
    return PromptedModel(pretrained, tasks.load(folder / "films.yml").prompt, 32)


def score_of(function: PromptedModel, task: tasks.Task) -> float:
    """Return the accuracy on all test examples, by a way of its own."""
    test = tasks.few_shot(task, 3, 0).test
    return metrics.score("accuracy", test.labels, function.predict(test).argmax(dim=1).numpy())


def small(method: str) -> tuple[str, ...]:
    return OPTIONS.get(method, ("--rank", "2") if method in LOW_RANK else ())


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_runs_and_is_read_back(folder: Path, tmp_path: Path, method: str) -> None:
    model = folder / "opt" if method == "biases" else folder / "llama"
    given = small(method)
    if method == "ia3":
        given = ("--targets", "*.k_proj", "--feedforward", "*.down_proj")
    done(run(folder, tmp_path / "a", "--method", method, "--model", str(model), *RATE, *given))
    loaded = adapters.load(tmp_path / "a")
    assert type(loaded.method) is METHODS[method]
    function = prompted(folder, model)
    record = records.read(tmp_path / "a" / "run.json")
    assert loaded.weights == function.pretrained.weights
    assert record["data"]["trained"] == count_parameters(loaded.method, function.pretrained.model)
    assert record["data"]["trained"] == sum(value.numel() for value in loaded.values.values())
    adapters.attach(function.pretrained.model, loaded.method, loaded.values)
    score = score_of(function, tasks.load(folder / "films.yml"))
    assert record["data"]["after"]["score"] == pytest.approx(score)


def test_what_is_trained_is_what_the_library_trains(folder: Path, tmp_path: Path) -> None:
    done(run(folder, tmp_path / "a", "--method", "lora", "--rank", "2", "--strength", "0.1", *RATE))
    function, task = prompted(folder), tasks.load(folder / "films.yml")
    split = tasks.few_shot(task, 3, 0)
    recipe = Recipe(0.01, 2, "cross-entropy", "adam", strength=0.1, batch=4, seed=0)
    setup = Setup.of(function, LoRA(rank=2), FewShot(split.train, split.test))
    expected = finetune(setup, recipe, at=[0, 2], twin=False)
    found = adapters.load(tmp_path / "a").values
    for name, value in expected.values.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-12)
    data = records.read(tmp_path / "a" / "run.json")["data"]
    before, after = expected.rows.to_dict("records")
    assert data["before"]["score"] == pytest.approx(before["test_accuracy"])
    assert data["after"]["test"] == pytest.approx(after["test_loss"])
    assert data["before"]["train"] == pytest.approx(before["loss"] / len(split.train))
    assert data["chance"] == 0.5
    judged = side(setup.attached, setup.test, expected.values)
    assert data["side"]["side"] == judged.side
    assert data["side"]["share"] == pytest.approx(judged.share)


@pytest.mark.parametrize("share", [float("inf"), float("nan")])
def test_a_share_that_is_not_finite_is_recorded_as_none(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr("lintune.cli.finetuning.work.side", lambda *_: Side(BEYOND, share, 0.1))
    done(run(folder, tmp_path / "a", "--method", "lora", "--rank", "2", *RATE))
    recorded = records.read(tmp_path / "a" / "run.json")["data"]["side"]
    assert (recorded["side"], recorded["share"], recorded["threshold"]) == (BEYOND, None, 0.1)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "signgd"])
def test_the_rate_is_the_best_on_validation_examples(folder: Path, tmp_path: Path, optimizer: str) -> None:
    said = done(run(folder, tmp_path / "a", "--method", "lora", "--rank", "2", "--optimizer", optimizer))
    record = records.read(tmp_path / "a" / "run.json")
    trials = record["data"]["trials"]
    assert len(trials) == 5
    best = max((t for t in trials if t["score"] is not None), key=lambda t: (t["score"], -t["loss"]))
    assert record["data"]["rate"] == best["rate"]
    assert "the best on the validation examples of" in said
    assert record["parameters"]["validation_examples"] == 6
    # The trial by hand.
    task, function = tasks.load(folder / "films.yml"), prompted(folder)
    drawn = draw(task, 3, 0, 6)
    recipe = Recipe(best["rate"], 2, "cross-entropy", optimizer, batch=4, seed=0)  # type: ignore[arg-type]
    setup = Setup.of(function, LoRA(rank=2), FewShot(drawn.train, drawn.validation))
    (row,) = finetune(setup, recipe, at=[2], twin=False).rows.to_dict("records")
    assert best["score"] == pytest.approx(row["test_accuracy"])
    assert best["loss"] == pytest.approx(row["test_loss"])


def test_the_table_says_what_the_record_holds(folder: Path, tmp_path: Path) -> None:
    said = done(run(folder, tmp_path / "a", "--method", "rows", "--count", "2", *RATE))
    data = records.read(tmp_path / "a" / "run.json")["data"]
    assert f"{data['trained']:,} of {data['total']:,} ({data['trained'] / data['total']:.3%})" in said
    assert f"(chance 0.500) {data['before']['score']:.3f} {data['after']['score']:.3f}" in said
    assert "0.01, given" in said
    assert data["side"]["examples"] == 6
    where = {"linear": "linear", "beyond": "beyond its linearisation"}[data["side"]["side"]]
    assert f"the run is {where}: of the change of the outputs of 6 test examples" in said
    assert f"{data['side']['share']:.1%} is not linear" in said
    assert "there are 6 test examples; 200 were asked for" in said
    assert f"wrote {tmp_path / 'a'}: adapter.json, adapter.safetensors, run.json" in said
    assert len(data["losses"]) == 3


@pytest.mark.parametrize("model", ["llama", "gpt2-conv1d"])
@pytest.mark.parametrize("method", ["lora", "dora", "ia3", "adalora", "vera"])
def test_other_libraries_read_what_is_written_for_them(
    folder: Path, tmp_path: Path, model: str, method: str
) -> None:
    targets = ("--targets", "*.c_attn" if model == "gpt2-conv1d" else "*.k_proj")
    scaled = ("--feedforward", "*.mlp.c_proj" if model == "gpt2-conv1d" else "*.down_proj")
    given = scaled if method == "ia3" else small(method)
    given = (*given, *targets, "--model", str(folder / model), "--learning-rate", "0.1", "--peft", "--merged")
    said = done(run(folder, tmp_path / "a", "--method", method, *given))
    assert "merged, peft, run.json" in said
    assert (tmp_path / "a" / "peft" / "adapter_model.safetensors").is_file()
    ids = torch.tensor([[5, 9, 11, 7, 20]])
    base, other = (models.load(str(folder / model), dtype=torch.float64).model for _ in range(2))
    start = base(input_ids=ids).logits
    loaded = adapters.load(tmp_path / "a")
    adapters.attach(base, loaded.method, loaded.values)
    expected = base(input_ids=ids).logits
    assert (expected - start).abs().max() > 1e-4
    adapted = peft.PeftModel.from_pretrained(other, tmp_path / "a" / "peft").eval()
    torch.testing.assert_close(adapted(input_ids=ids).logits, expected, rtol=0, atol=1e-5)
    plain = models.load(str(tmp_path / "a" / "merged"), dtype=torch.float64)
    torch.testing.assert_close(plain.model(input_ids=ids).logits, expected, rtol=0, atol=1e-10)
    assert plain.tokenizer("a good film").input_ids == plain.tokenizer("a good film").input_ids != []


def test_a_model_that_was_read_from_gguf_is_saved_plain(folder: Path, tmp_path: Path) -> None:
    """As the bundled one: transformers marks it as quantised, though its weights are plain, and refuses."""
    pretrained = models.load(str(folder / "llama"), dtype=torch.float64)
    model = pretrained.model
    marked: Any = model
    marked.hf_quantizer = SimpleNamespace(quantization_config=SimpleNamespace(quant_method="gguf"))
    marked.config.quantization_config = {"quant_method": "gguf"}
    with pytest.raises(ValueError, match="not serializable"):
        model.save_pretrained(tmp_path / "refused")
    save_plain(model, tmp_path / "plain")
    pretrained.tokenizer.save_pretrained(tmp_path / "plain")
    loaded = models.load(str(tmp_path / "plain"), dtype=torch.float64).model
    assert getattr(loaded.config, "quantization_config", None) is None
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_top_blocks_alone(folder: Path, tmp_path: Path) -> None:
    done(run(folder, tmp_path / "a", "--method", "lora", "--rank", "2", "--depth", "1", *RATE))
    layers = {name.rpartition(":")[0] for name in adapters.load(tmp_path / "a").values}
    assert layers == {f"model.layers.1.self_attn.{name}_proj" for name in "qv"}
    done(run(folder, tmp_path / "b", "--method", "ia3", "--depth", "1", *RATE))
    method = adapters.load(tmp_path / "b").method
    assert isinstance(method, IA3)
    assert tuple(method.feedforward) == ("model.layers.1.mlp.down_proj",)
    assert len(method.targets) == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--method", "lorra"), "method='lorra' is not known. Did you mean 'lora'"),
        (("--method", "ssl", "--rank", "4"), "--rank does not go with method='ssl'"),
        (("--method", "ssl", "--option", "mpc=o"), "--option mpc does not go with method='ssl'"),
        (("--method", "lora", "--option", "mpc"), "must be FIELD=VALUE"),
        (("--method", "lora", "--option", "mpc=x"), "mpc='x' is not known; accepted: o, d, none"),
        (("--method", "lora", "--option", "mpc_weight=much"), "accepted: a number"),
        (("--method", "lora", "--option", "down=a"), "accepted: none"),
        (("--method", "lora", "--option", "rank=2", "--rank", "3"), "rank is given twice"),
        (("--method", "lora", "--option", "name=x"), "--option name does not go with"),
        (("--method", "lora", "--targets", "*.query"), r"targets='\*.query' matches none"),
        (("--method", "lora", "--depth", "3"), "depth=3 must be from 1 to 2, the number of blocks"),
        (("--method", "full", "--targets", "*embed*", "--depth", "1"), "trains nothing in those blocks"),
        (("--method", "biases"), "has no biases to tune"),
        (("--method", "rows", "--count", "99"), "count=99 exceeds"),
        (("--method", "lora", "--task", "mrr"), "task='mrr' is not known"),
        (("--method", "lora", "--task", "{folder}/long-words.yml"), "'not good' is 2 tokens here"),
        (("--method", "lora", "--model", "smollm"), "model='smollm' is not known"),
        (("--method", "lora", "--shots", "7"), "shots=7 for training and 7 for validation"),
        (("--method", "lora", "--validation-shots", "40"), "and 40 for validation"),
        (("--method", "lora", "--longest", "1000"), "longest=1000 must be from 1 to 64"),
        (("--method", "lora", "--device", "cuda:99"), "device='cuda:99' cannot be used"),
        (("--method", "lora", "--learning-rate", "-1"), "learning_rate=-1.0 must be positive"),
        (("--method", "lora", "--learning-rate", "1", "--validation-shots", "2"), "leave one of them out"),
        (("--method", "rows", "--peft"), "peft has no such method"),
        (("--method", "parallel-adapter", "--rank", "2", "--merged"), "which no weight does"),
        (("--method", "lora", "--out", "{folder}/gone/a"), "no folder"),
        (("--method", "lora", "--out", "{folder}/films.yml"), "is a file"),
        (("--method", "lora", "--out", "{folder}"), "is there already; --force"),
    ],
)
def test_wrong_options_are_one_line_before_the_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], complaint: str
) -> None:
    for work in ("train", "searched", "measured"):
        monkeypatch.setattr(f"lintune.cli.finetuning.work.{work}", lambda *_: pytest.fail("work was begun"))
    filled = [option.replace("{folder}", str(folder)) for option in options]
    assert re.search(complaint, refused(run(folder, tmp_path / "a", *filled)))
    assert list(tmp_path.iterdir()) == []


def test_what_peft_lacks_is_refused_before_the_model_is_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lintune.cli.finetuning.problem.models.load", lambda *_: pytest.fail("loaded"))
    for method in sorted(set(METHODS) - {"lora", "dora", "ia3", "adalora", "vera"}):
        assert "lintune.adapters.merge" in refused(run(folder, tmp_path / "a", "--method", method, "--peft"))


def test_a_folder_that_is_there_needs_force_and_keeps_what_is_not_ours(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "a"
    done(run(folder, out, "--method", "lora", "--rank", "2", *RATE, "--peft", "--merged"))
    (out / "notes.txt").write_text("mine")
    assert "is there already; --force" in refused(run(folder, out, "--method", "ssl", *RATE))
    assert isinstance(adapters.load(out).method, LoRA)
    done(run(folder, out, "--method", "ssl", *RATE, "--force"))
    assert isinstance(adapters.load(out).method, SSL)
    names = {path.name for path in out.iterdir()}
    assert names == {"adapter.json", "adapter.safetensors", "run.json", "notes.txt"}
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("where", ["adapters.save", "records.write", "adapters.to_peft", "adapters.merge"])
def test_a_failure_leaves_what_is_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool, where: str
) -> None:
    out = tmp_path / "a"
    if there:
        done(run(folder, out, "--method", "ssl", *RATE))
    before = contents(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise FetchError("No space left on device")

    monkeypatch.setattr(f"lintune.cli.finetuning.save.{where}", full)
    given = ("--method", "lora", "--rank", "2", *RATE, "--peft", "--merged", "--force")
    assert "No space left" in refused(run(folder, out, *given))
    assert contents(tmp_path) == before


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_moving_that_fails_puts_the_old_files_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a"
    done(run(folder, out, "--method", "ssl", *RATE, "--merged"))
    before, rename = contents(tmp_path), Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.parent.name == "new" and self.name == "run.json":
            raise OSError("No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert "No space left" in refused(run(folder, out, "--method", "ssb", *RATE, "--merged", "--force"))
    assert contents(tmp_path) == before


def test_training_that_diverges_is_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("--method", "lora", "--rank", "2", "--optimizer", "sgd", "--steps", "20")
    line = refused(run(folder, tmp_path / "a", *given, "--learning-rate", "1e200"))
    assert "finite" in line
    assert list(tmp_path.iterdir()) == []

    def diverging(*_: object) -> None:
        raise DivergedError("loss")

    monkeypatch.setattr("lintune.cli.finetuning.training.train", diverging)
    assert "diverged with each" in refused(run(folder, tmp_path / "a", *given))


@pytest.mark.parametrize(
    ("name", "extra", "field", "value"),
    [
        ("lora", "mpc=d", "mpc", "d"),
        ("lora", "mpc=none", "mpc", None),
        ("lora", "mpc_weight=0.5", "mpc_weight", 0.5),
        ("lora", "distribution=sparse signs", "distribution", "sparse signs"),
        ("lora", "targets=*.q_proj, *.o_proj", "targets", ("*.q_proj", "*.o_proj")),
        ("rows", "rule=even", "rule", "even"),
        ("vera", "scale=0.3", "scale", 0.3),
        ("entries", "count=7", "count", 7),
    ],
)
def test_other_options_are_read_by_the_type_of_the_field(
    name: str, extra: str, field: str, value: object
) -> None:
    found = getattr(method_of(name, {}, [extra]), field)
    assert (found, type(found)) == (value, type(value))


def test_a_method_of_ones_own_needs_no_option_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Mine(Rows):
        warm: bool = True
        sizes: tuple[int, ...] = (1,)

    monkeypatch.setitem(METHODS, "mine", Mine)
    method: Any = method_of("mine", {"count": 2}, ["warm=false", "sizes=3,4"])
    assert (method.count, method.warm, method.sizes) == (2, False, (3, 4))
    assert json.loads(options_of(method))["sizes"] == [3, 4]
    with pytest.raises(InputError, match="accepted: true, false"):
        method_of("mine", {}, ["warm=perhaps"])


def test_options_that_were_set_are_said() -> None:
    assert json.loads(options_of(LoRA()))["rank"] == 8
    assert "mpc" not in json.loads(options_of(LoRA()))
    assert json.loads(options_of(LoRA(mpc="o")))["mpc"] == "o"
    assert json.loads(options_of(VeRA(scale=0.2)))["scale"] == 0.2
    assert set(json.loads(options_of(Entries()))) == {"count", "rule", "targets", "seed"}


@pytest.mark.slow
def test_help_and_import_load_neither_torch_nor_peft() -> None:
    code = "import sys, lintune.cli.finetune; assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys, lintune.adapters; assert 'peft' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    called = [sys.executable, "-m", "lintune", "finetune", "--help"]
    assert "--learning-rate" in subprocess.run(called, capture_output=True, text=True, check=True).stdout


def test_labels_are_those_of_the_draw(folder: Path, tmp_path: Path) -> None:
    """Another seed trains on other examples."""
    for seed in ("0", "1"):
        done(run(folder, tmp_path / seed, "--method", "lora", "--rank", "2", *RATE, "--seed", seed))
    losses = [records.read(tmp_path / seed / "run.json")["data"]["before"]["train"] for seed in ("0", "1")]
    assert not np.isclose(*losses)
