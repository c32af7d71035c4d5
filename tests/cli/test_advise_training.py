"""`train.py` of an advice trains with peft and transformers alone, as lintune would."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from typer.testing import CliRunner

from lintune import models, tasks
from lintune.cli import app
from lintune.cli.advising import train_with_peft
from lintune.descent import Recipe, descend, loss_for
from lintune.finetune import Network
from lintune.methods import IA3, LoRA
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.prompted.encode import encode, label_tokens
from lintune.tasks import Prompt
from tests.cli.given import save_model, save_task
from tests.tiny import tokenizer

SMALL = (
    "--shots",
    "4",
    "--steps",
    "4",
    "--batch",
    "4",
    "--longest",
    "32",
    "--probe-steps",
    "0",
    "--depth",
    "1",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models, a task file and its data."""
    root = tmp_path_factory.mktemp("given")
    for name in ("llama", "gpt2-conv1d", "opt", "bert", "roberta"):
        save_model(root, name)
    save_task(root)
    return root


def advised(folder: Path, out: Path, model: str, *options: str) -> Path:
    given = ["--task", str(folder / "films.yml"), "--model", str(folder / model), "--out", str(out)]
    result = CliRunner().invoke(app, ["advise", *given, *SMALL, *options])
    assert result.exit_code == 0, result.output
    return out


def prompted(folder: Path, model: str, dtype: torch.dtype = torch.float64) -> PromptedModel:
    pretrained = models.load(str(folder / model), dtype=dtype)
    return PromptedModel(pretrained, tasks.load(folder / "films.yml").prompt_for(pretrained.kind), 32)


def examples(folder: Path) -> tasks.FewShot:
    return tasks.few_shot(tasks.load(folder / "films.yml"), 4, 0)


