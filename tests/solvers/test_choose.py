"""The choice by cross-validation: what it sees, what it takes, what it refuses."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from lintune.errors import InputError
from lintune.solvers import CANDIDATES, Asymmetric, LeastSquares, Logistic, Solver, SupportVectors, choose
from tests.solvers.problems import problem, separable


@dataclass
class Watched:
    """A solver that notes what it is given, and answers 0 for every class but those it is told."""

    answers: np.ndarray
    name: str = "watched"
    seen: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    asked: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]] = field(default_factory=list)

    def fit(self, kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> "Watched":
        self.seen.append((kernel, labels))
        return self

    def scores(self, cross: np.ndarray, logits: np.ndarray, flipped: np.ndarray | None = None) -> np.ndarray:
        self.asked.append((cross, logits, flipped))
        return np.tile(self.answers, (len(logits), 1))


def test_each_fold_is_scored_by_a_fit_without_it() -> None:
    """The kernel and the logits hold the numbers of their examples, so what was given can be read off."""
    n, labels = 9, np.arange(9) % 3
    kernel = np.ones((n, 2, n, 2)) * (10.0 * np.arange(n)[:, None, None, None] + np.arange(n)[:, None])
    logits = np.repeat(np.arange(n, dtype=float)[:, None], 3, axis=1)
    solver = Watched(np.zeros(3))
    choose([solver], kernel, logits, labels, folds=3, seed=1)
    assert len(solver.asked) == 3
    assert len(solver.seen) == 4  # a fit per fold, and the last on everything
    np.testing.assert_array_equal(solver.seen[-1][0], kernel)
    held_ever: list[int] = []
    for (inner, inner_labels), (cross, held_logits, flipped) in zip(solver.seen, solver.asked, strict=False):
        held = held_logits[:, 0].astype(int)
        train = np.setdiff1d(np.arange(n), held)
        np.testing.assert_array_equal(inner, kernel[train][:, :, train])
        np.testing.assert_array_equal(inner_labels, labels[train])
        np.testing.assert_array_equal(cross, kernel[train][:, :, held])
        np.testing.assert_array_equal(flipped, kernel[held][:, :, train])
        held_ever += held.tolist()
    assert sorted(held_ever) == list(range(n))


def test_the_accuracies_are_those_of_fitting_again() -> None:
    given = problem(3, n=20)
    solver = LeastSquares(0.1, 0.1)
    right = 0
    for train, held in StratifiedKFold(2, shuffle=True, random_state=3).split(given.labels, given.labels):
        part = given.kernel[train][:, :, train]
        fitted = solver.fit(part, given.logits[train], given.labels[train])
        scores = fitted.scores(given.kernel[train][:, :, held], given.logits[held])
        right += int((scores.argmax(axis=1) == given.labels[held]).sum())
    found = choose([solver], given.kernel, given.logits, given.labels, folds=2, seed=3)
    assert found.accuracies == (right / 20,)


GOOD_AND_BAD: dict[str, tuple[Solver, Solver]] = {
    "least squares": (LeastSquares(0.01), LeastSquares(0.01, 1000.0)),  # the bad one keeps random logits
    "logistic": (Logistic(0.01), Logistic(100.0, 1000.0)),
    "support vectors": (SupportVectors(100.0), LeastSquares(1.0, 1000.0)),
    "asymmetric": (Asymmetric(5.0), LeastSquares(1.0, 1000.0)),
}


@pytest.mark.parametrize("name", CANDIDATES)
@pytest.mark.parametrize("turned", [False, True])
def test_the_obviously_right_candidate_is_taken(name: str, turned: bool) -> None:
    given, pair = separable(), GOOD_AND_BAD[name]
    found = choose(pair[::-1] if turned else pair, given.kernel, given.logits, given.labels)
    assert found.solver is pair[0]
    scores = found.fitted.scores(given.cross, given.new_logits)
    expected = pair[0].fit(given.kernel, given.logits, given.labels).scores(given.cross, given.new_logits)
    np.testing.assert_array_equal(scores, expected)
    assert (scores.argmax(axis=1) == given.new_labels).mean() > 0.9
    assert min(found.accuracies) < max(found.accuracies)


@pytest.mark.parametrize("name", CANDIDATES)
def test_all_candidates_of_studies_run(name: str) -> None:
    given = separable()
    found = choose(CANDIDATES[name], given.kernel, given.logits, given.labels, folds=2)
    assert all(solver.name == name for solver in CANDIDATES[name])
    assert found.solver in CANDIDATES[name]
    assert len(found.accuracies) == len(CANDIDATES[name]) == len(set(CANDIDATES[name]))
    assert (
        found.fitted.scores(given.cross, given.new_logits).argmax(axis=1) == given.new_labels
    ).mean() > 0.9


def test_asymmetric_kernels_go_through() -> None:
    given = problem(3, n=20, symmetric=False)
    candidates = (*CANDIDATES["asymmetric"], *CANDIDATES["least squares"])
    found = choose(candidates, given.kernel, given.logits, given.labels)
    assert np.isfinite(found.fitted.scores(given.cross, given.new_logits, given.flipped)).all()


def test_ties_go_to_the_better_aligned_scores_and_then_to_the_first() -> None:
    labels, logits, kernel = np.arange(12) % 3, np.zeros((12, 3)), np.ones((12, 2, 12, 2))
    likes_first, likes_none = Watched(np.array([1.0, 0, 0])), Watched(np.array([0.0, 0, 0]))
    found = choose([likes_none, likes_first, likes_none], kernel, logits, labels)
    assert found.accuracies == (1 / 3, 1 / 3, 1 / 3)
    assert found.cosines == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    rare = np.array([0] * 8 + [1, 1, 2, 2])
    found = choose([likes_none, likes_first, Watched(np.array([8.0, 0, 0]))], kernel, logits, rare)
    assert found.accuracies == (2 / 3, 2 / 3, 2 / 3)
    assert found.solver is likes_first
    assert found.cosines[1] == found.cosines[2] > 0


def test_folds_are_as_many_as_the_rarest_class_allows() -> None:
    solver = Watched(np.zeros(2))
    choose([solver], np.ones((12, 1, 12, 1)), np.zeros((12, 2)), np.array([0] * 9 + [1] * 3))
    assert len(solver.asked) == 3


def test_the_seed_decides_the_folds() -> None:
    given = problem(2, n=30)
    one, same, other = (
        choose(CANDIDATES["least squares"], given.kernel, given.logits, given.labels, seed=seed).cosines
        for seed in (0, 0, 1)
    )
    assert one == same
    assert one != other


def test_bad_arguments_are_refused() -> None:
    given, other = problem(3), problem(3, symmetric=False)
    solvers = [LeastSquares(0.1)]
    with pytest.raises(InputError, match="at least one solver"):
        choose([], given.kernel, given.logits, given.labels)
    with pytest.raises(InputError, match="folds=1 must be at least 2"):
        choose(solvers, given.kernel, given.logits, given.labels, folds=1)
    with pytest.raises(InputError, match="each of 3 classes at least 2 times"):
        choose(solvers, given.kernel[:3, :, :3], given.logits[:3], given.labels[:3])
    with pytest.raises(InputError, match="kernel of shape"):
        choose(solvers, given.kernel[:3], given.logits, given.labels)
    with pytest.raises(InputError, match="symmetric"):
        choose([Logistic(1.0)], other.kernel, other.logits, other.labels)
