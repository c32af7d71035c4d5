"""A few-shot problem with LoRA of one scale on it, ready to be run beside its linear twin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lintune import spectrum
from lintune.descent import Vector, loss_for
from lintune.descent.losses import LossName
from lintune.finetune import Setup
from lintune.kernels import TangentKernels, contrasts, flat, tangent_kernels
from lintune.linearized import jacobian
from lintune.linearized.features import gram
from lintune.methods import LoRA
from lintune.methods.attached import Prepared
from lintune.prompted import PromptedModel
from lintune.tasks import FewShot


@dataclass(frozen=True, eq=False)
class Problem:
    """What all runs from one start share.

    Attributes:
        setup: LoRA on the model, training and test examples.
        kernels: Of contrasts, among the training and with the test examples.
        start: `(n, C - 1)` outputs of the training examples at the start, float64.
        test: `(m, C - 1)` those of the test examples.
    """

    setup: Setup
    kernels: TangentKernels
    start: torch.Tensor
    test: torch.Tensor

    @property
    def sides(self) -> tuple[tuple[str, Prepared, torch.Tensor], ...]:
        """Training and test examples by name, prepared, with their outputs at the start."""
        return (("train", self.setup.train, self.start), ("test", self.setup.test, self.test))

    @property
    def kernel(self) -> np.ndarray:
        """The flat kernel K_0 `(N, N)` of the training examples, float64."""
        return flat(self.kernels.train[self.setup.attached.method.name].total())

    @property
    def largest(self) -> float:
        """The largest eigenvalue l_1 of K_0."""
        return float(spectrum.eigenvalues(self.kernel)[0])

    def start_loss(self, name: LossName) -> float:
        """Return the loss of the training examples at the start."""
        loss = loss_for(name, self.setup.split.train.labels, self.setup.attached.prompted.classes)
        return float(loss.value(self.start, torch.arange(loss.n)))

    def kernel_drift(self, values: Vector) -> float:
        """Return ||K - K_0||_F / ||K_0||_F at a point, from a Jacobian of the training outputs there."""
        there = flat(gram(jacobian(self.setup.attached, self.setup.train, values)).numpy())
        return float(np.linalg.norm(there - self.kernel) / np.linalg.norm(self.kernel))


def problems(prompted: PromptedModel, split: FewShot, methods: Sequence[LoRA]) -> list[Problem]:
    """Attach each method; one capture gives all kernels, and frozen blocks are run once."""
    named: Mapping[str, LoRA] = {str(place): method for place, method in enumerate(methods)}
    captured = tangent_kernels(
        prompted, split.train, split.test, methods=named, outputs=contrasts(prompted.classes), by_layer=False
    )
    found: list[Problem] = []
    for place, method in named.items():
        setup = found[0].setup.with_method(method) if found else Setup.of(prompted, method, split)
        # Scales of one rank share a name.
        train, cross = ({method.name: each[place]} for each in (captured.train, captured.cross))
        kernels = replace(captured, train=train, cross=cross)
        start, test = (
            setup.attached.outputs_on(setup.attached.start, side).double().cpu()
            for side in (setup.train, setup.test)
        )
        found.append(Problem(setup, kernels, start, test))
    return found
