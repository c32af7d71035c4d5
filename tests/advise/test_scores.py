"""Scores: each against a computation of its own."""

from functools import cache

import numpy as np
import pytest
import torch
from scipy import linalg

from lintune.advise import SCORES, Candidate, Forecast, forecast, halves, scores
from lintune.descent import loss_for
from lintune.kernels import contrasts
from lintune.methods.attached import Attached
from lintune.solvers import fit
from tests.advise.problem import CANDIDATES, RECIPE, function, jacobian, of_classes, seen, sight

N, CLASSES = 9, 3
K = CLASSES - 1
LABELS = np.arange(N) % CLASSES
BASIS = contrasts(CLASSES)
LOGITS = np.random.default_rng(1).normal(size=(N, CLASSES))
# Gradients of contrasts that know a little of the labels, in more dimensions than there are outputs.
_J = np.einsum("ncp,ck->nkp", jacobian(3, N, CLASSES, 40), BASIS) + 0.1 * BASIS[LABELS][..., None]
KERNEL = np.einsum("ikp,jlp->ikjl", _J, _J)
GRAM = KERNEL.reshape(N * K, N * K)


@cache
def predicted() -> Forecast:
    return forecast(sight(KERNEL), LOGITS, LABELS, RECIPE, rates=[0.01, 0.1], repeats=2)


@cache
def said() -> dict[str, float]:
    return scores(sight(KERNEL), LOGITS, LABELS, predicted(), repeats=2, seed=4)


def solved(mine: np.ndarray, others: np.ndarray, ridge: float, offset: float) -> np.ndarray:
    """Return what regression from some examples says of others, `(m, k)`, by solving its equations."""
    gram = KERNEL[mine][:, :, mine].reshape(len(mine) * K, -1)
    residual = (BASIS[LABELS[mine]] - offset * LOGITS[mine] @ BASIS).ravel()
    dual = np.linalg.solve(gram + ridge * np.eye(len(gram)), residual)
    cross = KERNEL[others][:, :, mine].reshape(len(others) * K, -1)
    return offset * LOGITS[others] @ BASIS + (cross @ dual).reshape(-1, K)


def wrong(outputs: np.ndarray, labels: np.ndarray) -> float:
    return float(((outputs @ BASIS.T).argmax(axis=1) != labels).mean())


def test_every_score_is_there_and_no_other() -> None:
    assert list(said()) == [score.name for score in SCORES]
    assert len({score.name for score in SCORES}) == len(SCORES)
    assert {score.sign for score in SCORES} == {-1, 1}
    assert all(score.says for score in SCORES)
    assert any(score.cheap for score in SCORES)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)
@pytest.mark.parametrize("classes", [2, 3])
def test_scores_of_real_kernels_are_numbers(candidate: Candidate, classes: int) -> None:
    look = seen(classes)
    found = forecast(look.at(candidate), look.logits, look.labels, RECIPE, rates=[1e-3, 1e-2])
    told = scores(look.at(candidate), look.logits, look.labels, found)
    # A kernel of fewer directions than outputs is singular; that has a name.
    assert all(np.isfinite(value) for name, value in told.items() if name != "condition number")
    assert told["condition number"] >= 1
    for name in ("leave-one-out error", "regression error", "predicted held-out error"):
        assert 0 <= told[name] <= 1
    assert 0 < told["effective dimension"] <= len(look.labels) * (classes - 1)
    assert -1 <= told["alignment"] <= 1


def test_what_the_forecast_says_is_passed_on() -> None:
    assert said()["predicted held-out loss"] == predicted().held_loss
    assert said()["predicted training loss"] == predicted().train_loss
    assert said()["predicted held-out error"] == (predicted().predicted != LABELS).mean()
    assert said()["parameters"] == 100


