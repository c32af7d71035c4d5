"""What a step does to the outputs: by kernels, by features, and as it turns out, to first order."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lintune import theory
from lintune.descent import Vector, norm
from lintune.errors import InputError
from lintune.kernels import AsymmetricSignGD, contrasts, tangent_kernels
from lintune.linearized import jacobian
from lintune.linearized.features import gram
from lintune.methods import Weights
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.tasks import Examples, Prompt
from tests.studies.test_few_shot import sentences
from tests.tiny import pretrained

WORDS = ("terrible", "great", "dull")
LABELS = np.array([1, 0, 1, 0])
TRAIN, PROBES = slice(0, 2), slice(2, 4)
Direction = Callable[[Vector, torch.Tensor], Vector]
DIRECTIONS: list[Direction] = [theory.descent_direction, theory.sign_direction]


def prompted(classes: int) -> PromptedModel:
    # A model that computes all in float64.
    prompt = Prompt("{text} . it was {label} .", WORDS[:classes])
    return PromptedModel(pretrained("gpt2-conv1d"), prompt, longest=32)


def problem(classes: int) -> tuple[Attached, Prepared, Vector, torch.Tensor]:
    """Return a function, four examples, their derivatives and their chi."""
    attached = Attached(prompted(classes), Weights())
    prepared = attached.prepare(sentences(0, 4))
    outputs = attached.outputs_on(attached.start, prepared)
    return attached, prepared, jacobian(attached, prepared), theory.output_derivative(outputs, LABELS)


def rows(features: Vector, chosen: slice) -> Vector:
    return {name: part[chosen] for name, part in features.items()}


def moved(attached: Attached, prepared: Prepared, direction: Vector, rate: float) -> np.ndarray:
    """Return the change `(n, k)` of the outputs with a step."""
    there = {name: value - rate * direction[name] for name, value in attached.start.items()}
    change = attached.outputs_on(there, prepared) - attached.outputs_on(attached.start, prepared)
    return change.numpy()


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_output_derivative_is_that_of_the_cross_entropy(classes: int) -> None:
    outputs = torch.randn(6, classes - 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = np.arange(6) % classes
    leaf = outputs.clone().requires_grad_()
    logits = leaf @ torch.as_tensor(contrasts(classes)).T
    torch.nn.functional.cross_entropy(logits, torch.as_tensor(labels), reduction="sum").backward()
    found = theory.output_derivative(outputs, labels)
    assert leaf.grad is not None
    torch.testing.assert_close(found, leaf.grad, rtol=1e-12, atol=1e-14)
    assert found.norm(dim=1).max() <= 2**0.5


def test_with_two_classes_its_sign_is_that_of_the_label() -> None:
    outputs = torch.tensor([[-9.0], [0.0], [9.0]], dtype=torch.float64)
    for label in (0, 1):
        slopes = theory.output_derivative(outputs, np.full(3, label))
        assert (slopes.sign() == -torch.as_tensor(contrasts(2))[label].sign()).all()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_error_of_the_first_order_falls_with_the_square_of_the_rate(
    direction: Direction, batch: int, classes: int
) -> None:
    attached, prepared, features, slopes = problem(classes)
    along = direction(rows(features, slice(0, batch)), slopes[:batch])
    # The same length of the first step for both, so that one range of rates suits both.
    rates = 0.005 / norm(along) * 0.5 ** np.arange(8)
    errors = []
    for rate in rates:
        predicted = theory.change_along(features, along, rate)
        errors.append(np.linalg.norm(moved(attached, prepared, along, rate) - predicted))
    slope = np.polyfit(np.log(rates), np.log(errors), 1)[0]
    assert slope == pytest.approx(2, abs=0.1)
    over_square = np.array(errors) / rates**2
    assert over_square.max() < 1.5 * over_square.min()


@pytest.mark.parametrize("classes", [2, 3])
def test_kernel_and_features_say_the_same_of_gradient_descent(classes: int) -> None:
    _, _, features, slopes = problem(classes)
    train, probes = rows(features, TRAIN), rows(features, PROBES)
    by_kernel = theory.sgd_change(gram(train, probes).numpy(), slopes[TRAIN].numpy(), 0.3)
    along = theory.descent_direction(train, slopes[TRAIN])
    np.testing.assert_allclose(by_kernel, theory.change_along(probes, along, 0.3), rtol=1e-10)


def test_kernel_and_features_say_the_same_of_signgd_on_one_output() -> None:
    _, _, features, slopes = problem(2)
    few = sentences(0, 4)
    kernels = tangent_kernels(
        prompted(2),
        Examples(few.fields[:2], few.labels[:2]),
        Examples(few.fields[2:], few.labels[2:]),
        methods={"signgd": AsymmetricSignGD(Weights())},
        outputs=contrasts(2),
    )
    kernel = kernels.cross["signgd"].total()
    for row in (0, 1):
        along = theory.sign_direction(rows(features, slice(row, row + 1)), slopes[row : row + 1])
        by_features = theory.change_along(rows(features, PROBES), along, 0.3)
        by_kernel = theory.signgd_change(kernel[row : row + 1], float(slopes[row]), 0.3)
        np.testing.assert_allclose(by_kernel, by_features, rtol=1e-9)
        assert float(slopes[0]) * float(slopes[1]) < 0  # both signs are met


def test_the_sign_of_a_sum_is_no_sum_of_signs() -> None:
    _, _, features, slopes = problem(3)
    kernel = np.zeros((1, 2, 2, 2))
    for place in range(2):
        one = {name: part[0, place].sign() for name, part in features.items()}
        kernel[0, place] = -theory.change_along(rows(features, PROBES), one, 1.0)
    along = theory.sign_direction(rows(features, slice(0, 1)), slopes[:1])
    change = theory.change_along(rows(features, PROBES), along, 1.0)
    signs = slopes[0].sign().numpy()
    apart = change + np.einsum("cmd,c->md", kernel[0], signs)
    assert np.linalg.norm(apart) > 0.1 * np.linalg.norm(change)
    for shape in ((1, 2, 2, 2), (2, 1, 2, 1)):
        with pytest.raises(InputError, match="one example and one output"):
            theory.signgd_change(np.zeros(shape), 1.0, 0.1)


def test_the_bound_holds_and_is_met_where_curvature_is_even() -> None:
    # f = L/2 ||theta||^2 + <b, theta> has the Hessian L I: along a sign step the bound is met.
    curvature, rate, parameters = 3.0, 0.1, 4
    draw = torch.Generator().manual_seed(0)
    slope = torch.randn(parameters, generator=draw, dtype=torch.float64)
    theta = torch.zeros(parameters, dtype=torch.float64)

    def function(point: torch.Tensor) -> float:
        return float(curvature / 2 * point.square().sum() + slope @ point)

    for step in (1, 2, 3):
        there = theta - rate * slope.sign()
        error = abs(function(there) - function(theta) - float(slope @ (there - theta)))
        bound = theory.sign_step_error(curvature=curvature, parameters=parameters, rate=rate, step=step)
        assert error == pytest.approx(bound, rel=1e-9)
        theta = there


def test_errors_of_all_steps_add_up_to_the_gap_of_the_linearisation() -> None:
    each = [theory.sign_step_error(curvature=2.0, parameters=9, rate=0.1, step=t) for t in (1, 2, 3)]
    assert sum(each) == pytest.approx(theory.function_gap(curvature=2.0, drift=3 * 0.1 * 3))


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="labels=3"):
        theory.output_derivative(torch.zeros(2, 1), np.zeros(3, dtype=int))
    with pytest.raises(InputError, match="kernel of shape"):
        theory.sgd_change(np.zeros((2, 1, 3, 1)), np.zeros((1, 1)), 0.1)
    with pytest.raises(InputError, match="step=0"):
        theory.sign_step_error(curvature=1.0, parameters=1, rate=0.1, step=0)
    with pytest.raises(InputError, match="rate=-1"):
        theory.sign_step_error(curvature=1.0, parameters=1, rate=-1.0)
