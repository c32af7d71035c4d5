"""Adapters on disk: what is read is what was written, or an error says why not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lintune.adapters import Adapter, attach, load, save
from lintune.errors import CorruptFileError, FetchError, InputError
from lintune.methods import Columns, Entries, LoRA, Rows, VeRA
from lintune.tangents import linear_weight
from tests.adapters.zoo import CASES, fresh, known, logits, lora_with_factors, method_at, moved, same


def adapter_of(architecture: str, method: object) -> Adapter:
    of = known(architecture)
    return Adapter.of(of, method, moved(of.model, method))  # type: ignore[arg-type]


@pytest.mark.parametrize(("architecture", "place"), CASES)
def test_saved_equals_loaded(architecture: str, place: int, tmp_path: Path) -> None:
    adapter = adapter_of(architecture, method_at(architecture, place))
    save(adapter, tmp_path / "a")
    loaded = load(tmp_path / "a")
    same(dict(loaded.values), dict(adapter.values))
    assert (loaded.model, loaded.weights) == (adapter.model, adapter.weights)
    assert type(loaded.method) is type(adapter.method)
    model = fresh(architecture)
    attachment = attach(model, adapter.method, adapter.values)
    expected = logits(model)
    attachment.detach()
    attach(model, loaded.method, loaded.values)
    assert torch.equal(logits(model), expected)


@pytest.mark.parametrize(
    "method", [LoRA(rank=2, alpha=3.5, mpc="d", mpc_weight=0.2, distribution="signs"), VeRA(5, seed=3)]
)
def test_options_survive(method: LoRA | VeRA, tmp_path: Path) -> None:
    save(adapter_of("llama", method), tmp_path)
    assert load(tmp_path).method == method


def test_given_factors_survive(tmp_path: Path) -> None:
    method = lora_with_factors("gpt2-conv1d")
    save(adapter_of("gpt2-conv1d", method), tmp_path)
    loaded = load(tmp_path).method
    assert isinstance(loaded, LoRA)
    for given, expected in ((loaded.down, method.down), (loaded.up, method.up)):
        assert given is not None
        assert expected is not None
        same(dict(given), dict(expected))


def test_given_indices_survive(tmp_path: Path) -> None:
    rule = {"model.layers.0.mlp.up_proj": (3, 5), "model.layers.1.mlp.up_proj": (0, 7)}
    method = Rows(2, rule, targets=tuple(rule))
    save(adapter_of("llama", method), tmp_path)
    assert load(tmp_path).method == method


@pytest.mark.parametrize(
    "method", [Rows(2, "largest"), Columns(2, "random", seed=4), Entries(5, "smallest"), Rows(2, "even")]
)
def test_a_stranger_merges_from_the_files_alone(method: Rows | Columns | Entries, tmp_path: Path) -> None:
    """With nothing but JSON, safetensors and the words in the file."""
    adapter = adapter_of("gpt2-conv1d", method)
    save(adapter, tmp_path)
    words, tensors = (
        json.loads((tmp_path / "adapter.json").read_text()),
        load_file(tmp_path / "adapter.safetensors"),
    )
    assert words["method"]["options"]["rule"] == method.rule
    assert "picked/LAYER" in words["method"]["picks"]
    sites = method.sites(known("gpt2-conv1d").model)
    for row in words["tensors"]:
        layer, value = row["layer"], tensors[f"{row['layer']}:{row['name']}"]
        assert list(value.shape) == row["shape"]
        picked = tensors[f"picked/{layer}"]
        assert picked.dtype == torch.int64
        weight = linear_weight(sites[layer]).detach().clone()
        if row["name"] == "rows":
            weight[picked] = value
        elif row["name"] == "columns":
            weight[:, picked] = value
        else:
            flat = weight.flatten()
            flat[picked] = value
            weight = flat.view_as(weight)
        merged = method.merged(sites[layer], {row["name"]: value})["weight"].T
        assert torch.equal(merged, weight)


def test_picks_are_given_by_number_in_what_is_loaded(tmp_path: Path) -> None:
    save(adapter_of("llama", Rows(2, "largest")), tmp_path)
    loaded = load(tmp_path)
    assert isinstance(loaded.method, Rows)
    layer = "model.layers.1.mlp.up_proj"
    assert loaded.method.rule[layer] == tuple(loaded.picks[layer].tolist())  # type: ignore[index]


def test_without_a_model_the_rule_alone_is_kept(tmp_path: Path) -> None:
    adapter = replace(adapter_of("llama", Rows(2, "last")), picks={})
    save(adapter, tmp_path)
    assert "not here" in json.loads((tmp_path / "adapter.json").read_text())["method"]["picks"]
    assert load(tmp_path).method == adapter.method


def test_the_words_say_what_is_what(tmp_path: Path) -> None:
    save(adapter_of("llama", LoRA(rank=2, targets=("*.0.self_attn.q_proj",))), tmp_path)
    words = json.loads((tmp_path / "adapter.json").read_text())
    assert words["format"] == "lintune adapter"
    assert words["method"]["name"] == "lora"
    assert words["method"]["options"]["alpha"] == 16.0
    assert words["model"] == {"name": "tiny-llama", "fingerprint": known("llama").weights}
    assert words["trained"] == 64
    b, a = words["tensors"]
    assert (b["name"], b["shape"], a["name"], a["shape"]) == ("B", [16, 2], "A", [2, 16])
    assert "W x + b + (alpha / r)" in b["use"]
    assert "SHA-256" in words["method"]["draws"]


def truncated(folder: Path) -> None:
    path = folder / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


def other_number(folder: Path) -> None:
    path = folder / "adapter.safetensors"
    tensors = load_file(path)
    next(iter(tensors.values())).view(-1)[0] += 1
    save_file(tensors, path)


def not_json(folder: Path) -> None:
    (folder / "adapter.json").write_text("{")


def other_option(folder: Path) -> None:
    path = folder / "adapter.json"
    path.write_text(path.read_text().replace('"alpha": 16.0', '"alpha": 32.0'))


def no_tensors(folder: Path) -> None:
    (folder / "adapter.safetensors").unlink()


@pytest.mark.parametrize("damage", [truncated, other_number, not_json, other_option, no_tensors])
def test_damage_is_found(damage: Callable[[Path], None], tmp_path: Path) -> None:
    save(adapter_of("llama", LoRA(rank=2)), tmp_path)
    damage(tmp_path)
    with pytest.raises(CorruptFileError, match="is not an adapter as it was written"):
        load(tmp_path)


def rewritten(folder: Path, change: Callable[[dict], None]) -> None:
    """Write other words with a hash that is theirs."""
    from lintune.adapters.files import _digest

    words = json.loads((folder / "adapter.json").read_text())
    change(words)
    words["sha256"] = _digest(words, load_file(folder / "adapter.safetensors"))
    (folder / "adapter.json").write_text(json.dumps(words))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda words: words.update(version=2), "version=2"),
        (lambda words: words.update(format="other"), "format='lintune adapter'"),
        (lambda words: words["method"].update(name="lara"), "Did you mean 'lora'"),
        (lambda words: words["method"]["options"].update(colour=1), "no option 'colour'"),
        (lambda words: words["method"]["options"].update(rank=0), "rank=0"),
    ],
)
def test_what_is_not_known_is_named(change: Callable[[dict], None], message: str, tmp_path: Path) -> None:
    save(adapter_of("llama", LoRA(rank=2)), tmp_path)
    rewritten(tmp_path, change)
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_words_that_do_not_fit_the_tensors(tmp_path: Path) -> None:
    save(adapter_of("llama", LoRA(rank=2)), tmp_path)
    rewritten(tmp_path, lambda words: words["tensors"][0].update(shape=[1]))
    with pytest.raises(CorruptFileError, match="another than said"):
        load(tmp_path)
    rewritten(tmp_path, lambda words: words["tensors"][0].update(name="C"))
    with pytest.raises(CorruptFileError, match="missing"):
        load(tmp_path)


def test_folders_that_hold_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no adapter.json"):
        load(tmp_path / "nowhere")
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="from_peft"):
        load(tmp_path)


def test_on_an_error_the_earlier_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = adapter_of("llama", LoRA(rank=2))
    save(first, tmp_path / "a")
    (tmp_path / "a" / "run.json").write_text("kept")
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    wrong = replace(first, values={name: value / 0 for name, value in first.values.items()})
    with pytest.raises(InputError, match="not finite"):
        save(wrong, tmp_path / "a")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("lintune.adapters.files.save_file", full)
    for name in ("a", "b"):
        with pytest.raises(FetchError, match="disk full"):
            save(first, tmp_path / name)
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_another_replaces_it_and_leaves_other_files(tmp_path: Path) -> None:
    save(adapter_of("llama", LoRA(rank=2)), tmp_path)
    (tmp_path / "run.json").write_text("kept")
    second = adapter_of("llama", Rows(2))
    save(second, tmp_path)
    same(dict(load(tmp_path).values), dict(second.values))
    assert (tmp_path / "run.json").read_text() == "kept"


def test_a_method_that_is_not_registered_is_refused(tmp_path: Path) -> None:
    class Mine(LoRA):
        pass

    adapter = adapter_of("llama", LoRA(rank=2))
    with pytest.raises(InputError, match="not registered"):
        save(replace(adapter, method=Mine(rank=2)), tmp_path / "a")
    assert not (tmp_path / "a").exists()
