"""Support vector machines against scikit-learn's on explicit features."""

import numpy as np
import pytest
from sklearn.svm import SVC

from lintune.errors import InputError
from lintune.solvers import SupportVectors
from tests.solvers.problems import problem


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("penalty", [1.0, 100.0])
def test_they_are_linear_machines_on_the_whole_jacobian(classes: int, penalty: float) -> None:
    given = problem(classes)
    jacobians = given.rows.reshape(len(given.rows), -1)
    train, new = jacobians[: given.train], jacobians[given.train :]
    norm = np.linalg.norm(train @ train.T, 2)
    peer = SVC(C=penalty / norm, kernel="linear", tol=1e-10).fit(train, given.labels)
    found = SupportVectors(penalty).fit(given.kernel, given.logits, given.labels)
    scores = found.scores(given.cross, given.new_logits)
    decision = peer.decision_function(new)
    expected = decision if classes > 2 else np.stack([-decision, decision], axis=1)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_array_equal(scores.argmax(axis=1), peer.predict(new))


def test_bad_arguments_are_refused() -> None:
    given, other = problem(3), problem(3, symmetric=False)
    with pytest.raises(InputError, match="penalty=-1 must be positive"):
        SupportVectors(-1)
    with pytest.raises(InputError, match="symmetric for support vectors"):
        SupportVectors(1.0).fit(other.kernel, other.logits, other.labels)
    with pytest.raises(InputError, match="each of 3 classes at least 1 times"):
        SupportVectors(1.0).fit(given.kernel, given.logits, np.minimum(given.labels, 1))
    fitted = SupportVectors(1.0).fit(given.kernel, given.logits, given.labels)
    with pytest.raises(InputError, match="cross must be"):
        fitted.scores(given.cross[:3], given.new_logits)
