"""The linear twin of a run: the linearised model, trained by the same recipe on the same batches."""

from typing import Protocol

import torch

from lintune.descent import Recipe, Vector, World, difference
from lintune.errors import InputError
from lintune.finetune.setup import Setup
from lintune.finetune.shares import SharedTangent, outputs_on
from lintune.kernels import TangentKernels, ranks, tangent_kernels
from lintune.linearized import Dual, LinearModel, StoredTangent, Tangent, TangentModel, tangent_of
from lintune.methods.attached import Attached, Prepared


class Twin(Protocol):
    """A linear model in training."""

    @property
    def world(self) -> World:
        """What to descend."""
        ...

    def train_outputs(self) -> torch.Tensor:
        """Return the outputs of the training examples now, `(n, C - 1)` float64 on the CPU."""
        ...

    def test_outputs(self) -> torch.Tensor:
        """Return the outputs of the test examples now, `(m, C - 1)` float64 on the CPU."""
        ...

    def displacement(self) -> Vector:
        """Return theta - theta_0."""
        ...


class DualTwin:
    """The twin of (mini-batch, momentum) gradient descent, from Gram matrices alone."""

    def __init__(self, setup: Setup, kernels: TangentKernels) -> None:
        """Take the kernels of the attached method, of contrasts, with the test examples as others.

        Raises:
            InputError: The kernels are of another method, of other outputs or of other examples.
        """
        attached = setup.attached
        _check(kernels, setup)
        gram, cross = (side[attached.method.name].total() for side in (kernels.train, kernels.cross))
        basis = attached.basis.cpu().numpy()
        self.world = Dual(gram, kernels.train_logits @ basis)
        self._cross = cross
        self._test = kernels.cross_logits @ basis
        self._tangent = _shared(TangentModel(attached, setup.train), attached, setup.train)

    def train_outputs(self) -> torch.Tensor:
        """Return the outputs of the training examples."""
        return self.world.outputs()

    def test_outputs(self) -> torch.Tensor:
        """Return the outputs of the test examples."""
        return self.world.outputs_on(self._cross, self._test)

    def displacement(self) -> Vector:
        """Return J^T alpha, by one backward pass."""
        return self._tangent.pulled(self.world.values["alpha"])


class FeatureTwin:
    """The twin of any recipe, in the parameters: for Adam, signs, and what projects tensor by tensor.

    The features of the training examples are stored, being used at every step; those of the test examples
    are not: what the displacement does to their outputs is one forward-mode pass whenever it is asked for.
    """

    def __init__(self, setup: Setup, memory: int = 4_000_000_000) -> None:
        """Differentiate the outputs of the training examples for all parameters.

        Args:
            setup: What is trained.
            memory: Most bytes that stored features may take. Those of more training examples are not
                stored, and every step differentiates the network again.

        Raises:
            InputError: The model has no forward-mode derivative, and features of the test examples would
                not fit in memory.
        """
        attached = setup.attached
        train = tangent_of(attached, setup.train, often=True, memory=memory)
        test = tangent_of(attached, setup.test, often=False, memory=memory)
        self.world = LinearModel(attached.start, _shared(train, attached, setup.train))
        self._test = _shared(test, attached, setup.test)

    def train_outputs(self) -> torch.Tensor:
        """Return the outputs of the training examples."""
        return self._outputs(self.world.tangent)

    def test_outputs(self) -> torch.Tensor:
        """Return the outputs of the test examples."""
        return self._outputs(self._test)

    def displacement(self) -> Vector:
        """Return theta - theta_0."""
        return difference(self.world.values, self.world.start)

    def _outputs(self, tangent: Tangent) -> torch.Tensor:
        start, change = tangent.pushed(self.displacement())
        return (start + change).double().cpu()


def twin_of(setup: Setup, recipe: Recipe, kernels: TangentKernels | None = None) -> Twin:
    """Return the twin that a recipe needs.

    Args:
        setup: What is trained.
        recipe: How both are trained.
        kernels: Kernels of the method among the training examples and with the test examples, of
            contrasts, where they are known; of no use to a recipe that leaves the span of the gradients.
    """
    in_span = recipe.optimiser == "sgd" and (not recipe.strength or recipe.pull != "projection")
    penalised = setup.attached.penalty is not None
    if not in_span or penalised or (recipe.strength and recipe.anchor == "zero"):
        return FeatureTwin(setup)
    if kernels is None:
        kernels = tangent_kernels(
            setup.attached.prompted,
            setup.split.train,
            setup.split.test,
            methods=[setup.attached.method],
            outputs=setup.attached.basis.cpu().numpy(),
            by_layer=False,
        )
    return DualTwin(setup, kernels)


def _shared(tangent: Tangent, attached: Attached, prepared: Prepared) -> Tangent:
    """Let several processes share what takes passes through the network, and nothing else.

    Features that are stored are found and held by every process: that takes about as long as one step with
    all examples, and products with them less than sending a gradient would.
    """
    if ranks.count() == 1 or isinstance(tangent, StoredTangent):
        return tangent
    return SharedTangent(tangent, len(prepared), attached.prompted.device)


def _check(kernels: TangentKernels, setup: Setup) -> None:
    """Refuse kernels that are not of this method and these examples."""
    name, n, m = setup.attached.method.name, len(setup.train), len(setup.test)
    if name not in kernels.train:
        raise InputError(f"kernels hold {sorted(kernels.train)}, not {name!r}, which is trained.")
    k = setup.attached.basis.shape[1]
    shape = kernels.cross[name].blocks.shape[1:]
    if shape != (n, k, m, k):
        raise InputError(
            f"the kernel with other examples is {shape}; for the test examples it is {(n, k, m, k)}."
        )
    start = outputs_on(setup.attached, setup.attached.start, setup.train).double().cpu()
    logits = torch.as_tensor(kernels.train_logits)
    apart = (logits @ setup.attached.basis.cpu() - start).abs().max()
    if apart > 1e-3 * logits.abs().max():
        raise InputError("kernels are of other training examples, or in another order: their logits differ.")