@pytest.mark.parametrize("model", ["llama", "gpt2-conv1d", "opt", "bert", "roberta"])
def test_the_loss_of_the_first_batch_is_that_of_lintune(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    out = advised(folder, tmp_path / "a", model, "--method", "lora", "--rank", "2", "--dtype", "float64")
    monkeypatch.setattr(train_with_peft, "HERE", out)
    plan = json.loads((out / "plan.json").read_text())
    adapted, words = train_with_peft.load(plan, "cpu")
    prompts = train_with_peft.Prompts(plan, words)
    rows = [prompts.encode(row) for row in train_with_peft.read("train.jsonl")]
    function, split = prompted(folder, model), examples(folder)
    batch = next(iter(Recipe(0.1, 4, batch=4).batches(8))).tolist()
    assert next(train_with_peft.batches(8, 4, 0)).tolist() == batch
    found = train_with_peft.mean_loss(adapted, prompts, [rows[place] for place in batch])
    loss = loss_for("cross-entropy", split.train.labels, 2)
    contrasts = function.logits(function.lay_out([function.encode(split.train)[place] for place in batch]))
    expected = loss.value(contrasts @ loss.basis, torch.tensor(batch)) / 4
    assert found.item() == pytest.approx(expected.item(), abs=1e-10)


def test_from_the_same_start_lora_is_trained_as_in_lintune(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the A of lintune, of which peft draws one of its own, every step is the same."""
    out = advised(folder, tmp_path / "a", "llama", "--method", "lora", "--rank", "2", "--dtype", "float64")
    monkeypatch.setattr(train_with_peft, "HERE", out)
    plan = json.loads((out / "plan.json").read_text()) | {"strength": 0.5, "learning_rate": 0.02}
    adapted, words = train_with_peft.load(plan, "cpu")
    prompts = train_with_peft.Prompts(plan, words)
    layers = {name: layer for name, layer in adapted.named_modules() if hasattr(layer, "lora_A")}
    targets = tuple(name.removeprefix("base_model.model.") for name in layers)
    attached = Attached(prompted(folder, "llama"), LoRA(2, 4.0, targets))
    for name, layer in layers.items():
        start = attached.start[f"{name.removeprefix('base_model.model.')}:A"]
        layer.lora_A["default"].weight.data.copy_(start)
    capsys.readouterr()
    train_with_peft.train(
        adapted, prompts, [prompts.encode(row) for row in train_with_peft.read("train.jsonl")]
    )
    found = [float(loss) for loss in re.findall(r"loss (\S+)", capsys.readouterr().out)]
    split = examples(folder)
    network = Network(attached, attached.prepare(split.train))
    recipe = Recipe(0.02, 4, "cross-entropy", "adam", strength=0.5, batch=4)
    loss = loss_for("cross-entropy", split.train.labels, 2)
    expected = [step.loss / 8 for step in descend(network, loss, recipe)]
    assert found == pytest.approx(expected[:4], abs=1e-6)


def printed(out: Path, *arguments: str) -> str:
    made = subprocess.run(
        [sys.executable, str(out / "train.py"), "--device", "cpu", *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=out.parent,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_the_script_trains_as_lintune_does(folder: Path, tmp_path: Path, strength: float) -> None:
    """IA3 draws nothing, so every step of both is the same; with a pull to the start and without."""
    out = advised(folder, tmp_path / "a", "llama", "--method", "ia3", "--layers", "all")
    plan = json.loads((out / "plan.json").read_text()) | {"strength": strength, "learning_rate": 0.05}
    (out / "plan.json").write_text(json.dumps(plan))
    said = printed(out)
    assert "wrote" in said
    found = [float(loss) for loss in re.findall(r"step \d of 4: loss (\S+)", said)]
    function, split = prompted(folder, "llama", torch.float32), examples(folder)
    attached = Attached(function, IA3(targets=("*.layers.1.*",), feedforward=()))
    loss = loss_for("cross-entropy", split.train.labels, 2)
    network = Network(attached, attached.prepare(split.train))
    recipe = Recipe(0.05, 4, "cross-entropy", "adam", strength=strength, batch=4)
    expected = [step.loss / 8 for step in descend(network, loss, recipe)]
    assert found == pytest.approx(expected[:4], abs=2e-5)
    base = models.load(str(folder / "llama")).model
    loaded: Any = peft.PeftModel.from_pretrained(base, str(out / "adapter")).eval()
    kept = {name: value.detach() for name, value in loaded.named_parameters() if "ia3" in name}
    assert len(kept) == len(network.values)
    by_layer = {name.rpartition(":")[0]: value.detach() for name, value in network.values.items()}
    for name, value in kept.items():
        layer = name.removeprefix("base_model.model.").partition(".ia3_l")[0]
        torch.testing.assert_close(value.flatten(), by_layer[layer], atol=2e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["gpt2-conv1d", "bert"])
def test_the_script_trains_lora_and_peft_reads_it(folder: Path, tmp_path: Path, model: str) -> None:
    out = advised(folder, tmp_path / "a", model, "--method", "lora", "--rank", "2")
    said = printed(out, "--out", str(tmp_path / "b"))
    assert re.search(r"test, before: accuracy 0\.\d+, loss \d", said)
    assert "test, after:" in said
    base = models.load(str(folder / model)).model
    loaded: Any = peft.PeftModel.from_pretrained(base, str(tmp_path / "b"))
    moved = [value for name, value in loaded.named_parameters() if "lora_B" in name]
    assert moved
    assert all(value.abs().max() > 0 for value in moved)


@pytest.mark.parametrize(
    "template",
    [
        "{text} . it was {label} .",
        "{{a}} {text:cut}, {label} , {text:lower}",
        "the {other} was {text:lower} than {other:cut} , {label}",
    ],
)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("longest", [12, 64])
def test_prompts_are_encoded_as_in_lintune(template: str, masked: bool, longest: int) -> None:
    """Braces, forms, two texts, and texts that are too long."""
    words, prompt = tokenizer(masked), Prompt(template, ("bad", "good"))
    texts = {"text": "The film was very long and very dull .", "other": "A {plot} of one two three story !"}
    fields = {name: texts[name] for name in prompt.fields}
    plan = {
        "template": template,
        "words": prompt.words,
        "classes": ["no", "yes"],
        "longest": longest,
        "kind": "masked" if masked else "causal",
    }
    script = train_with_peft.Prompts(plan, words)
    expected = encode(words, prompt, fields, masked, longest)
    assert script.encode(fields | {"label": "yes"}) == (list(expected.ids), expected.readout, 1)
    assert tuple(script.words) == label_tokens(words, prompt)


def test_the_order_of_examples_is_the_recipes() -> None:
    for size in (None, 3, 8, 20):
        mine, theirs = train_with_peft.batches(8, size, 5), Recipe(0.1, 9, batch=size, seed=5).batches(8)
        for _ in range(6):
            assert next(mine).tolist() == next(theirs).tolist()


def test_the_script_needs_nothing_of_lintune() -> None:
    text = Path(train_with_peft.__file__).read_text()
    assert not re.search(r"^\s*(from|import) lintune", text, re.MULTILINE)
