"""Adapters as models of peft's: the same function and gradients, through files as well."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import peft
import pytest
import torch

from lintune.adapters import Adapter, attach, from_peft, merge, to_peft
from lintune.adapters.peft_out import tuner_layers
from lintune.errors import InputError
from lintune.methods import METHODS, AdaLoRA, DoRA, LoRA, Method, VeRA
from lintune.models.fingerprint import fingerprint
from lintune.tangents import in_order
from tests.adapters.zoo import ARCHITECTURES, fresh, ia3_of, known, logits, lora_with_factors, moved, same


def methods_of(architecture: str) -> dict[str, Method]:
    return {
        "lora": LoRA(rank=2, alpha=6, targets=None, mpc="o"),
        "lora-fraction": LoRA(rank=3, alpha=1.7, targets=None),
        "lora-factors": lora_with_factors(architecture),
        "dora": DoRA(rank=2, alpha=8, targets=None),
        "ia3": ia3_of(architecture),
        "adalora": AdaLoRA(rank=3, alpha=4, targets=None),
        "vera": VeRA(rank=5, targets=None),
    }


NAMES = ("lora", "lora-fraction", "lora-factors", "dora", "ia3", "adalora", "vera")
# VeRA's frozen factors are rounded to float32, and peft has another scale for them.
TOLERANCE = {"vera": 1e-5}
CASES = [(architecture, name) for architecture in ARCHITECTURES for name in NAMES]


def adapter_of(architecture: str, method: Method, by: float = 0.1) -> Adapter:
    of = known(architecture)
    return Adapter.of(of, method, moved(of.model, method, by))


@pytest.mark.parametrize(("architecture", "name"), CASES)
@pytest.mark.parametrize("by", [0.0, 0.1])
def test_the_function_is_the_same(architecture: str, name: str, by: float) -> None:
    method = methods_of(architecture)[name]
    adapter = adapter_of(architecture, method, by)
    model = fresh(architecture)
    attach(model, method, adapter.values)
    expected = logits(model)
    adapted = to_peft(adapter, fresh(architecture))
    assert tuner_layers(adapted).keys() == method.sites(known(architecture).model).keys()
    assert all(p.dtype == torch.float64 for p in adapted.parameters())
    tolerance = TOLERANCE.get(name, 1e-10)
    torch.testing.assert_close(logits(adapted), expected, rtol=0, atol=tolerance)


# What peft's parameters are called here, and the shape and factor that ours have of theirs.
WORDS = {
    "adalora": {"lora_A": "A", "lora_B": "B", "lora_E": "M"},
    "vera": {"vera_lambda_b": "b", "vera_lambda_d": "d"},
}


@pytest.mark.parametrize("name", ["adalora", "vera"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2-conv1d", "opt"])
@pytest.mark.parametrize("by", [0.0, 0.1])
def test_the_gradients_are_the_same(architecture: str, name: str, by: float) -> None:
    """Those of the others are in tests/methods and tests/kernels."""
    method = methods_of(architecture)[name]
    adapter = adapter_of(architecture, method, by)
    model = fresh(architecture)
    attachment = attach(model, method, adapter.values)
    logits(model).pow(2).sum().backward()
    found = dict(zip(adapter.values, (p.grad for p in attachment.parameters()), strict=True))
    adapted = to_peft(adapter, fresh(architecture))
    logits(adapted).pow(2).sum().backward()
    widest = max(layer.in_features for layer in tuner_layers(adapted).values())
    seen = 0
    for layer, module in tuner_layers(adapted).items():
        for theirs, ours in WORDS[name].items():
            parameter = getattr(module, theirs)["default"]
            factor = {"M": (3 + 1e-5) / 3, "d": (widest / module.in_features) ** 0.5}.get(ours, 1.0)
            gradient = found[f"{layer}:{ours}"]
            assert gradient is not None
            scale = float(gradient.abs().max()) + 1e-12
            torch.testing.assert_close(
                factor * parameter.grad.reshape(gradient.shape), gradient, rtol=0, atol=1e-5 * scale
            )
            seen += 1
    assert seen == len(found)


@pytest.mark.parametrize(("architecture", "name"), CASES)
def test_the_files_are_read_by_peft_alone(architecture: str, name: str, tmp_path: Path) -> None:
    adapted = to_peft(adapter_of(architecture, methods_of(architecture)[name]), fresh(architecture))
    expected = logits(adapted)
    adapted.save_pretrained(str(tmp_path))
    assert (tmp_path / "adapter_model.safetensors").is_file()
    assert json.loads((tmp_path / "adapter_config.json").read_text())["peft_type"]
    loaded = peft.PeftModel.from_pretrained(fresh(architecture), tmp_path).eval()
    assert tuner_layers(loaded).keys() == tuner_layers(adapted).keys()
    torch.testing.assert_close(logits(loaded), expected, rtol=0, atol=1e-12)


def test_some_layers_among_many() -> None:
    """Suffixes alone would take more: layer 1 and layers 11, 21."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40, hidden_size=8, intermediate_size=8, num_hidden_layers=24, num_attention_heads=2
    )
    model = LlamaForCausalLM(config)
    names = [f"model.layers.{block}.*_proj" for block in (1, 2, 11)]
    for method in (
        LoRA(rank=2, targets=names),
        LoRA(rank=2, targets=["*.2?.self_attn.?_proj", "*.down_proj"]),
    ):
        adapter = Adapter(method, moved(model, method), "m", "w")
        assert tuner_layers(to_peft(adapter, copy.deepcopy(model))).keys() == method.sites(model).keys()


