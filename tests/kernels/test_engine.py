"""The engine against methods attached to models and differentiated one example at a time, in float64."""

import copy
from dataclasses import replace

import numpy as np
import peft
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.kernels import AsymmetricSignGD, BlockKernel, SignGD, contrasts, flat, tangent_kernels
from lintune.methods import (
    IA3,
    SSB,
    SSL,
    AdaLoRA,
    Biases,
    Columns,
    DoRA,
    Entries,
    FLoRA,
    Full,
    LoRA,
    Method,
    Norms,
    ParallelAdapter,
    Rows,
    SingularValues,
    TriLoRA,
    VeRA,
    Weights,
    count_parameters,
)
from lintune.models import Pretrained
from lintune.prompted import PromptedModel
from lintune.tangents import all_sites
from lintune.tasks import Examples, Prompt
from tests.attached import gram, jacobians
from tests.tiny import ARCHITECTURES, WORDS, pretrained, tokenizer

TEXTS = (
    "a good film",
    "the plot was very long and not funny",
    "dull",
    "one great story of two bright actor",
    "sad music",
)
PROMPT = Prompt("{text} . it was {label} .", ("terrible", "great", "dull"))

# Relative to the largest entry. Soft-capped and ALiBi attention take their softmax in float32 always.
TOLERANCE = {"gemma2-softcap": 1e-5, "bloom-alibi": 1e-5}
METHODS_AT_HAND: tuple[Method, ...] = (
    Full(),
    Weights(),
    Biases(),
    Norms(),
    Rows(2, "random", seed=3),
    Rows(2, "last"),
    Columns(2, "largest"),
    Columns(3, "even"),
    LoRA(rank=3, alpha=6, targets=None, seed=5),
    DoRA(rank=2, alpha=8, targets=None),
    SSL(),
    SSB(),
    SingularValues(),
    FLoRA(rank=2, alpha=4, targets=None),
    TriLoRA(rank=3, alpha=4, targets=None),
    ParallelAdapter(rank=3, alpha=4, targets=None),
    AdaLoRA(rank=3, alpha=4, targets=None),
    VeRA(rank=20, targets=None),
    Entries(7),
    Entries(5, "largest"),
)


def examples(texts: tuple[str, ...] = TEXTS) -> Examples:
    return Examples(tuple({"text": text} for text in texts), np.zeros(len(texts), dtype=np.int64))


def function(name: str) -> PromptedModel:
    return PromptedModel(pretrained(name), PROMPT, longest=32)


def close(kernel: BlockKernel, jacobian: dict[str, np.ndarray], tolerance: float = 1e-10) -> None:
    """Compare all blocks, on the scale of the largest entry of any."""
    assert kernel.layers == tuple(jacobian)
    scale = max(np.abs(gram(part)).max() for part in jacobian.values())
    for layer, block in zip(kernel.layers, kernel.blocks, strict=True):
        np.testing.assert_allclose(
            block, gram(jacobian[layer]), rtol=0, atol=tolerance * scale, err_msg=layer
        )


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_methods_from_one_capture_equal_the_attached_models(name: str) -> None:
    prompted = function(name)
    fitting = [m for m in METHODS_AT_HAND if not (isinstance(m, Biases) and not has_biases(prompted))]
    if name == "falcon-in-place":  # these need outputs that the model has written over
        fitting = [m for m in fitting if not isinstance(m, DoRA | SSB)]
    kernels = tangent_kernels(prompted, examples(), methods={repr(m): m for m in fitting}).train
    for method in fitting:
        close(kernels[repr(method)], jacobians(prompted, examples(), method), TOLERANCE.get(name, 1e-10))


@pytest.mark.parametrize("method", [DoRA(2, targets=None), SSB(), IA3(("*.dense_4h_to_h",), ("*.dense",))])
def test_outputs_that_the_model_writes_over_are_not_taken_for_what_they_were(method: Method) -> None:
    with pytest.raises(InputError, match="writes over the outputs of"):
        tangent_kernels(function("falcon-in-place"), examples(), methods=[method])


def test_a_lowest_layer_whose_output_is_written_over() -> None:
    prompted, method = function("falcon-in-place"), Weights(targets=("*.0.mlp.dense_4h_to_h",))
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train["weights"]
    close(kernel, jacobians(prompted, examples(), method))


