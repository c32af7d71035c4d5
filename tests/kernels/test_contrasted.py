"""Kernels of contrasts: the same by another way where no sign is taken, and no order of the classes."""

import numpy as np
import pytest

from lintune.kernels import AsymmetricSignGD, SignGD, contrast_kernels, contrasts, flat, tangent_kernels
from lintune.methods import Tangents, Weights
from lintune.prompted import PromptedModel
from lintune.tasks import Examples, Prompt
from tests.tiny import pretrained

WORDS = ("terrible", "great", "dull")
TEXTS = Examples.from_fields([{"text": text} for text in ("a good film", "dull", "the plot was long")])
METHODS: dict[str, Tangents] = {
    "sgd": Weights(),
    "signgd": SignGD(Weights()),
    "asymmetric": AsymmetricSignGD(Weights()),
}


def prompted(words: tuple[str, ...]) -> PromptedModel:
    return PromptedModel(pretrained("llama"), Prompt("{text} . it was {label} .", words), longest=32)


@pytest.mark.parametrize("method", METHODS)
def test_renaming_the_classes_turns_the_kernel_with_them(method: str) -> None:
    order = [2, 0, 1]
    plain, renamed = (
        contrast_kernels(prompted(words), TEXTS, methods=METHODS).train[method].total()
        for words in (WORDS, tuple(WORDS[place] for place in order))
    )
    basis = contrasts(3)
    turn = basis.T @ basis[order]  # from contrasts of the classes as they were to those of the renamed
    expected = np.einsum("ncmd,pc,qd->npmq", plain, turn, turn)
    np.testing.assert_allclose(renamed, expected, rtol=0, atol=1e-9 * np.abs(plain).max())


def test_of_two_classes_signs_are_of_the_difference_of_the_logits() -> None:
    function = prompted(WORDS[:2])
    found = contrast_kernels(function, TEXTS, methods=METHODS)
    expected = tangent_kernels(function, TEXTS, methods=METHODS, outputs=contrasts(2))
    for method in METHODS:
        np.testing.assert_array_equal(found.train[method].blocks, expected.train[method].blocks)


def test_without_signs_it_is_the_kernel_of_contrasts_layer_by_layer() -> None:
    function = prompted(WORDS)
    found = contrast_kernels(function, TEXTS, TEXTS.take([1]), methods=METHODS)
    expected = tangent_kernels(function, TEXTS, TEXTS.take([1]), methods=[Weights()], outputs=contrasts(3))
    for side in ("train", "cross"):
        one, other = getattr(found, side)["sgd"], getattr(expected, side)["weights"]
        assert one.layers == other.layers
        np.testing.assert_allclose(one.blocks, other.blocks, rtol=0, atol=1e-6 * other.blocks.max())


def test_the_symmetric_sign_kernel_stays_positive_semidefinite() -> None:
    gram = flat(contrast_kernels(prompted(WORDS), TEXTS, methods=METHODS).train["signgd"].total())
    values = np.linalg.eigvalsh(gram)
    assert values[0] >= -1e-9 * values[-1]