def test_bfloat16_stays(tmp_path: Path) -> None:
    model = fresh("llama").bfloat16()
    adapter = replace(adapter_of("llama", LoRA(rank=2)), values=moved(model, LoRA(rank=2)))
    adapted = to_peft(adapter, model)
    assert all(p.dtype == torch.bfloat16 for p in adapted.parameters())


def test_every_other_method_is_refused_by_name() -> None:
    has = {"lora", "dora", "ia3", "adalora", "vera"}
    for name, made in METHODS.items():
        if name not in has:
            with pytest.raises(InputError, match="peft has no such method.*lintune.adapters.merge"):
                to_peft(Adapter(made(), {}, "m", "w"), fresh("llama"))


@pytest.mark.parametrize(("architecture", "name"), [(a, n) for a, n in CASES if n in ("lora", "dora", "ia3")])
def test_there_and_back(architecture: str, name: str) -> None:
    adapter = adapter_of(architecture, methods_of(architecture)[name])
    found = from_peft(to_peft(adapter, fresh(architecture)), name="tiny")
    same(dict(sorted(found.values.items())), dict(sorted(adapter.values.items())))
    assert found.model == "tiny"
    assert found.weights == adapter.weights
    model, other = fresh(architecture), fresh(architecture)
    merge(model, found.method, found.values)
    merge(other, adapter.method, adapter.values)
    torch.testing.assert_close(logits(model), logits(other), rtol=0, atol=1e-12)


def test_an_adapter_of_peft_trained_elsewhere() -> None:
    config = peft.LoraConfig(r=2, lora_alpha=5, use_rslora=True, target_modules=["q_proj", "down_proj"])
    adapted = peft.get_peft_model(fresh("llama"), config).double().eval()
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1
    found = from_peft(adapted)
    model = fresh("llama")
    attach(model, found.method, found.values)
    torch.testing.assert_close(logits(model), logits(adapted), rtol=0, atol=1e-10)
    assert found.weights == fingerprint(known("llama").model.state_dict())
    assert set(found.method.sites(known("llama").model)) == set(
        in_order(known("llama").model, LoRA(targets=["*.q_proj", "*.down_proj"]).sites(known("llama").model))
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (peft.LoraConfig(r=2, target_modules=["q_proj"], bias="all"), "biases"),
        (peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"]), "modules_to_save"),
        (peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], rank_pattern={"q_proj": 3}), "differ"),
        (peft.LoraConfig(r=2, target_modules=["embed_tokens"]), "Embedding"),
        (peft.VeraConfig(r=2, target_modules=["q_proj"]), "VERA"),
    ],
)
def test_what_has_no_counterpart_is_refused(config: peft.PeftConfig, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_peft(peft.get_peft_model(fresh("llama"), copy.deepcopy(config)))


def test_a_merged_model_is_refused() -> None:
    adapted = to_peft(adapter_of("llama", LoRA(rank=2)), fresh("llama"))
    adapted.merge_adapter()
    with pytest.raises(InputError, match="not merged"):
        from_peft(adapted)
