"""Projected kernels: unbiased, with an error estimate that can be relied on."""

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.kernels import SignGD, tangent_kernels
from lintune.kernels.projection import Projected, projected_kernels
from lintune.methods import Full, LoRA, Norms, Tangents, Weights
from lintune.prompted import PromptedModel
from tests.kernels.test_engine import PROMPT, TEXTS, examples
from tests.tiny import pretrained


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    return PromptedModel(pretrained("llama"), PROMPT, longest=32)


def relative(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def test_unbiased(prompted: PromptedModel) -> None:
    """The mean of many draws is as near as its own standard error says, and much nearer than one."""
    exact = tangent_kernels(prompted, examples(), methods=[Full()]).train["full"]
    found = projected_kernels(prompted, examples(), method=Full(), inputs=4, gradients=4, repeats=256)
    error = relative(found.train.total(), exact.total())
    assert found.train.layers == exact.layers
    assert error < 0.1
    assert found.train_error / 3 < error < 3 * found.train_error
    for layer, block, expected in zip(exact.layers, found.train.blocks, exact.blocks, strict=True):
        assert relative(block, expected) < 0.35, layer


def test_stated_error_is_honest_on_average(prompted: PromptedModel) -> None:
    exact = tangent_kernels(prompted, examples(TEXTS[:3]), examples(TEXTS[3:]), methods=[Weights()])
    stated, true = [], []
    for seed in range(12):
        found = projected_kernels(
            prompted,
            examples(TEXTS[:3]),
            examples(TEXTS[3:]),
            method=Weights(),
            inputs=8,
            gradients=6,
            repeats=4,
            seed=seed,
        )
        stated.append((found.train_error, found.cross_error))
        true.append(
            (
                relative(found.train.total(), exact.train["weights"].total()),
                relative(found.cross.total(), exact.cross["weights"].total()),
            )
        )
    ratio = np.mean(true, axis=0) / np.mean(stated, axis=0)
    assert ((ratio > 1 / 3) & (ratio < 3)).all()


def test_error_falls_with_the_size(prompted: PromptedModel) -> None:
    errors = [
        projected_kernels(
            prompted, examples(), method=Weights(), inputs=size, gradients=size, repeats=8
        ).train_error
        for size in (2, 12)
    ]
    assert errors[1] < errors[0] / 2


def test_sides_that_are_small_stay_exact(prompted: PromptedModel) -> None:
    exact = tangent_kernels(prompted, examples(), examples(TEXTS[:2]), methods=[Full()])
    found = projected_kernels(
        prompted, examples(), examples(TEXTS[:2]), method=Full(), inputs=64, gradients=64, repeats=2
    )
    np.testing.assert_allclose(found.train.blocks, exact.train["full"].blocks, rtol=1e-12)
    np.testing.assert_allclose(found.cross.blocks, exact.cross["full"].blocks, rtol=1e-12)
    np.testing.assert_allclose(found.cross_logits, exact.cross_logits, rtol=1e-12)
    assert found.train_error < 1e-12


def test_vectors_pass_unchanged_and_seeds_differ(prompted: PromptedModel) -> None:
    methods: dict[str, Tangents] = {
        "norms": Norms(),
        "same": Projected(Norms(), 2, 2),
        "one": Projected(LoRA(rank=2), 4, 4, seed=1),
        "again": Projected(LoRA(rank=2), 4, 4, seed=1),
        "two": Projected(LoRA(rank=2), 4, 4, seed=2),
    }
    kernels = tangent_kernels(prompted, examples(), methods=methods).train
    np.testing.assert_allclose(kernels["same"].blocks, kernels["norms"].blocks, rtol=1e-12)
    np.testing.assert_allclose(kernels["again"].blocks, kernels["one"].blocks, rtol=1e-12)
    assert relative(kernels["two"].total(), kernels["one"].total()) > 0.01
    assert methods["one"].name == "lora-r2-projected-4x4-1"


def test_sum_of_layers_and_no_others(prompted: PromptedModel) -> None:
    found = projected_kernels(
        prompted, examples(), method=Weights(), inputs=4, gradients=4, repeats=2, by_layer=False
    )
    assert found.train.layers == ("all",)
    assert found.cross.blocks.shape == (1, 5, 3, 0, 3)
    assert np.isnan(found.cross_error)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"repeats": 1}, "repeats=1"),
        ({"inputs": 0}, "inputs=0"),
        ({"gradients": 0}, "gradients=0"),
        ({"method": SignGD(Weights())}, "cannot be projected"),
    ],
)
def test_bad_arguments_are_refused(kwargs: dict, message: str, prompted: PromptedModel) -> None:
    with pytest.raises(InputError, match=message):
        projected_kernels(prompted, examples(), **{"method": Weights()} | kwargs)