def test_leaving_one_out_is_fitting_again_without_it() -> None:
    found = fit(KERNEL, LOGITS, LABELS)
    outputs = np.concatenate(
        [
            solved(np.delete(np.arange(N), place), np.array([place]), found.ridge, found.offset)
            for place in range(N)
        ]
    )
    assert said()["leave-one-out loss"] == pytest.approx(((outputs - BASIS[LABELS]) ** 2).mean(), rel=1e-9)
    assert said()["leave-one-out error"] == pytest.approx(wrong(outputs, LABELS), abs=1e-12)


def test_from_half_to_half_by_hand() -> None:
    losses, errors = [], []
    for mine, others in halves(LABELS, 2, 4):
        found = fit(KERNEL[mine][:, :, mine], LOGITS[mine], LABELS[mine])
        outputs = solved(mine, others, found.ridge, found.offset)
        losses.append(((outputs - BASIS[LABELS[others]]) ** 2).mean())
        errors.append(wrong(outputs, LABELS[others]))
    assert said()["regression loss"] == pytest.approx(np.mean(losses), rel=1e-9)
    assert said()["regression error"] == pytest.approx(np.mean(errors), abs=1e-12)


def test_the_spectrum() -> None:
    values = linalg.svdvals(_J.reshape(N * K, -1)) ** 2
    assert said()["trace"] == pytest.approx(values.sum())
    assert said()["condition number"] == pytest.approx(values.max() / values.min(), rel=1e-6)
    free = values / (values + 0.01 * values.mean())
    assert said()["effective dimension"] == pytest.approx(free.sum())
    scaled = _J.reshape(N * K, -1) / np.linalg.norm(_J.reshape(N * K, -1), axis=1)[:, None]
    expected = np.log(linalg.eigvalsh(scaled @ scaled.T) + 0.01).sum()
    assert said()["log determinant"] == pytest.approx(expected, rel=1e-9)


def test_alignment_is_the_correlation_of_centred_kernels() -> None:
    centre = np.eye(N) - 1 / N
    one = centre @ sum(KERNEL[:, c, :, c] for c in range(K)) @ centre
    two = centre @ (LABELS[:, None] == LABELS) @ centre
    cosine = (one * two).sum() / np.sqrt((one**2).sum() * (two**2).sum())
    assert said()["alignment"] == pytest.approx(cosine, rel=1e-10)


def test_a_kernel_of_the_labels_is_aligned_and_learns() -> None:
    own = np.einsum("ij,cd->icjd", (LABELS[:, None] == LABELS).astype(float), np.eye(K))
    found = forecast(sight(own), LOGITS, LABELS, RECIPE, rates=[0.1])
    told = scores(sight(own), LOGITS, LABELS, found)
    assert told["alignment"] == pytest.approx(1)
    assert told["condition number"] == np.inf
    assert told["regression error"] == told["leave-one-out error"] == 0


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)
@pytest.mark.parametrize("classes", [2, 3])
def test_gradient_norm_and_fisher_trace_are_those_of_the_attached_model(
    candidate: Candidate, classes: int
) -> None:
    prompted, examples, look = function(classes=classes), of_classes(classes), seen(classes)
    attached = Attached(prompted, candidate.method(prompted.pretrained.model))
    prepared = attached.prepare(examples)
    loss = loss_for("cross-entropy", examples.labels, classes)
    leaves = {name: value.clone().requires_grad_() for name, value in attached.start.items()}
    each = []
    for row in range(len(examples)):
        value = loss.value(attached.outputs(leaves, prepared, [row]), torch.tensor([row]))
        grads = torch.autograd.grad(value, list(leaves.values()), materialize_grads=True)
        each.append(torch.cat([grad.flatten() for grad in grads]))
    gradients = torch.stack(each)
    found = forecast(look.at(candidate), look.logits, look.labels, RECIPE, rates=[1e-3])
    told = scores(look.at(candidate), look.logits, look.labels, found)
    # The norms of llama are computed in float32.
    assert told["gradient norm"] == pytest.approx(gradients.sum(0).norm().item(), rel=1e-5)
    assert told["Fisher trace"] == pytest.approx(gradients.square().sum().item(), rel=1e-5)
