"""Sign gradient descent: steps by hand, zeros that stay, the pull inside the sign, Adam's first step."""

import pytest
import torch

from lintune.descent import Recipe, Squared, descend
from lintune.descent.signgd import SignGD
from tests.descent.test_loop import LABELS, TWO, run
from tests.descent.worlds import Function, bent, linear


def test_a_step_moves_every_coordinate_by_the_learning_rate_and_none_without_a_gradient() -> None:
    leaf = torch.tensor([1.0, -2.0, 3.0, 4.0], dtype=torch.float64)
    untouched = torch.ones(2)
    leaf.grad = torch.tensor([1e-30, -7.0, 0.0, -0.0], dtype=torch.float64)
    SignGD([leaf, untouched], lr=0.25).step()
    assert leaf.tolist() == [0.75, -1.75, 3.0, 4.0]
    assert untouched.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("strength", [0.0, 3.0])
def test_the_sign_is_that_of_the_gradient_with_the_pull(strength: float) -> None:
    world, rate = linear(), 0.02
    other, turned = Function(world.start, world.function), 0
    for _ in range(6):
        gradient = other.gradient(torch.arange(6), Squared(LABELS, 3))[1]
        for name, part in gradient.items():
            whole = part + strength * (other.values[name] - other.start[name])
            turned += int((whole.sign() != part.sign()).sum())
            other.values[name] = other.values[name] - rate * whole.sign()
    found = run(world, Recipe(rate, 6, optimiser="signgd", strength=strength))[1][-1]
    for name, value in other.values.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-14)
    assert bool(turned) == bool(strength)  # the pull decides some of the signs


def test_the_first_step_is_that_of_adam() -> None:
    ends = []
    for optimiser in ("signgd", "adam"):
        world = bent()
        list(descend(world, Squared(TWO, 2), Recipe(0.01, 1, optimiser=optimiser)))
        ends.append(world.values)
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=0, atol=1e-8)