def test_singular_values_follow_a_weight_that_changes() -> None:
    method = SingularValues(targets=("*.q_proj",))
    model = copy.deepcopy(pretrained("llama").model)
    prompted = PromptedModel(replace(pretrained("llama"), model=model), PROMPT, longest=32)
    tangent_kernels(prompted, examples(), methods=[method])
    for layer in method.sites(model).values():
        layer.module.get_parameter("weight").data += 0.2
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train[method.name]
    close(kernel, jacobians(prompted, examples(), method))


def test_the_row_of_the_padding_token_is_not_trained() -> None:
    prompted = function("llama")
    method = Full(targets=("*embed_tokens",))
    texts = examples(("a [PAD] film", "a good [PAD] plot"))
    kernel = tangent_kernels(prompted, texts, methods=[method]).train["full"]
    close(kernel, jacobians(prompted, texts, method))


def test_parameters_that_reach_blocks_by_another_way_are_refused() -> None:
    """MPNet's blocks are given a bias of relative positions that a table before them makes."""
    words = tokenizer(masked=True)
    config = transformers.MPNetConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
    )
    model = transformers.MPNetForMaskedLM(config).double().eval().requires_grad_(False)
    prompted = PromptedModel(Pretrained("mpnet", "masked", model, words, "", "random"), PROMPT, longest=32)
    with pytest.raises(InputError, match="given more than hidden states|not one row per token"):
        tangent_kernels(prompted, examples(TEXTS[:1]), methods=[Full()])
    kernel = tangent_kernels(prompted, examples(), methods=[Weights()]).train["weights"]
    close(kernel, jacobians(prompted, examples(), Weights()))


def has_biases(prompted: PromptedModel) -> bool:
    return any("bias" in site.parameters for site in all_sites(prompted.pretrained.model).values())


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_method_layers_lengths_batches_and_memory(data: st.DataObject) -> None:
    exact = [name for name in ARCHITECTURES if name not in TOLERANCE and name != "falcon-in-place"]
    prompted = function(data.draw(st.sampled_from(exact)))
    method = data.draw(st.sampled_from(METHODS_AT_HAND))
    if isinstance(method, Biases) and not has_biases(prompted):
        method = Weights()
    sites = list(method.sites(prompted.pretrained.model))
    targets = data.draw(st.lists(st.sampled_from(sites), min_size=1, max_size=3, unique=True))
    method = replace(method, targets=tuple(targets))  # type: ignore[type-var]
    words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
    few = examples(tuple(data.draw(st.lists(words, min_size=1, max_size=6))))
    kernel = tangent_kernels(
        prompted,
        few,
        methods=[method],
        batch_tokens=data.draw(st.sampled_from([1, 30, 1000])),
        memory=data.draw(st.sampled_from([1, 10**9])),
        recompute=data.draw(st.sampled_from([None, True, False])),
    ).train[method.name]
    close(kernel, jacobians(prompted, few, method), 1e-9)
    flat_total = flat(kernel.total())
    np.testing.assert_allclose(flat_total, flat_total.T, rtol=1e-9, atol=1e-12 * np.abs(flat_total).max())
    assert np.linalg.eigvalsh(flat_total).min() >= -1e-9 * np.abs(flat_total).max()


@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "roberta"])
@pytest.mark.parametrize("memory", [1, 10**9])
def test_kernels_of_the_optimisers_equal_signs_of_autograd(name: str, memory: int) -> None:
    prompted = function(name)
    # A bias of keys has no gradient but rounding: its signs mean nothing.
    tables = [n for n, s in all_sites(prompted.pretrained.model).items() if s.kind == "table"]
    methods: list[Method] = [Weights(), Norms(), LoRA(rank=2, targets=None), Full(targets=tables)]
    for method in methods:
        found = tangent_kernels(
            prompted,
            examples(TEXTS[:3]),
            examples(TEXTS[3:]),
            methods=[SignGD(method), AsymmetricSignGD(method)],
            memory=memory,
        )
        jacobian = jacobians(prompted, examples(), method)
        for layer, part in jacobian.items():
            signs = np.sign(part)
            for optimiser, truth in (
                (SignGD(method), gram(signs)),
                (AsymmetricSignGD(method), gram(signs, part)),
            ):
                square = found.train[optimiser.name].select(layer).total()
                cross = found.cross[optimiser.name].select(layer).total()
                both = np.concatenate([square, cross], axis=2)
                np.testing.assert_allclose(both, truth[:3], rtol=1e-9, atol=1e-9 * np.abs(truth).max())


