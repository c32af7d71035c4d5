"""Products without the kernel against products with it, and what eigenvalue solvers make of them."""

from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator, aslinearoperator, eigsh

from lintune.errors import InputError
from lintune.kernels import SignGD, contrasts, flat, operator, tangent_kernels
from lintune.kernels.operator import KernelOperator
from lintune.kernels.spectra import spectral_density, top_eigenvalues
from lintune.methods import IA3, Biases, DoRA, Full, LoRA, Method, Norms, Weights
from lintune.prompted import PromptedModel
from tests.kernels.test_engine import PROMPT, examples
from tests.tiny import pretrained

CASES: list[tuple[str, Method]] = [
    ("llama", Full()),
    ("qwen2", Full()),  # the head shares the embedding's table
    ("bert", Full()),
    ("llama", LoRA(rank=2)),
    ("llama", DoRA(rank=2)),
    ("llama", IA3()),
    ("bert", Biases()),
    ("qwen3-qk-norm", Norms()),
]


def dense(prompted: PromptedModel, method: Method, outputs: np.ndarray | None = None) -> np.ndarray:
    kernels = tangent_kernels(prompted, examples(), methods=[method], outputs=outputs)
    return flat(kernels.train[method.name].total())


def spread(size: int = 120) -> tuple[LinearOperator, np.ndarray]:
    """Return an operator whose eigenvalues fall over six decades, and these, descending."""
    values = 10.0 ** -np.linspace(0, 6, size)
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((size, size)))[0]
    return aslinearoperator(basis * values @ basis.T), values


@pytest.mark.parametrize("memory", [6_000_000_000, 1], ids=["together", "in parts"])
@pytest.mark.parametrize(("model", "method"), CASES, ids=lambda case: getattr(case, "name", case))
def test_products_are_those_of_the_kernel(model: str, method: Method, memory: int) -> None:
    prompted = PromptedModel(pretrained(model), PROMPT, longest=32)
    kernel = dense(prompted, method)
    found = KernelOperator(prompted, examples(), method=method, batch_tokens=14, memory=memory)
    several = np.random.default_rng(0).standard_normal((15, 2))
    atol = 1e-11 * float(np.abs(kernel).max())
    np.testing.assert_allclose(found @ several, kernel @ several, rtol=1e-9, atol=atol)
    assert found.passes == (1 if memory > 1 else 2 * 2)  # no room for two columns at once
    np.testing.assert_allclose(found.rmatvec(several[:, 1]), kernel @ several[:, 1], rtol=1e-9, atol=atol)
    np.testing.assert_allclose(found.trace(), np.trace(kernel), rtol=1e-9)


@pytest.mark.parametrize("room", [1, 5_000, 1 << 28])
def test_columns_in_several_steps(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    prompted = PromptedModel(pretrained("qwen2"), PROMPT, longest=32)
    monkeypatch.setattr(operator, "_ROOM", room)
    found = KernelOperator(prompted, examples(), method=Full())
    np.testing.assert_allclose(found @ np.eye(15), dense(prompted, Full()), rtol=1e-9, atol=1e-12)
    assert found.passes == 1


def test_of_contrasts_and_of_recomputing() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    found = KernelOperator(prompted, examples(), method=Full(), outputs=contrasts(3), recompute=True)
    assert found.shape == (10, 10)
    np.testing.assert_allclose(
        found @ np.eye(10), dense(prompted, Full(), contrasts(3)), rtol=1e-9, atol=1e-12
    )


def test_float32_model_gives_symmetric_products() -> None:
    prompted = PromptedModel(pretrained("llama", torch.float32), PROMPT, longest=32)
    found = KernelOperator(prompted, examples(), method=Weights()) @ np.eye(15)
    assert found.dtype == np.float64
    assert np.abs(found - found.T).max() < 1e-5 * np.abs(found).max()


@pytest.mark.parametrize("count", [1, 2, 4, 15])
def test_top_eigenvalues_of_a_kernel(count: int) -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    kernel = dense(prompted, Weights())
    found = top_eigenvalues(
        KernelOperator(prompted, examples(), method=Weights()), count, tolerance=1e-8, iterations=60
    )
    expected = np.linalg.eigvalsh(kernel)[::-1][:count]
    np.testing.assert_allclose(found.values, expected, rtol=1e-6, atol=1e-10 * expected[0])
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(count), atol=1e-8)
    assert (found.residuals <= 1e-7 * expected[0]).all()


