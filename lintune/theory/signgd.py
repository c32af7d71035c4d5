"""What one step of an optimiser does to the outputs, by its kernel (Malladi et al., 2023, sections 3 and 4).

Outputs are contrasts of logits, k = C - 1 of them. To first order a step moves them by <grad f(x), step>.
With gradient descent the step is a combination of the gradients of the examples trained on, so the change is
read off a kernel (Definition 3.4). With SignGD it is one where a single output is trained on a single example
(Theorem 4.3). The sign of a combination of several gradients is no combination of their signs, and the change
needs the gradients themselves; that case, and the bounds of the error, are ours.
"""

import numpy as np
import torch

from lintune.descent import CrossEntropy, Vector
from lintune.errors import InputError
from lintune.linearized import StoredTangent
from lintune.theory.closeness import function_gap


def output_derivative(outputs: torch.Tensor, labels: np.ndarray) -> torch.Tensor:
    """Return chi, the derivative of the cross-entropy for the outputs (Malladi et al., 2023, Definition 3.1).

    It is softmax(logits) minus the one-hot label, in contrasts.

    Args:
        outputs: `(b, C - 1)` contrasts of the logits.
        labels: `(b,)` classes.

    Returns:
        `(b, C - 1)`, like the outputs. Its norm is at most sqrt(2).

    Raises:
        InputError: The labels are not classes, or not as many as the outputs.
    """
    if len(labels) != len(outputs):
        raise InputError(f"labels={len(labels)} must be as many as the outputs, {len(outputs)}.")
    return CrossEntropy(labels, outputs.shape[1] + 1).slope(outputs, torch.arange(len(labels)))


def sgd_change(kernel: np.ndarray, slopes: np.ndarray, rate: float) -> np.ndarray:
    """Return what a step of gradient descent does to outputs, by K(SGD) (Definition 3.4).

    Args:
        kernel: `(b, k, m, k)` tangent kernel; rows are the examples trained on, as everywhere.
        slopes: chi `(b, k)` of these.
        rate: Learning rate eta, on the sum of their losses.

    Returns:
        `(m, k)`, the change -eta sum_i K(x, x_i) chi_i of each output to first order.

    Raises:
        InputError: The shapes do not fit.
    """
    _check_kernel(kernel, slopes)
    return np.asarray(-rate * np.einsum("bcmd,bc->md", kernel, slopes))


def signgd_change(kernel: np.ndarray, slope: float, rate: float) -> np.ndarray:
    """Return what a step of SignGD on one example does to the only output, by K(A-SignGD) (Theorem 4.3).

    Args:
        kernel: `(1, 1, m, 1)` kernel <sign grad f(x_t), grad f(x)>, as `lintune.kernels.AsymmetricSignGD`
            gives it: the row is the example trained on.
        slope: chi of that example.
        rate: Learning rate eta.

    Returns:
        `(m, 1)`, the change -eta sign(chi) K(x, x_t) to first order.

    Raises:
        InputError: There are several outputs or several examples, for which no kernel gives the change.
    """
    if kernel.shape[:2] != (1, 1) or kernel.shape[3:] != (1,):
        raise InputError(
            f"kernel of shape {kernel.shape} must be (1, 1, m, 1), one example and one output: the sign of a "
            "sum of gradients is no sum of their signs; use `change_along` with `sign_direction`."
        )
    return np.asarray(-rate * np.sign(slope) * kernel[0, 0])


def descent_direction(features: Vector, slopes: torch.Tensor) -> Vector:
    """Return the gradient J^T chi of the loss of some examples.

    Args:
        features: J of these examples, by parameter `(b, k, *shape)`.
        slopes: chi `(b, k)`.
    """
    return StoredTangent(features, slopes).pulled(slopes)


def sign_direction(features: Vector, slopes: torch.Tensor) -> Vector:
    """Return sign(J^T chi), along which SignGD steps, with sign(0) = 0 (Definition 4.1).

    Args:
        features: J of the examples trained on, by parameter `(b, k, *shape)`.
        slopes: chi `(b, k)`.
    """
    return {name: part.sign() for name, part in descent_direction(features, slopes).items()}


def change_along(features: Vector, direction: Vector, rate: float) -> np.ndarray:
    """Return the first-order change of outputs when the parameters move by -rate * direction.

    Args:
        features: Derivatives of these outputs, by parameter `(m, k, *shape)`.
        direction: Tensors like the parameters, such as `sign_direction` or `descent_direction`.
        rate: Learning rate eta.

    Returns:
        `(m, k)` -eta <grad f(x), direction>, float64; the products of each tensor are summed in its own
        precision.
    """
    products = [(part.flatten(2) @ direction[name].flatten().to(part)) for name, part in features.items()]
    return np.asarray(-rate * sum(each.double().cpu().numpy() for each in products))


def sign_step_error(*, curvature: float, parameters: int, rate: float, step: int = 1) -> float:
    """Return how far an output's change in a step of SignGD may be from <grad f(x; theta_0), step> (ours).

    It is (t - 1/2) eta^2 P L: a step has at most the length eta sqrt(P), and t - 1 steps have led at most
    t - 1 times as far. In the first step it bounds the error of Theorem 4.3. The signs are those of the step
    that is taken; later ones may be others than those of the gradient at the start.

    Args:
        curvature: L, the largest norm of the output's Hessian on the way.
        parameters: P, the number of parameters with a gradient.
        rate: Learning rate eta.
        step: t, from 1.

    Raises:
        InputError: An argument is negative, or the step is below 1.
    """
    if step < 1:
        raise InputError(f"step={step} must be at least 1.")
    for name, value in (("parameters", parameters), ("rate", rate)):
        if value < 0:
            raise InputError(f"{name}={value} must not be negative.")
    # 2 t - 1 = t^2 - (t - 1)^2: what the t-th step adds to the gap of the linearisation at the start.
    return (2 * step - 1) * function_gap(curvature=curvature, drift=rate * parameters**0.5)


def _check_kernel(kernel: np.ndarray, slopes: np.ndarray) -> None:
    b, k = slopes.shape
    if kernel.ndim != 4 or kernel.shape[:2] != (b, k) or kernel.shape[3] != k:
        raise InputError(f"kernel of shape {kernel.shape} must be ({b}, {k}, m, {k}) for these slopes.")
