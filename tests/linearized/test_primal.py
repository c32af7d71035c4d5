"""Forward-mode and reverse-mode products with the Jacobian, and LoRA's model linearised in the product."""

import fnmatch
from collections.abc import Iterator, Sequence

import pytest
import torch

from lintune.descent import CrossEntropy, Loss, Recipe, Squared, Vector, descend, norm
from lintune.errors import InputError
from lintune.linearized import Primal, ProductPrimal, StoredTangent, TangentModel, jacobian, primal
from lintune.methods import (
    IA3,
    Biases,
    DoRA,
    Full,
    LoRA,
    Method,
    Norms,
    ParallelAdapter,
    Rows,
    SingularValues,
    Weights,
)
from lintune.methods.attached import Attached, Prepared
from lintune.tangents import tunable_layers
from tests.kernels.test_engine import PROMPT, TEXTS, examples, function, has_biases
from tests.tiny import ARCHITECTURES

# Models whose norms compute in float32, whatever their weights are in.
ROUNDING = {"llama", "mistral-window", "qwen2", "qwen3-qk-norm", "gemma2-softcap"}
EXACT = [name for name in ARCHITECTURES if name not in ROUNDING and name != "bloom-alibi"]
CLASSES = len(PROMPT.words)
LABELS = torch.tensor([0, 1, 2, 1, 0]).numpy()


def methods_for(name: str) -> Iterator[Method]:
    """Yield methods that fit; DoRA's gradient is none of a function, so it has no adjoint."""
    prompted = function(name)
    *_, last = tunable_layers(prompted.pretrained.model)
    yield from (Full(), Norms(), Rows(2, "random", seed=3), LoRA(3, 6, None, seed=5), SingularValues())
    yield from (IA3(("*",), (last,)), ParallelAdapter(rank=3, alpha=4, targets=None))
    if has_biases(prompted):
        yield Biases()


def problem(name: str, method: Method, texts: tuple[str, ...] = TEXTS) -> tuple[Attached, Prepared]:
    attached = Attached(function(name), method)
    return attached, attached.prepare(examples(texts))


def direction(attached: Attached, seed: int = 0) -> Vector:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(value.shape, generator=generator, dtype=value.dtype)
        for name, value in attached.start.items()
    }


def mismatch(attached: Attached, prepared: Prepared, rows: Sequence[int] | None = None) -> float:
    """Return |<c, J d> - <J^T c, d>| over ||c|| ||J d||."""
    tangent, along = TangentModel(attached, prepared), direction(attached)
    _, moved = tangent.pushed(along, rows)
    cotangents = torch.randn(moved.shape, generator=torch.Generator().manual_seed(1), dtype=moved.dtype)
    pulled = tangent.pulled(cotangents, rows)
    right = sum((pulled[name] * along[name]).sum() for name in along)
    return float(((cotangents * moved).sum() - right).abs() / (cotangents.norm() * moved.norm()))


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "bloom-alibi"])
def test_pulling_is_the_adjoint_of_pushing(name: str) -> None:
    for method in methods_for(name):
        found = mismatch(*problem(name, method))
        assert found < (1e-5 if name in ROUNDING else 1e-12), method.name


@pytest.mark.parametrize("name", ["bert", "roberta", "opt", "gpt2-conv1d"])
def test_rows_of_padding_tokens_count_in_neither_direction(name: str) -> None:
    assert mismatch(*problem(name, Full(), ("a [PAD] film", "a good [PAD] plot"))) < 1e-12


@pytest.mark.parametrize("name", EXACT)
def test_pushing_is_a_difference_of_outputs(name: str) -> None:
    for method in methods_for(name):
        attached, prepared = problem(name, method)
        along, step = direction(attached), 1e-5
        ahead, behind = (
            attached.outputs(
                {key: value + sign * step * along[key] for key, value in attached.start.items()}, prepared
            )
            for sign in (1, -1)
        )
        start, moved = TangentModel(attached, prepared).pushed(along)
        torch.testing.assert_close(start, attached.outputs(attached.start, prepared))
        error = ((ahead - behind) / (2 * step) - moved).norm() / moved.norm()
        assert error < 1e-5, method.name