def test_scipys_lanczos_takes_the_operator() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    found = eigsh(KernelOperator(prompted, examples(), method=LoRA(rank=2)), 3, return_eigenvectors=False)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(dense(prompted, LoRA(rank=2)))[-3:], rtol=1e-8)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 12), seed=st.integers(0, 1000), iterations=st.integers(1, 30))
def test_residuals_bound_the_error_converged_or_not(count: int, seed: int, iterations: int) -> None:
    made, values = spread()
    found = top_eigenvalues(made, count, tolerance=1e-6, iterations=iterations, seed=seed)
    distance = np.abs(found.values[:, None] - values).min(axis=1)
    assert (distance <= found.residuals + 1e-12).all()
    assert (np.diff(found.values) <= 0).all()


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_spectral_density(scale: Literal["log", "linear"]) -> None:
    made, values = spread()
    found = spectral_density(made, steps=30, repeats=20, scale=scale)
    np.testing.assert_allclose(np.trapezoid(found.density, found.grid), 1, rtol=0.05)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-9)
    # Moments are exact for each starting vector; their spread is that of the starts.
    mean = (found.weights * found.nodes).sum(axis=1).mean()
    np.testing.assert_allclose(mean, values.mean(), rtol=0.15)
    if scale == "log":
        below = found.grid < 1e-3
        share = np.trapezoid(found.density[below], found.grid[below])
        np.testing.assert_allclose(share, (values < 1e-3).mean(), atol=0.1)


def test_spectral_density_of_a_kernel_takes_one_pass_a_step_and_one() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    made = KernelOperator(prompted, examples(), method=Weights())
    found = spectral_density(made, steps=10, points=50)
    assert made.passes == 11
    largest = np.linalg.eigvalsh(dense(prompted, Weights()))[-1]
    np.testing.assert_allclose(found.nodes.max(), largest, rtol=1e-3)
    assert found.grid.shape == found.density.shape == (50,)
    again = spectral_density(made, steps=10, points=50)
    np.testing.assert_array_equal(again.density, found.density)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"method": SignGD(Weights())}, "by signs"),
        ({"memory": 0}, "memory=0"),
        ({"batch_tokens": 0}, "batch_tokens=0"),
        ({"outputs": np.eye(2)}, "one row for each of 3 logits"),
    ],
)
def test_bad_operators_are_refused(kwargs: dict, message: str) -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    with pytest.raises(InputError, match=message):
        KernelOperator(prompted, examples(), **{"method": Weights()} | kwargs)


@pytest.mark.parametrize(
    ("function", "kwargs", "message"),
    [
        (top_eigenvalues, {"count": 0}, "count=0"),
        (top_eigenvalues, {"count": 121}, "count=121 must be from 1 to 120"),
        (top_eigenvalues, {"count": 2, "tolerance": 0.0}, "tolerance=0.0"),
        (spectral_density, {"steps": 1}, "steps=1"),
        (spectral_density, {"repeats": 0}, "repeats=0"),
        (spectral_density, {"scale": "logarithmic"}, "scale='logarithmic'"),
        (spectral_density, {"floor": 0.0}, "floor=0.0"),
    ],
)
def test_bad_arguments_are_refused(function, kwargs: dict, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        function(spread()[0], **kwargs)


@pytest.mark.parametrize("power", [-12, 0, 8])
def test_many_steps_find_every_eigenvalue_whatever_the_scale(power: int) -> None:
    made, values = spread()
    found = spectral_density(made * 10.0**power, steps=120, repeats=2)
    expected = np.broadcast_to(values[::-1], (2, 120))
    np.testing.assert_allclose(found.nodes / 10.0**power, expected, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("values", [[1e-9, 3e-9], [2.0]])
def test_steps_beyond_the_number_of_different_eigenvalues_add_nothing(values: list[float]) -> None:
    made = aslinearoperator(np.diag(np.repeat(values, 9)))
    found = spectral_density(made, steps=6, repeats=3)
    for nodes, weights in zip(found.nodes, found.weights, strict=True):
        real = weights > 1e-12
        np.testing.assert_allclose(np.sort(nodes[real]), values, rtol=1e-9)
        np.testing.assert_allclose(weights[real].sum(), 1, rtol=1e-9)
    assert np.isfinite(found.density).all()


def test_zero_has_no_spread() -> None:
    with pytest.raises(InputError, match="operator is zero"):
        spectral_density(aslinearoperator(np.zeros((9, 9))), steps=4)


def test_errors_of_a_product_arrive() -> None:
    def product(x: np.ndarray) -> np.ndarray:
        raise InputError("no product")

    with pytest.raises(InputError, match="no product"):
        spectral_density(LinearOperator((9, 9), product, dtype=np.float64), steps=4)
