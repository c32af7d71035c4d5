"""Scores against their definitions, chance against every possible guess."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.metrics import METRICS, Metric, chance, score

pairs = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1).map(np.array)


@given(pairs)
def test_scores_are_their_definitions(pair: np.ndarray) -> None:
    labels, predicted = pair.T
    assert score("accuracy", labels, predicted) == pytest.approx((labels == predicted).mean())
    hits = (labels & predicted).sum()
    precision, recall = hits / max(predicted.sum(), 1), hits / max(labels.sum(), 1)
    expected = 2 * precision * recall / (precision + recall) if hits else 0.0
    assert score("f1", labels, predicted) == pytest.approx(expected)


def test_class_1_is_the_positive_one() -> None:
    labels, predicted = np.array([0, 1, 1, 1]), np.array([1, 1, 1, 1])
    assert score("f1", labels, predicted) == pytest.approx(6 / 7)
    assert score("f1", 1 - labels, 1 - predicted) == 0.0


@pytest.mark.parametrize("labels", [[1, 0, 0], [1, 1, 0, 1], [0, 0], [1, 1, 1]])
@pytest.mark.parametrize("metric", METRICS)
def test_chance_is_the_mean_over_every_guess(metric: Metric, labels: list[int]) -> None:
    guesses = itertools.product([0, 1], repeat=len(labels))
    scores = [score(metric, np.array(labels), np.array(guess)) for guess in guesses]
    assert chance(metric, np.array(labels), 2) == pytest.approx(np.mean(scores))


def test_chance_of_f1_with_many_examples() -> None:
    """MRPC's validation split is about that unbalanced: 279 of 408."""
    labels = np.repeat([0, 1], [129_000, 279_000])
    share = 279 / 408
    assert chance("f1", labels, 2) == pytest.approx(2 * share / (2 * share + 1), abs=1e-5)


def test_chance_of_accuracy_does_not_ask_for_the_frequencies() -> None:
    assert chance("accuracy", np.array([0, 0, 0]), 3) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("metric", "labels", "predicted", "complaint"),
    [
        ("mcc", [0, 1], [0, 1], "metric='mcc' is not known. Accepted: accuracy, f1"),
        ("accuracy", [0, 1], [0], r"predicted of shape \(1,\) does not fit labels of shape \(2,\)"),
        ("accuracy", [], [], r"labels of shape \(0,\)"),
        ("accuracy", [[0]], [[0]], r"must be \(n,\) class ids"),
        ("accuracy", [0.0], [0], "type float64 must be"),
        ("accuracy", [-1], [0], "integers from 0"),
        ("f1", [0, 2], [0, 1], "metric='f1' is for the classes 0 and 1; there is a class 2"),
        ("f1", [0, 1], [0, 2], "there is a class 2"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    metric: Metric, labels: list[int], predicted: list[int], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        score(metric, np.array(labels), np.array(predicted))


def test_chance_needs_classes_that_fit() -> None:
    with pytest.raises(InputError, match="classes=2 does not fit the label 2"):
        chance("accuracy", np.array([0, 2]), 2)
    with pytest.raises(InputError, match="metric='f1' is for two classes, not classes=3"):
        chance("f1", np.array([0, 1]), 3)
