"""The engine against gradients taken one example and one logit at a time, in float64."""

import numpy as np
import pytest
import torch

from lintune.errors import InputError
from lintune.kernels import contrasts, tangent_kernels
from lintune.methods import LoRA, Weights
from lintune.prompted import PromptedModel
from lintune.tangents import tunable_layers
from lintune.tasks import Examples, Prompt
from tests.tiny import ARCHITECTURES, pretrained

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


def examples(texts: tuple[str, ...] = TEXTS) -> Examples:
    return Examples(tuple({"text": text} for text in texts), np.zeros(len(texts), dtype=np.int64))


def gradients(prompted: PromptedModel, few: Examples) -> dict[str, np.ndarray]:
    """Return each logit's gradient for each layer's weight, `(n, C, d_out, d_in)`, without packing."""
    model = prompted.pretrained.model
    layers = tunable_layers(model)
    found: dict[str, list[list[np.ndarray]]] = {name: [] for name in layers}
    for prompt in prompted.encode(few):
        for layer in layers.values():
            layer.weight.requires_grad_()
        every = model(input_ids=torch.tensor([prompt.ids])).logits[0, prompt.readout]
        for name, layer in layers.items():
            found[name].append(
                [
                    torch.autograd.grad(every[label], layer.weight, retain_graph=True)[0].numpy()
                    for label in prompted.label_ids
                ]
            )
        model.requires_grad_(False)
    return {name: np.array(value) for name, value in found.items()}


def inner(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.einsum("icab,jdab->icjd", left, right)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("batch_tokens", [20, 1000])
def test_full_kernel_equals_autograd(name: str, batch_tokens: int) -> None:
    prompted = PromptedModel(pretrained(name), PROMPT, longest=32)
    kernel = tangent_kernels(prompted, examples(), methods=[Weights()], batch_tokens=batch_tokens).train["weights"]
    expected = gradients(prompted, examples())
    assert kernel.layers == tuple(expected)
    for layer, block in zip(kernel.layers, kernel.blocks, strict=True):
        truth = inner(expected[layer], expected[layer])
        np.testing.assert_allclose(
            block, truth, rtol=1e-9, atol=TOLERANCE.get(name, 1e-10) * np.abs(truth).max()
        )


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_lora_kernel_is_full_kernel_of_projected_inputs(name: str) -> None:
    prompted = PromptedModel(pretrained(name), PROMPT, longest=32)
    method = LoRA(rank=3, alpha=6, targets=None, seed=5)
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train["lora-r3"]
    for layer, block in zip(kernel.layers, kernel.blocks, strict=True):
        full = gradients(prompted, examples())[layer]
        down = method.a(layer, full.shape[-1]).double().numpy()
        of_b = 2.0 * full @ down.T
        np.testing.assert_allclose(block, inner(of_b, of_b), rtol=1e-9, atol=1e-12)


def test_lora_kernel_equals_that_of_a_peft_model() -> None:
    """The same numbers by a route that shares no code: peft's own layers, differentiated by autograd."""
    import peft

    method = LoRA(rank=2, alpha=8, targets=("*.q_proj", "*.v_proj"), seed=1)
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train[method.name].total()

    import copy

    config = peft.LoraConfig(r=2, lora_alpha=8, target_modules=["q_proj", "v_proj"], lora_dropout=0.0)
    adapted = peft.get_peft_model(copy.deepcopy(prompted.pretrained.model), config).double().eval()
    for name, module in adapted.named_modules():
        if name.endswith("lora_A.default"):
            layer = name.removeprefix("base_model.model.").removesuffix(".lora_A.default")
            module.weight.data = method.a(layer, module.weight.shape[1]).double()
    trained = [p for p in adapted.parameters() if p.requires_grad]
    jacobian = []
    for prompt in prompted.encode(examples()):
        logits = adapted(input_ids=torch.tensor([prompt.ids])).logits[0, prompt.readout]
        for label in prompted.label_ids:
            grads = torch.autograd.grad(logits[label], trained, retain_graph=True)
            jacobian.append(torch.cat([g.flatten() for g in grads]).numpy())
    expected = np.array(jacobian) @ np.array(jacobian).T
    np.testing.assert_allclose(kernel.reshape(15, 15), expected, rtol=1e-9, atol=1e-12)
    count = sum(p.numel() for p in trained)
    layers = tunable_layers(prompted.pretrained.model)
    assert count == sum(
        method.parameters(layers[name].weight) for name in layers if name.endswith(("q_proj", "v_proj"))
    )


def test_parts_and_batches_do_not_change_the_kernel() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    whole = tangent_kernels(prompted, examples(), methods=[Weights(), LoRA(rank=2)])
    parts = tangent_kernels(
        prompted, examples(), methods=[Weights(), LoRA(rank=2)], batch_tokens=12, memory=1
    )
    for name, kernel in whole.train.items():
        np.testing.assert_allclose(parts.train[name].blocks, kernel.blocks, rtol=1e-12)
    np.testing.assert_allclose(parts.train_logits, whole.train_logits, rtol=1e-12)


def test_cross_kernel_is_a_corner_of_the_symmetric_kernel() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    square = tangent_kernels(prompted, examples(), methods=[Weights()])
    corner = tangent_kernels(
        prompted, examples(TEXTS[:2]), examples(TEXTS[2:]), methods=[Weights()], batch_tokens=14, memory=1
    )
    expected = square.train["weights"].between([0, 1], [2, 3, 4])
    np.testing.assert_allclose(corner.cross["weights"].blocks, expected.blocks, rtol=1e-12)
    np.testing.assert_allclose(corner.cross_logits, square.train_logits[2:], rtol=1e-12)


def test_contrasts_kernel_is_the_projected_logit_kernel() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
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
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    blocks = tangent_kernels(prompted, examples(), methods=[Weights()]).train["weights"]
    total = tangent_kernels(prompted, examples(), methods=[Weights()], by_layer=False).train["weights"]
    assert total.layers == ("all",)
    np.testing.assert_allclose(total.total(), blocks.total(), rtol=1e-12)


def test_float32_is_close_to_float64() -> None:
    kernels = [
        tangent_kernels(PromptedModel(pretrained("llama", dtype), PROMPT, 32), examples(), methods=[Weights()])
        .train["weights"]
        .total()
        for dtype in (torch.float32, torch.float64)
    ]
    assert np.linalg.norm(kernels[0] - kernels[1]) <= 1e-5 * np.linalg.norm(kernels[1])


def test_only_the_layers_above_the_lowest_target_are_differentiated() -> None:
    """Nothing under the lowest tuned layer gets a gradient: its hidden states are constants."""
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    top = tangent_kernels(prompted, examples(), methods=[Weights(targets=("model.layers.1.*",))]).train["weights"]
    everything = tangent_kernels(prompted, examples(), methods=[Weights()]).train["weights"]
    np.testing.assert_allclose(top.blocks, everything.select("model.layers.1.*").blocks, rtol=1e-12)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"methods": []}, "at least one"),
        ({"methods": [Weights(), Weights()]}, "distinct names"),
        ({"methods": [Weights(targets=("*.query",))]}, "q_proj"),
        ({"methods": [LoRA(rank=99)]}, "rank=99"),
        ({"methods": [Weights()], "outputs": np.eye(2)}, "one row for each of 3 logits"),
        ({"methods": [Weights()], "others": examples(())}, "at least one example"),
    ],
)
def test_bad_arguments_are_refused(kwargs: dict, message: str) -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    with pytest.raises(InputError, match=message):
        tangent_kernels(prompted, examples(), **kwargs)
