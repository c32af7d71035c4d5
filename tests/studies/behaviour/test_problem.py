"""A problem's kernels are the tangent kernels of what is trained, and its examples stay apart."""

import numpy as np
import pytest
import torch

from lintune.kernels import AsymmetricSignGD, SignGD, contrasts, tangent_kernels
from lintune.linearized import StoredTangent
from lintune.methods import Method, Tangents, Weights
from lintune.prompted import Classifier, PromptedModel, probed
from lintune.studies.behaviour import ASYMMETRIC, HEAD, KERNELS, PROMPT, SGD, SIGNGD, Problem, draw
from lintune.studies.behaviour.problem import together
from lintune.tangents import top_layers
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

MODEL = pretrained("llama")
LAYERS = top_layers(MODEL.model, 1)


def start(function: str, classes: int) -> tuple[Classifier, Method]:
    tiny = task(classes)
    if function == PROMPT:
        return PromptedModel(MODEL, tiny.prompt, 32), Weights(LAYERS)
    return probed(MODEL, draw(tiny, 3, 0, 5).train, classes, 32), Weights((*LAYERS, "head"))


@pytest.mark.parametrize("function", [PROMPT, HEAD])
@pytest.mark.parametrize("classes", [2, 3])
def test_kernels_are_the_tangent_kernels(function: str, classes: int) -> None:
    few = draw(task(classes), 3, 0, 5, 2)
    classifier, method = start(function, classes)
    problem = Problem.of(classifier, method, few, KERNELS)
    basis = contrasts(classes)
    methods: dict[str, Tangents] = {
        SGD: method,
        SIGNGD: SignGD(method),
        ASYMMETRIC: AsymmetricSignGD(method),
    }
    # Of several classes signs are taken of the gradients of logits, of two of their one contrast.
    direct = tangent_kernels(
        classifier,
        few.train,
        together(few.validation, few.test),
        methods=methods,
        outputs=basis if classes == 2 else None,
    )
    turn = np.eye(1) if classes == 2 else basis
    n, k, m = 3 * classes, classes - 1, 2 * classes + 5
    for name in KERNELS:
        for found, wanted, columns in (
            (problem.gram(name), direct.train[name].total(), n),
            (problem.cross(name), direct.cross[name].total(), m),
        ):
            assert found.shape == (n, k, columns, k)
            expected = np.einsum("icjd,cp,dq->ipjq", wanted, turn, turn)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(problem.start, direct.cross_logits @ basis, rtol=1e-9)


@pytest.mark.parametrize("stored", [True, False])
def test_the_tangent_of_the_training_examples_is_that_of_the_network(
    stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not stored:
        monkeypatch.setattr("lintune.studies.behaviour.problem._STORED", 0)
    classifier, method = start(PROMPT, 3)
    problem = Problem.of(classifier, method, draw(task(3), 2, 0, 5), (SGD,))
    assert isinstance(problem.tangent, StoredTangent) == stored
    outputs = torch.ones(6, 2, dtype=torch.float64)
    pulled = problem.tangent.pulled(outputs, range(6))
    # J J^T is the kernel.
    _, pushed = problem.tangent.pushed(pulled)
    expected = problem.gram(SGD).reshape(12, 12).sum(axis=1).reshape(6, 2)
    np.testing.assert_allclose(pushed.numpy(), expected, rtol=1e-4)


def test_the_gram_matrix_is_that_of_the_head_too() -> None:
    few = draw(task(), 3, 0, 5)
    classifier, method = start(HEAD, 2)
    whole = Problem.of(classifier, method, few, (SGD,)).gram(SGD)
    without = Problem.of(classifier, Weights(LAYERS), few, (SGD,)).gram(SGD)
    alone = Problem.of(classifier, Weights(("head",)), few, (SGD,)).gram(SGD)
    np.testing.assert_allclose(whole, without + alone, rtol=1e-9, atol=1e-12)
    assert np.trace(alone[:, 0, :, 0]) > 0


def test_test_examples_prepared_for_one_draw_serve_another() -> None:
    first, second = draw(task(), 3, 0, 5), draw(task(), 3, 1, 5)
    known = Problem.of(*start(PROMPT, 2), first, (SGD,)).known
    reused = Problem.of(*start(PROMPT, 2), second, (SGD,), known)
    fresh = Problem.of(*start(PROMPT, 2), second, (SGD,))
    np.testing.assert_array_equal(reused.cross(SGD), fresh.cross(SGD))
    np.testing.assert_array_equal(reused.start, fresh.start)


def test_other_examples_are_validation_and_then_test() -> None:
    few = draw(task(3), 3, 0, 5, 2)
    classifier, method = start(PROMPT, 3)
    problem = Problem.of(classifier, method, few, (SGD,))
    basis = contrasts(3)
    np.testing.assert_allclose(problem.start[:6], classifier.predict(few.validation).numpy() @ basis)
    np.testing.assert_allclose(problem.start[6:], classifier.predict(few.test).numpy() @ basis)
    assert (len(problem.validation), len(problem.test), len(problem.others)) == (6, 5, 11)