def test_lora_away_from_its_start_equals_a_trained_peft_model() -> None:
    """Both factors given, the adapter merged into the weights; by peft's own layers and autograd."""
    model, jacobian = peft_jacobian(up=0.3)
    prompted = PromptedModel(replace(pretrained("llama"), model=model.merge_and_unload()), PROMPT, longest=32)
    down, up = (
        {
            name.removeprefix("base_model.model.").removesuffix(f".{side}.default"): module.weight.detach()
            for name, module in peft_model(0.3).named_modules()
            if name.endswith(f"{side}.default")
        }
        for side in ("lora_A", "lora_B")
    )
    method = LoRA(rank=2, alpha=8, down=down, up=up)
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train[method.name].total()
    np.testing.assert_allclose(kernel.reshape(15, 15), jacobian @ jacobian.T, rtol=1e-9, atol=1e-12)
    assert jacobian.shape[1] == count_parameters(method, prompted.pretrained.model)


def test_lora_kernel_equals_that_of_a_peft_model() -> None:
    """The same numbers by a route that shares no code: peft's own layers, differentiated by autograd."""
    _, jacobian = peft_jacobian(up=0.0)
    prompted = function("llama")
    method = LoRA(rank=2, alpha=8, seed=1)
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train[method.name].total()
    np.testing.assert_allclose(kernel.reshape(15, 15), jacobian @ jacobian.T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", [DoRA(rank=2, alpha=8, seed=1), IA3()])
def test_kernels_of_pefts_other_methods(method: DoRA | IA3) -> None:
    _, jacobian = peft_jacobian(up=0.0, method=method)
    prompted = function("llama")
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train[method.name].total()
    np.testing.assert_allclose(kernel.reshape(15, 15), jacobian @ jacobian.T, rtol=1e-9, atol=1e-12)
    assert jacobian.shape[1] == count_parameters(method, prompted.pretrained.model)


def peft_model(up: float, method: DoRA | IA3 | None = None) -> peft.PeftModel:
    """Return tiny Llama with peft's layers, lintune's A and, scaled by `up`, a random B."""
    config: peft.PeftConfig
    if isinstance(method, IA3):
        targets = ["k_proj", "v_proj", "down_proj"]
        config = peft.IA3Config(target_modules=targets, feedforward_modules=["down_proj"])
    else:
        config = peft.LoraConfig(
            r=2, lora_alpha=8, target_modules=["q_proj", "v_proj"], use_dora=method is not None
        )
    model = peft.get_peft_model(copy.deepcopy(pretrained("llama").model), config).double().eval()
    generator = torch.Generator().manual_seed(0)
    drawn = LoRA(rank=2, alpha=8, seed=1)
    for name, module in model.named_modules():
        if name.endswith("lora_A.default"):
            layer = name.removeprefix("base_model.model.").removesuffix(".lora_A.default")
            module.weight.data = drawn.a(layer, module.weight.shape[1]).double()
        if name.endswith("lora_B.default"):
            module.weight.data = up * torch.randn(
                module.weight.shape, generator=generator, dtype=torch.float64
            )
    return model


def peft_jacobian(up: float, method: DoRA | IA3 | None = None) -> tuple[peft.PeftModel, np.ndarray]:
    """Return the model and the gradients of all logits `(n C, P)` for its trained parameters."""
    adapted = peft_model(up, method)
    prompted = function("llama")
    trained = [p for p in adapted.parameters() if p.requires_grad]
    rows = []
    for prompt in prompted.encode(examples()):
        logits = adapted(input_ids=torch.tensor([prompt.ids])).logits[0, prompt.readout]
        for label in prompted.label_ids:
            grads = torch.autograd.grad(logits[label], trained, retain_graph=True)
            rows.append(torch.cat([g.flatten() for g in grads]).numpy())
    return adapted, np.array(rows)


def test_parts_and_batches_do_not_change_the_kernel() -> None:
    prompted = function("llama")
    whole = tangent_kernels(prompted, examples(), methods=[Weights(), LoRA(rank=2)])
    parts = tangent_kernels(
        prompted, examples(), methods=[Weights(), LoRA(rank=2)], batch_tokens=12, memory=1
    )
    for name, kernel in whole.train.items():
        np.testing.assert_allclose(parts.train[name].blocks, kernel.blocks, rtol=1e-12)
    np.testing.assert_allclose(parts.train_logits, whole.train_logits, rtol=1e-12)


def test_cross_kernel_is_a_corner_of_the_symmetric_kernel() -> None:
    prompted = function("llama")
    square = tangent_kernels(prompted, examples(), methods=[Weights()])
    corner = tangent_kernels(
        prompted, examples(TEXTS[:2]), examples(TEXTS[2:]), methods=[Weights()], batch_tokens=14, memory=1
    )
    expected = square.train["weights"].between([0, 1], [2, 3, 4])
    np.testing.assert_allclose(corner.cross["weights"].blocks, expected.blocks, rtol=1e-12)
    np.testing.assert_allclose(corner.cross_logits, square.train_logits[2:], rtol=1e-12)


def test_contrasts_kernel_is_the_projected_logit_kernel() -> None:
    prompted = function("llama")
    basis = contrasts(3)
    of_logits = tangent_kernels(prompted, examples(), methods=[Weights()]).train["weights"].total()
    of_contrasts = (
        tangent_kernels(prompted, examples(), methods=[Weights()], outputs=basis).train["weights"].total()
    )
    # Normalisations compute in float32: combining before or after the backward pass rounds differently.
    np.testing.assert_allclose(
        of_contrasts, np.einsum("icjd,ca,db->iajb", of_logits, basis, basis), rtol=2e-5
    )


def test_sum_of_layers_can_be_kept_alone() -> None:
    prompted = function("llama")
    blocks = tangent_kernels(prompted, examples(), methods=[Weights()]).train["weights"]
    total = tangent_kernels(prompted, examples(), methods=[Weights()], by_layer=False).train["weights"]
    assert total.layers == ("all",)
    np.testing.assert_allclose(total.total(), blocks.total(), rtol=1e-12)


def test_float32_is_close_to_float64() -> None:
    kernels = [
        tangent_kernels(
            PromptedModel(pretrained("llama", dtype), PROMPT, 32), examples(), methods=[Weights()]
        )
        .train["weights"]
        .total()
        for dtype in (torch.float32, torch.float64)
    ]
    assert np.linalg.norm(kernels[0] - kernels[1]) <= 1e-5 * np.linalg.norm(kernels[1])


def test_only_the_layers_above_the_lowest_target_are_differentiated() -> None:
    """Nothing under the lowest tuned layer gets a gradient: its hidden states are constants."""
    prompted = function("llama")
    top = tangent_kernels(prompted, examples(), methods=[Weights(targets=("model.layers.1.*",))]).train[
        "weights"
    ]
    everything = tangent_kernels(prompted, examples(), methods=[Weights()]).train["weights"]
    np.testing.assert_allclose(top.blocks, everything.select("model.layers.1.*").blocks, rtol=1e-12)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"methods": []}, "at least one"),
        ({"methods": [Weights(), Weights()]}, "distinct names"),
        ({"methods": [Weights(targets=("*.query",))]}, "q_proj"),
        ({"methods": [LoRA(rank=99)]}, "rank=99"),
        ({"methods": [LoRA(rank=2, down={})]}, r"down\['model.layers.0.self_attn.q_proj'\] is missing"),
        ({"methods": [Rows(99)]}, "count=99 exceeds the 16"),
        ({"methods": [Biases()]}, "LlamaForCausalLM has no biases"),
        ({"methods": [Weights()], "memory": 0}, "memory=0"),
        ({"methods": [Weights()], "batch_tokens": 0}, "batch_tokens=0"),
        ({"methods": [Weights()], "outputs": np.eye(2)}, "one row for each of 3 logits"),
        ({"methods": [Weights()], "outputs": [[1.0], [np.nan], [0.0]]}, "outputs must be finite"),
        ({"methods": [Weights(targets="*.q_proj")]}, "must be patterns in a list"),
        ({"methods": [LoRA(targets=())]}, "at least one"),
        ({"methods": [Weights()], "others": examples(())}, "at least one example"),
    ],
)
def test_bad_arguments_are_refused(kwargs: dict, message: str) -> None:
    prompted = function("llama")
    with pytest.raises(InputError, match=message):
        tangent_kernels(prompted, examples(), **kwargs)