def test_a_stored_jacobian_does_the_same() -> None:
    attached, prepared = problem("gpt2-conv1d", Full())
    tangent, along = TangentModel(attached, prepared), direction(attached)
    stored = StoredTangent(jacobian(attached, prepared), attached.outputs(attached.start, prepared))
    cotangents = torch.randn(3, CLASSES - 1, generator=torch.Generator().manual_seed(2)).double()
    for rows in ([4, 1, 1], torch.tensor([0, 2, 3]), None):
        for found, expected in zip(stored.pushed(along, rows), tangent.pushed(along, rows), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
        given = cotangents if rows is not None else expected
        pulled = tangent.pulled(given, rows)
        for name, found in stored.pulled(given, rows).items():
            torch.testing.assert_close(found, pulled[name], rtol=1e-10, atol=1e-11)


def test_some_examples_in_another_order_and_in_small_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    attached, prepared = problem("opt", Weights())
    tangent, along = TangentModel(attached, prepared), direction(attached)
    whole = tangent.pushed(along)
    monkeypatch.setattr(primal, "_TOKENS", 12)
    rows = [4, 1, 3]
    for all_rows, some in zip(whole, tangent.pushed(along, rows), strict=True):
        torch.testing.assert_close(some, all_rows[rows])
    assert mismatch(attached, prepared, rows) < 1e-12


def test_an_operation_without_forward_mode_is_named() -> None:
    attached, prepared = problem("bloom-alibi", LoRA(rank=2, targets=None))
    with pytest.raises(InputError, match="BloomForCausalLM computes with an operation of its own"):
        TangentModel(attached, prepared).pushed(direction(attached))


@pytest.mark.parametrize("make", [Squared, CrossEntropy])
def test_the_gradient_of_the_linear_model_is_that_of_its_loss(make: type[Squared]) -> None:
    attached, prepared = problem("gpt2-conv1d", Rows(2))
    loss, world, features = make(LABELS, CLASSES), Primal(attached, prepared), jacobian(attached, prepared)
    rows = torch.tensor([3, 0])
    for name, value in direction(attached, 7).items():
        world.values[name] += 0.1 * value
    leaves = {name: value.clone().requires_grad_() for name, value in world.values.items()}
    expected = attached.outputs(attached.start, prepared, rows.tolist())
    for name, part in features.items():
        expected = expected + torch.einsum("bk...,...->bk", part[rows], leaves[name] - attached.start[name])
    check(world, rows, loss, leaves, expected)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("make", [Squared, CrossEntropy])
def test_the_gradient_in_the_product_is_that_of_the_formula(make: type[Squared], known: bool) -> None:
    """f0 + J_W s (B A), differentiated by autograd with the stored J_W."""
    method = LoRA(rank=2, alpha=6, targets=("*.c_attn", "*.1.mlp.*"))
    attached, prepared = problem("gpt2-conv1d", method)
    whole = jacobian(Attached(attached.prompted, Weights(method.targets)), prepared)
    start = attached.outputs(attached.start, prepared)
    stored = StoredTangent(whole, start) if known else None
    loss, world = make(LABELS, CLASSES), ProductPrimal(attached, prepared, stored)
    rows = torch.tensor([3, 0, 4])
    for name, value in direction(attached, 7).items():
        world.values[name] += 0.1 * value
    leaves = {name: value.clone().requires_grad_() for name, value in world.values.items()}
    expected = start[rows]
    for name, part in whole.items():
        layer = name.removesuffix(":weight")
        product = 3 * (leaves[f"{layer}:B"] @ leaves[f"{layer}:A"])
        # This model stores its weights transposed.
        expected = expected + torch.einsum("bkoi,io->bk", part[rows], product)
    check(world, rows, loss, leaves, expected)


def check(
    world: Primal | ProductPrimal, rows: torch.Tensor, loss: Loss, leaves: Vector, expected: torch.Tensor
) -> None:
    """Hold outputs and gradient against outputs with a graph to the leaves."""
    outputs, gradient = world.gradient(rows, loss)
    torch.testing.assert_close(outputs, expected.detach(), rtol=1e-10, atol=1e-12)
    assert list(gradient) == list(world.values)
    grads = torch.autograd.grad(loss.value(expected, rows), list(leaves.values()))
    for name, grad in zip(leaves, grads, strict=True):
        torch.testing.assert_close(gradient[name], grad, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["opt", "gpt2-conv1d", "falcon-in-place"])
@pytest.mark.parametrize("pattern", ["*", "*.1.*"])
def test_both_linearisations_of_lora_take_the_same_first_step(name: str, pattern: str) -> None:
    layers = fnmatch.filter(tunable_layers(function(name).pretrained.model), pattern)
    attached, prepared = problem(name, LoRA(rank=2, targets=layers))
    recipe = Recipe(learning_rate=1e-3, steps=1, strength=0.1)
    after = []
    for world in (Primal(attached, prepared), ProductPrimal(attached, prepared)):
        list(descend(world, Squared(LABELS, CLASSES), recipe))
        after.append(world.values)
    for key, value in after[0].items():
        torch.testing.assert_close(after[1][key], value, rtol=1e-10, atol=1e-13)
        assert torch.equal(value, attached.start[key]) == key.endswith(":A")


def test_the_product_lets_both_factors_move() -> None:
    attached, prepared = problem("opt", LoRA(rank=2, targets=None))
    world = ProductPrimal(attached, prepared)
    list(descend(world, Squared(LABELS, CLASSES), Recipe(learning_rate=1e-3, steps=2)))
    moved = {key: world.values[key] - attached.start[key] for key in world.values}
    assert norm({key: value for key, value in moved.items() if key.endswith(":A")}) > 0


@pytest.mark.parametrize("method", [Weights(), DoRA(rank=2, targets=None), "with factors"])
def test_only_lora_at_its_start_is_a_product(method: Method | str) -> None:
    if isinstance(method, str):
        layer = "model.decoder.layers.0.fc1"
        method = LoRA(rank=2, targets=[layer], down={layer: torch.ones(2, 16)}, up={layer: torch.ones(24, 2)})
    attached, prepared = problem("opt", method)
    with pytest.raises(InputError, match="must be LoRA at its usual start"):
        ProductPrimal(attached, prepared)
