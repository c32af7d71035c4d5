"""Baselines on cases whose answer is known."""

import numpy as np
import pytest

from lintune import baselines
from lintune.tasks import Examples


def test_majority_class_comes_from_the_training_split() -> None:
    assert baselines.majority(np.array([0, 1, 1]), np.array([1, 0, 0, 1])) == 0.5
    assert baselines.majority(np.array([0, 0, 1]), np.array([1, 1, 1, 0])) == 0.25
    assert baselines.majority(np.array([0, 1, 1]), np.array([1, 0, 0, 1]), "f1") == pytest.approx(2 / 3)
    assert baselines.majority(np.array([0, 0, 1]), np.array([1, 1, 1, 0]), "f1") == 0.0


def test_calibration_takes_the_bias_of_words_out() -> None:
    logits = np.array([[5.0, 0.5], [5.0, -0.5]])
    assert baselines.zero_shot(logits).tolist() == [0, 0]
    assert baselines.calibrated_zero_shot(logits, np.array([[5.0, 0.0]])).tolist() == [1, 0]


def test_words_that_tell_the_class_are_found() -> None:
    texts = ["good film", "good plot", "fine good story", "bad film", "bad plot", "very bad story"]
    train = Examples(tuple({"text": text} for text in texts), np.array([1, 1, 1, 0, 0, 0]))
    test = Examples(({"text": "a bad actor"}, {"text": "a good actor"}), np.array([0, 1]))
    assert baselines.tfidf(train, test, seed=0).tolist() == [0, 1]
