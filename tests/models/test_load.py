"""Loading: bundled weights as pinned, local folders, and every way a name or a file can be wrong."""

import copy
import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from accelerate import cpu_offload

from lintune.errors import CorruptFileError, InputError
from lintune.models import BUNDLED, load
from lintune.models.bundled import folder_of
from lintune.models.fingerprint import fingerprint
from tests.tiny import pretrained


@pytest.fixture
def llama_folder(tmp_path: Path) -> Path:
    tiny = pretrained("llama", torch.float32)
    tiny.model.save_pretrained(tmp_path / "llama")
    tiny.tokenizer.save_pretrained(tmp_path / "llama")
    return tmp_path / "llama"


def test_bundled_causal_model_knows_english() -> None:
    model = load("smollm2-135m")
    assert model.kind == "causal"
    assert model.weights == BUNDLED["smollm2-135m"].weights
    ids = model.tokenizer("The capital of France is", return_tensors="pt")
    with torch.no_grad():
        answer = model.model(**ids).logits[0, -1].argmax()
    assert model.tokenizer.decode(answer) == " Paris"
    assert not model.model.training
    assert not any(parameter.requires_grad for parameter in model.model.parameters())


def test_bundled_encoder_sees_meaning() -> None:
    model = load("minilm")
    texts = ["A wonderful film.", "I loved this movie.", "Stocks fell sharply today."]
    inputs = model.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model.model(**inputs).last_hidden_state
    real = inputs["attention_mask"][..., None]
    meaning = torch.nn.functional.normalize((hidden * real).sum(1) / real.sum(1), dim=1)
    near, far = meaning[0] @ meaning[1], meaning[0] @ meaning[2]
    assert near > far + 0.3


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_local_folder_gives_the_same_function(tmp_path: Path, name: str) -> None:
    tiny = pretrained(name, torch.float32)
    tiny.model.save_pretrained(tmp_path)
    tiny.tokenizer.save_pretrained(tmp_path)
    model = load(str(tmp_path))
    assert model.kind == tiny.kind
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        torch.testing.assert_close(model.model(ids).logits, tiny.model(ids).logits)


def test_dtype_is_taken(llama_folder: Path) -> None:
    assert load(str(llama_folder), dtype=torch.float64).model.dtype == torch.float64


@pytest.mark.parametrize(
    ("name", "hint"), [("smolm2-135m", "smollm2-135m"), ("MiniLM", "minilm"), ("gpt", "Accepted")]
)
def test_unknown_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        load(name)


def test_folder_without_a_language_model_is_refused(llama_folder: Path) -> None:
    config = json.loads((llama_folder / "config.json").read_text())
    (llama_folder / "config.json").write_text(
        json.dumps(config | {"architectures": ["LlamaForTokenClassification"]})
    )
    with pytest.raises(InputError, match="neither a causal nor a masked"):
        load(str(llama_folder))


def test_truncated_weights_are_refused(llama_folder: Path) -> None:
    weights = llama_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CorruptFileError, match="damaged"):
        load(str(llama_folder))


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest"])
def test_damaged_cache_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """One flipped bit among 91 MB of weights is enough."""
    whole = folder_of("minilm")
    monkeypatch.setenv("LINTUNE_CACHE", str(tmp_path))
    folder = tmp_path / "models" / "minilm"
    shutil.copytree(whole, folder)
    weights = folder / "model.safetensors"
    if damage == "flip":
        with weights.open("r+b") as file:
            file.seek(50_000_000)
            byte = file.read(1)
            file.seek(50_000_000)
            file.write(bytes([byte[0] ^ 1]))
    elif damage == "truncate":
        with weights.open("r+b") as file:
            file.truncate(1000)
    elif damage == "remove":
        (folder / "tokenizer.json").unlink()
    else:
        (folder / "manifest.json").write_text("{")
    with pytest.raises(CorruptFileError, match=str(folder)):
        load("minilm")


def test_fingerprint_sees_names_numbers_and_shapes_only() -> None:
    state = {"a": torch.arange(6.0), "b": torch.ones(2)}
    same = {"b": torch.ones(4)[:2], "a": torch.arange(12.0).view(6, 2).T.contiguous().T[:, 0] / 2}
    assert fingerprint(same) == fingerprint(state)
    assert fingerprint(state | {"b": torch.zeros(2)}) != fingerprint(state)
    assert fingerprint(state | {"a": torch.arange(6.0).view(2, 3)}) != fingerprint(state)
    assert fingerprint({"c": state["a"], "b": state["b"]}) != fingerprint(state)


def test_a_model_that_accelerate_offloads_is_refused_before_it_is_used() -> None:
    tiny = pretrained("llama", torch.float32)
    offloaded = cpu_offload(copy.deepcopy(tiny.model), execution_device=torch.device("cpu"))
    with pytest.raises(InputError, match=r"model.embed_tokens.weight on 'meta'; .* not offloaded"):
        dataclasses.replace(tiny, model=offloaded)


def test_a_model_of_two_devices_is_refused_by_a_weight_on_each() -> None:
    tiny = pretrained("llama", torch.float32)
    model = copy.deepcopy(tiny.model)
    model.lm_head.to("meta")
    with pytest.raises(InputError, match=r"model.embed_tokens.weight on 'cpu', lm_head.weight on 'meta'"):
        dataclasses.replace(tiny, model=model)
