"""What no solver's answer may depend on: the order of examples, and what the classes are called."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from lintune.solvers import Asymmetric, LeastSquares, Logistic, Solver, SupportVectors
from tests.solvers.problems import Problem, problem

SOLVERS: dict[str, Solver] = {
    "least squares": LeastSquares(0.01, 0.1),
    "logistic": Logistic(0.01, 1.0),
    "support vectors": SupportVectors(10.0),
    "asymmetric": Asymmetric(5.0, 0.3),
}
# The machines of scikit-learn stop at a tolerance; the others are exact.
ROUNDING = {name: 1e-5 if name == "support vectors" else 1e-8 for name in SOLVERS}


def scores(solver: Solver, given: Problem) -> np.ndarray:
    fitted = solver.fit(given.kernel, given.logits, given.labels)
    return fitted.scores(given.cross, given.new_logits, given.flipped)


@pytest.mark.parametrize("name", SOLVERS)
@drawn(classes=st.integers(2, 4), seed=st.integers(0, 2**32 - 1), lopsided=st.booleans())
@settings(max_examples=15)
def test_order_of_examples_and_names_of_classes(name: str, classes: int, seed: int, lopsided: bool) -> None:
    rng = np.random.default_rng(seed)
    symmetric = not lopsided or name in ("logistic", "support vectors")
    given = problem(classes, symmetric=symmetric, seed=seed)
    found = scores(SOLVERS[name], given)
    order = rng.permutation(given.train)
    np.testing.assert_allclose(scores(SOLVERS[name], given.reordered(order)), found, atol=ROUNDING[name])
    renaming = rng.permutation(classes)
    renamed = scores(SOLVERS[name], given.renamed(renaming))
    np.testing.assert_allclose(renamed, found[:, renaming], atol=ROUNDING[name])


@pytest.mark.parametrize("name", SOLVERS)
def test_the_unit_of_the_kernel_and_a_constant_on_all_logits(name: str) -> None:
    given = problem(3)
    found = scores(SOLVERS[name], given)
    scaled = Problem(30 * given.rows, 30 * given.columns, given.all_logits + 7, given.all_labels, given.train)
    np.testing.assert_allclose(scores(SOLVERS[name], scaled), found, atol=ROUNDING[name])


def test_the_renaming_of_these_tests_turns_the_kernel_as_renamed_logits_would() -> None:
    """The kernel of all logits, contrasts put back, has its classes permuted."""
    given, renaming = problem(4, symmetric=False), np.array([2, 0, 3, 1])
    basis = given.basis
    whole, renamed = (
        np.einsum("icjd,ac,bd->iajb", each.everything, basis, basis)
        for each in (given, given.renamed(renaming))
    )
    np.testing.assert_allclose(renamed, whole[:, renaming][:, :, :, renaming], atol=1e-10)
