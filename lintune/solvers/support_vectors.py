"""Support vector machines on the kernel between examples."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.svm import SVC

from lintune.solvers.arguments import (
    check_cross,
    check_every_class,
    check_positive,
    check_problem,
    operator_norm,
    symmetric_gram,
)
from lintune.spectrum import example_kernel


@dataclass(frozen=True)
class FittedSupportVectors:
    """Support vector machines, one per pair of classes.

    Attributes:
        machine: scikit-learn's machines.
        norm: What kernels are divided by.
        training: Number n of training examples and k of outputs.
    """

    machine: SVC
    norm: float
    training: tuple[int, int]

    def scores(self, cross: np.ndarray, logits: np.ndarray, flipped: np.ndarray | None = None) -> np.ndarray:
        """Return class scores `(m, C)`; the largest is the prediction.

        For two classes minus and plus the decision function; for more the votes of the pairs, and between
        equal votes their confidences.

        Args:
            cross: `(n, k, m, k)` kernel between training and new examples.
            logits: `(m, C)` of the new examples; only their shape is read.
            flipped: Not read.

        Raises:
            InputError: Shapes do not fit, or the kernel is not finite.
        """
        check_cross(cross, logits, self.training, "cross")
        found = self.machine.decision_function(example_kernel(cross).T / self.norm)
        return np.asarray(np.stack([-found, found], axis=1) if found.ndim == 1 else found)


@dataclass(frozen=True)
class SupportVectors:
    """Support vector machines of scikit-learn, one per pair of classes, with an intercept each.

    They take one number per pair of examples: the trace over outputs, sum_c K[i, c, j, c], the inner product
    of the two Jacobians. Up to a factor it is the one linear map from the blocks of K to numbers that does
    not depend on the basis of the contrasts. What it loses is which output a gradient belongs to: a machine
    weighs the whole Jacobian of an example freely, where a move of the model's weights acts on every output
    through that output's own gradient. With two classes there is one output and nothing is lost.

    The pretrained answer f0 is not used.

    Attributes:
        penalty: On what falls short of the margin, scikit-learn's `C`, for the kernel between examples over
            its operator norm; positive.
    """

    penalty: float
    name: ClassVar[str] = "support vectors"

    def __post_init__(self) -> None:
        """Refuse bad hyper-parameters."""
        check_positive("penalty", self.penalty)

    def fit(self, kernel: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> FittedSupportVectors:
        """Fit to training examples.

        Args:
            kernel: `(n, k, n, k)`, symmetric up to rounding.
            logits: `(n, C)`; only their shape is read.
            labels: `(n,)` classes from 0 to C-1, each at least once.

        Raises:
            InputError: Shapes do not fit, a label is out of range, a class has no example, or the kernel is
                zero, not finite or not symmetric.
        """
        check_problem(kernel, logits, labels)
        check_every_class(labels, logits.shape[1])
        gram = example_kernel(symmetric_gram(kernel, self.name).reshape(kernel.shape))
        norm = operator_norm(gram)
        # The tolerance is far below the default, so that the answer does not depend on the order of examples.
        machine = SVC(C=self.penalty, kernel="precomputed", tol=1e-8)
        return FittedSupportVectors(machine.fit(gram / norm, labels), norm, kernel.shape[:2])
