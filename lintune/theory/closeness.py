"""How close fine-tuning with a pull towards its start stays to its linear twin: bounds of our own.

Gradient descent with the pull always on,

    theta <- theta - step * (J^T (f(theta) - y) + strength * (theta - theta_0)),

is compared with the same iteration for the linear model at theta_0, with the same start, step and strength.
The loss is R = 1/2 ||f - y||^2, summed over examples and outputs. The bounds need of a run:

- `initial_loss`: R at the start;
- `slope`: the largest ||J|| (spectral norm) on the visited path; `start_slope`: ||J_0||;
- `curvature`: the largest ||J(theta) - J_0|| / ||theta - theta_0|| on the visited path and on the segments
  from theta_0 to its points;
- `drift`: the largest ||theta - theta_0|| on the path, measured or bounded.

The premise of those that take the initial loss is that the regularised loss R + strength/2 ||theta -
theta_0||^2 is never above its start, R_0, which a run can check and small enough steps ensure.
"""

import math

from lintune.errors import InputError


def largest_step(*, strength: float, start_slope: float) -> float:
    """Return 2 / (start_slope^2 + 2 strength), up to which `parameter_gap` holds.

    Up to it, one step of the linear twin brings any two parameters closer by the factor 1 - step * strength
    or keeps them apart as they are where there is no pull.
    """
    _check(strength=strength, start_slope=start_slope)
    stiffness = start_slope**2 + 2 * strength
    return 2 / stiffness if stiffness else math.inf


def drift_from_loss(*, initial_loss: float, strength: float) -> float:
    """Return sqrt(2 R_0 / strength), the farthest that a non-rising regularised loss lets parameters go."""
    _check(initial_loss=initial_loss, strength=strength)
    if initial_loss == 0:
        return 0.0
    return math.sqrt(2 * initial_loss / strength) if strength else math.inf


def drift_from_slope(
    *, initial_loss: float, strength: float, slope: float, step: float, steps: float = math.inf
) -> float:
    """Return the farthest that gradients of bounded size carry parameters against the pull.

    It is slope * sqrt(2 R_0) * (1 - (1 - step * strength)^steps) / strength, and without a pull slope *
    sqrt(2 R_0) * step * steps.

    Raises:
        InputError: An argument is negative, or step * strength is above 1.
    """
    _check(initial_loss=initial_loss, slope=slope)
    return _times(slope * math.sqrt(2 * initial_loss), _accumulated(strength, step, steps))


def drift_from_start(*, initial_loss: float, strength: float, start_slope: float, curvature: float) -> float:
    """Return a bound on the drift after any number of steps that needs no slope but that at the start.

    It is start_slope * sqrt(2 R_0) / (strength - curvature * sqrt(2 R_0)): the pull must outweigh what
    curvature can make of the residual. Where it does not, the bound is infinite. The steps must satisfy
    step * strength <= 1.
    """
    _check(initial_loss=initial_loss, strength=strength, start_slope=start_slope, curvature=curvature)
    residual = math.sqrt(2 * initial_loss)
    if residual * start_slope == 0:
        return 0.0
    margin = strength - curvature * residual
    return start_slope * residual / margin if margin > 0 else math.inf


def function_gap(*, curvature: float, drift: float) -> float:
    """Return curvature * drift^2 / 2, a bound on ||f(theta) - linear f(theta)|| at one theta that far off."""
    _check(curvature=curvature, drift=drift)
    return _times(curvature, drift**2 / 2)


def parameter_gap(
    *,
    initial_loss: float,
    strength: float,
    start_slope: float,
    curvature: float,
    drift: float,
    step: float,
    steps: float = math.inf,
) -> float:
    """Return a bound on the distance between fine-tuned parameters and those of the linear twin.

    It is (curvature * drift * sqrt(2 R_0) + start_slope * curvature * drift^2 / 2) times
    (1 - (1 - step * strength)^steps) / strength, the latter being step * steps without a pull.

    Raises:
        InputError: An argument is negative, or the step is above `largest_step`.
    """
    _check(initial_loss=initial_loss, start_slope=start_slope, curvature=curvature, drift=drift)
    limit = largest_step(strength=strength, start_slope=start_slope)
    if step > limit:
        raise InputError(f"step={step} must be at most {limit:.6g}, where the linear twin stops contracting.")
    of_jacobian = _times(curvature * math.sqrt(2 * initial_loss), drift)
    of_function = _times(start_slope, function_gap(curvature=curvature, drift=drift))
    return _times(of_jacobian + of_function, _accumulated(strength, step, steps))


def output_gap(
    *,
    initial_loss: float,
    strength: float,
    start_slope: float,
    curvature: float,
    drift: float,
    step: float,
    steps: float = math.inf,
) -> float:
    """Return a bound on the distance between the outputs of the fine-tuned model and of the linear twin.

    It adds what the two functions differ by at the same parameters, `function_gap`, and what the linear one
    makes of different parameters, start_slope * `parameter_gap`.
    """
    apart = parameter_gap(
        initial_loss=initial_loss,
        strength=strength,
        start_slope=start_slope,
        curvature=curvature,
        drift=drift,
        step=step,
        steps=steps,
    )
    return function_gap(curvature=curvature, drift=drift) + _times(start_slope, apart)


def kernel_drift(*, slope: float, start_slope: float, curvature: float, drift: float) -> float:
    """Return (slope + start_slope) * curvature * drift, a bound on ||K - K_0|| in the spectral norm."""
    _check(slope=slope, start_slope=start_slope, curvature=curvature, drift=drift)
    return _times((slope + start_slope) * curvature, drift)


def _accumulated(strength: float, step: float, steps: float) -> float:
    """Return the sum of step * (1 - step * strength)^k over k < steps."""
    _check(strength=strength, steps=steps)
    if not (step > 0 and math.isfinite(step)):
        raise InputError(f"step={step} must be positive.")
    if step * strength > 1:
        raise InputError(f"step={step} must be at most 1/strength={1 / strength:.6g}.")
    if steps == 0:
        return 0.0
    if strength == 0:
        return step * steps
    # Accurate where step * strength is small, too.
    return (-math.expm1(steps * math.log1p(-step * strength)) if step * strength < 1 else 1.0) / strength


def _times(left: float, right: float) -> float:
    """Return the product, 0 where one factor is 0 and the other infinite: nothing accumulates to nothing."""
    return left * right if left and right else 0.0


def _check(**arguments: float) -> None:
    for name, value in arguments.items():
        if not value >= 0:
            raise InputError(f"{name}={value} must not be negative.")
