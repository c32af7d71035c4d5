"""One function on one draw, ready to be trained, linearised and regressed on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lintune.kernels import (
    AsymmetricSignGD,
    SignGD,
    TangentKernels,
    contrast_kernels,
    contrasts,
)
from lintune.linearized import Tangent, tangent_of
from lintune.methods import Method, Tangents
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import Classifier
from lintune.studies.behaviour.draws import Draw
from lintune.tasks import Examples

SGD, SIGNGD, ASYMMETRIC = "K(SGD)", "K(SignGD)", "K(A-SignGD)"
KERNELS = (SGD, SIGNGD, ASYMMETRIC)
# Most bytes of a stored Jacobian; a larger one is differentiated again at every step.
_STORED = 4_000_000_000


@dataclass(frozen=True, eq=False)
class Problem:
    """A function with a method attached, its kernels, and the examples of a draw.

    Attributes:
        attached: The function of the trained parameters.
        train: The n training examples, prepared.
        others: The validation and then the test examples, prepared.
        known: The test examples alone, prepared.
        labels: `(n,)` classes of the training examples.
        validation: `(v,)` classes of the validation examples.
        test: `(m,)` classes of the test examples.
        kernels: By name among `KERNELS`, of contrasts, among the training and with the other examples.
    """

    attached: Attached
    train: Prepared
    others: Prepared
    known: Prepared
    labels: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    kernels: TangentKernels

    @classmethod
    def of(
        cls,
        function: Classifier,
        method: Method,
        draw: Draw,
        kernels: Sequence[str],
        test: Prepared | None = None,
    ) -> "Problem":
        """Attach a method, run the frozen blocks once for all examples, and compute kernels.

        Args:
            function: A prompted model, or one with a fresh head.
            method: What is trained.
            draw: The examples.
            kernels: Names in `KERNELS`.
            test: The test examples, where they were prepared for another draw.

        Raises:
            InputError: The method does not fit the model, or cannot be trained.
        """
        attached = Attached(function, method)
        known = attached.prepare(draw.test) if test is None else test
        train, others = attached.prepare(draw.train), attached.prepare(draw.validation) + known
        return cls(
            attached,
            train,
            others,
            known,
            draw.train.labels,
            draw.validation.labels,
            draw.test.labels,
            contrast_kernels(
                function,
                draw.train,
                together(draw.validation, draw.test),
                methods={name: _seen_by(name, method) for name in kernels},
                by_layer=False,
                prepared=(train, others),
            ),
        )

    @cached_property
    def tangent(self) -> Tangent:
        """What the Jacobian of the training outputs does to vectors, for training in the parameters."""
        return tangent_of(self.attached, self.train, often=True, memory=_STORED)

    @cached_property
    def other_tangent(self) -> Tangent:
        """The same of the other outputs, for a look in the end."""
        return tangent_of(self.attached, self.others, often=False)

    def gram(self, kernel: str) -> np.ndarray:
        """Return a kernel `(n, k, n, k)` among the training examples."""
        return self.kernels.train[kernel].total()

    def cross(self, kernel: str) -> np.ndarray:
        """Return a kernel `(n, k, v + m, k)` between training and other examples."""
        return self.kernels.cross[kernel].total()

    @property
    def train_start(self) -> np.ndarray:
        """Outputs of the training examples before training, contrasts `(n, k)`."""
        return np.asarray(self.kernels.train_logits @ contrasts(self.kernels.train_logits.shape[1]))

    @property
    def start(self) -> np.ndarray:
        """Outputs of the other examples before training, contrasts `(v + m, k)`."""
        return np.asarray(self.kernels.cross_logits @ contrasts(self.kernels.cross_logits.shape[1]))


def together(first: Examples, second: Examples) -> Examples:
    """Return the examples of both, in order."""
    return Examples((*first.fields, *second.fields), np.concatenate([first.labels, second.labels]))


def _seen_by(kernel: str, method: Method) -> Tangents:
    """Return the method as an optimiser sees it."""
    seen: dict[str, Tangents] = {SGD: method, SIGNGD: SignGD(method), ASYMMETRIC: AsymmetricSignGD(method)}
    return seen[kernel]
