"""The prompts on models: label words are single tokens, and each kind of model gets its own."""

from pathlib import Path

import pytest
import torch
import yaml

from lintune import models, tasks
from lintune.cli.compute import Request, compute
from lintune.prompted import PromptedModel
from lintune.prompted.encode import label_tokens
from lintune.tasks.published import PUBLISHED
from tests.tiny import pretrained


@pytest.mark.slow
def test_every_label_word_is_a_token_of_the_bundled_model() -> None:
    model = models.load("smollm2-135m")
    for name in tasks.names():
        task = tasks.load(name)
        assert len(set(label_tokens(model.tokenizer, task.prompt_for("causal")))) == len(task.classes)
    for spec in PUBLISHED.values():
        assert PromptedModel(model, spec.prompt).classes == len(spec.classes)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_label_comes_after_every_text_for_a_causal_model(name: str) -> None:
    spec = PUBLISHED[name]
    texts = {field: f"<{field}>" for field in spec.schema.texts}
    before, _ = spec.prompt.render(texts)
    assert all(text in before for text in texts.values())
    assert before.endswith(" "), "label words are spelled as after a space"


@pytest.mark.parametrize("name", [name for name, spec in PUBLISHED.items() if spec.masked_prompt])
def test_the_label_is_between_the_texts_for_a_masked_model(name: str) -> None:
    spec = PUBLISHED[name]
    first, second = spec.schema.texts
    assert spec.masked_prompt is not None
    before, after = spec.masked_prompt.render({first: "It rains.", second: "It is wet."})
    assert before in ("It rains? ", "It rains. ")
    assert after == ", it is wet."


@pytest.mark.parametrize(
    ("name", "template"), [("llama", "{text} it was {label}"), ("bert", "{label} . {text}")]
)
def test_a_command_uses_the_prompt_of_the_models_kind(tmp_path: Path, name: str, template: str) -> None:
    tiny = pretrained(name, torch.float32)
    tiny.model.save_pretrained(tmp_path / name)
    tiny.tokenizer.save_pretrained(tmp_path / name)
    moods = {"bad": ("dull", "sad", "short"), "good": ("funny", "long", "bright")}
    lines = [f"the film was {word},{mood}\n" for mood, words in moods.items() for word in words]
    (tmp_path / "films.csv").write_text("body,mood\n" + "".join(lines))
    entries = {
        "train": "films.csv",
        "text": "body",
        "label": "mood",
        "template": "{text} it was {label}",
        "masked_template": "{label} . {text}",
        "words": {"bad": "terrible", "good": "great"},
    }
    (tmp_path / "films.yml").write_text(yaml.safe_dump(entries, sort_keys=False))
    found = compute(
        Request(
            task=str(tmp_path / "films.yml"),
            model=str(tmp_path / name),
            method="weights",
            options={},
            optimizer="sgd",
            shots=1,
            seed=0,
            test_examples=0,
            outputs="contrasts",
            longest=32,
            device="cpu",
            dtype="float32",
            by_layer=False,
            memory=2**30,
        )
    )
    assert found.train.about["template"] == template
