"""Logistic regression against scikit-learn on explicit features, and by its own conditions of optimality."""

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression

from lintune.errors import InputError
from lintune.solvers import Logistic
from tests.solvers.problems import Problem, problem, separable


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("strength", [1e-3, 1e-1])
def test_a_kernel_of_examples_is_that_of_scikit_learn(classes: int, strength: float) -> None:
    """Where outputs share no features, K is a kernel of examples times the identity."""
    given = separable(classes)
    points = given.rows[:, 0, : given.rows.shape[-1] // (classes - 1)]
    norm = np.linalg.norm(given.gram, 2)
    # scikit-learn fits two classes by one vector w, the difference of the two classes' weights: the length of
    # their contrast is |w| / sqrt(2).
    penalty = strength * norm / (2 if classes == 2 else 1)
    peer = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-12, max_iter=100_000)
    peer.fit(points[: given.train], given.labels)
    found = Logistic(strength).fit(given.kernel, given.logits, given.labels)
    scores = found.scores(given.cross, given.new_logits)
    expected = peer.predict_proba(points[given.train :])
    np.testing.assert_allclose(special.softmax(scores, axis=1), expected, atol=2e-6)


def _slope(given: Problem, dual: np.ndarray, strength: float, offset: float) -> np.ndarray:
    """Return the objective's gradient in the weights `(p,)`."""
    weights = given.features.T @ dual.ravel()
    outputs = offset * given.logits @ given.basis + (given.features @ weights).reshape(dual.shape)
    missed = given.basis[given.labels] - special.softmax(outputs @ given.basis.T, axis=1) @ given.basis
    return strength * np.linalg.norm(given.gram, 2) * weights - given.features.T @ missed.ravel()


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("strength", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("offset", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("p", [7, 60])
def test_the_gradient_in_the_weights_is_zero(classes: int, strength: float, offset: float, p: int) -> None:
    given = problem(classes, p=p)
    found = Logistic(strength, offset).fit(given.kernel, given.logits, given.labels)
    assert np.abs(_slope(given, found.dual, strength, offset)).max() < 1e-7


def test_the_objective_is_least() -> None:
    """A general optimiser on the objective as it is written ends at the same outputs."""
    given, strength = problem(3), 0.01
    norm = np.linalg.norm(given.gram, 2)

    def objective(dual: np.ndarray) -> float:
        learnt = given.gram @ dual
        logits = (given.logits @ given.basis + learnt.reshape(-1, 2)) @ given.basis.T
        entropy = -special.log_softmax(logits, axis=1)[np.arange(given.train), given.labels].sum()
        return float(entropy + strength * norm / 2 * dual @ learnt)

    found = Logistic(strength, 1.0).fit(given.kernel, given.logits, given.labels)
    peer = optimize.minimize(objective, np.zeros(len(given.gram)))
    assert objective(found.dual.ravel()) <= peer.fun + 1e-12
    np.testing.assert_allclose(given.gram @ peer.x, given.gram @ found.dual.ravel(), atol=1e-3)


def test_what_a_kernel_cannot_reach_is_left_alone() -> None:
    """An example whose gradients vanish keeps its pretrained answer."""
    given = problem(3)
    rows = given.rows.copy()
    rows[given.train] = 0
    given = Problem(rows, rows, given.all_logits, given.all_labels, given.train)
    found = Logistic(0.1, 1.0).fit(given.kernel, given.logits, given.labels)
    scores = special.softmax(found.scores(given.cross, given.new_logits)[0])
    np.testing.assert_allclose(scores, special.softmax(given.new_logits[0]), atol=1e-12)


def test_bad_arguments_are_refused() -> None:
    given, other = problem(3), problem(3, symmetric=False)
    with pytest.raises(InputError, match="strength=0 must be positive"):
        Logistic(0)
    with pytest.raises(InputError, match="offset=nan"):
        Logistic(1.0, np.nan)
    with pytest.raises(InputError, match="symmetric for logistic"):
        Logistic(1.0).fit(other.kernel, other.logits, other.labels)
    with pytest.raises(InputError, match="semidefinite"):
        Logistic(1.0).fit(-given.kernel, given.logits, given.labels)
    with pytest.raises(InputError, match="finite"):
        Logistic(1.0).fit(given.kernel * np.inf, given.logits, given.labels)
