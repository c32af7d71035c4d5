"""The flow of matrix pattern constraints, against small steps and automatic differentiation."""

import numpy as np
import pytest
import torch

from lintune.errors import InputError
from lintune.methods import patterns
from lintune.methods.patterns import Pattern
from lintune.theory import flowed, growth_rate, largest_pattern_step, resting_value

WEIGHT = 0.7


def descended(
    b: torch.Tensor, a: torch.Tensor, pattern: Pattern, step: float, steps: int, decay: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return B and A after steps of gradient descent on a penalty and weight decay."""
    for _ in range(steps):
        b, a = b.detach().requires_grad_(), a.detach().requires_grad_()
        value = WEIGHT * patterns.penalty(pattern, b, a) + decay / 2 * (b.square().sum() + a.square().sum())
        for_b, for_a = torch.autograd.grad(value, [b, a])
        b, a = b - step * for_b, a - step * for_a
    return b.detach(), a.detach()


def factors(seed: int, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    b, a = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((7, 3), (3, 5)))
    return size * b, size * a


@pytest.mark.parametrize("decay", [0.0, 1.0, 4 * WEIGHT, 4.0])
def test_the_flow_is_what_small_steps_do(decay: float) -> None:
    b, a = factors(0, 0.2)
    time, steps = 0.8, 1500
    for start, end in zip((b, a), descended(b, a, "o", time / steps, steps, decay), strict=True):
        expected = flowed(torch.linalg.svdvals(start).numpy(), WEIGHT, time, decay)
        np.testing.assert_allclose(torch.linalg.svdvals(end).numpy(), expected, rtol=5e-3)


def test_singular_vectors_stay_under_the_flow() -> None:
    b, a = factors(1, 0.2)
    end, _ = descended(b, a, "o", 1e-3, 500)
    u, _, v = torch.linalg.svd(b, full_matrices=False)
    turned = u.T @ end @ v.T
    assert float((turned - turned.diag().diag()).abs().max()) < 1e-9


@pytest.mark.parametrize(("pattern", "curvature"), [("o", -4.0), ("d", 0.0)])
def test_at_the_start_of_lora_the_gradient_for_b_is_zero_and_the_hessian_a_multiple_of_one(
    pattern: Pattern, curvature: float
) -> None:
    _, a = factors(2, 0.5)
    b = torch.zeros(7, 3, dtype=torch.float64)

    def of_b(flat: torch.Tensor) -> torch.Tensor:
        return patterns.penalty(pattern, flat.reshape(7, 3), a)

    start = b.flatten()
    assert float(torch.func.grad(of_b)(start).abs().max()) == 0
    hessian = torch.func.hessian(of_b)(start)
    torch.testing.assert_close(hessian, curvature * torch.eye(21, dtype=torch.float64))
    assert growth_rate(1.0) == 4


def test_the_diagonal_pattern_never_makes_b_longer() -> None:
    b, a = factors(3, 1.0)
    sizes = [float(b.norm())]
    for _ in range(20):
        b, a = descended(b, a, "d", 1e-3, 5)
        sizes.append(float(b.norm()))
    assert all(later < earlier for earlier, later in zip(sizes, sizes[1:], strict=False))
    # Orthogonal columns rest, whatever their lengths.
    rests = torch.diag(torch.tensor([0.1, 2.0, 3.0], dtype=torch.float64))
    torch.testing.assert_close(descended(rests, a, "d", 1e-3, 5)[0], rests, atol=1e-12, rtol=0)


def test_factors_rest_where_the_decay_leaves_them() -> None:
    late = flowed(np.array([0.1, 1.0, 3.0]), WEIGHT, 50.0, 1.0)
    np.testing.assert_allclose(late, resting_value(WEIGHT, 1.0), rtol=1e-12)
    assert resting_value(WEIGHT) == 1
    assert resting_value(WEIGHT, 4 * WEIGHT) == resting_value(0.0) == 0
    np.testing.assert_allclose(flowed(np.array([0.5]), 0.0, 2.0, 1.0), 0.5 * np.exp(-2))
    np.testing.assert_array_equal(flowed(np.array([0.0, 0.3]), WEIGHT, 0.0), [0.0, 0.3])


def test_a_step_just_below_the_largest_rests_and_one_just_above_does_not() -> None:
    start = torch.diag(torch.tensor([0.98, 1.01, 1.0], dtype=torch.float64))
    longest = largest_pattern_step(WEIGHT)
    one = torch.eye(3, dtype=torch.float64)
    near, _ = descended(start, one, "o", 0.95 * longest, 200)
    far, _ = descended(start, one, "o", 1.05 * longest, 200)
    assert float((near - one).norm()) < 1e-3 < 0.1 < float((far - one).norm())
    assert largest_pattern_step(0.0) == np.inf


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="weight=-1"):
        growth_rate(-1)
    with pytest.raises(InputError, match="time=-1"):
        flowed(np.ones(2), 1.0, -1)
