"""Activations of the student and its teacher: four by name, normalised Hermite polynomials, and given ones.

The four are those of the simulations of Dayi and Chen (Appendix B).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from lintune.errors import InputError, unknown_name

# He_p is divided by sqrt(p!), and both stay far from the largest float.
LARGEST_HERMITE = 150
# Points at which a given activation is looked at: halves, where kinks tend to be, and points between them.
_GRID = np.sort(np.concatenate([np.linspace(-6, 6, 25), np.linspace(-5.9, 5.83, 96)]))
_STEP, _NEAR, _AGREEMENT = 1e-5, 1e-3, 1e-4


@dataclass(frozen=True)
class Activation:
    """A function of one variable, applied to every entry of an array.

    Attributes:
        name: What it is called.
        value: sigma, float64 arrays of any shape to arrays of the same shape.
        slope: Its derivative, likewise; at a kink any finite number.
        kinks: Where value or slope jumps, ascending; between kinks the activation is smooth.
        degree: Degree of a polynomial, None for anything else.
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    kinks: tuple[float, ...] = ()
    degree: int | None = None

    def __post_init__(self) -> None:
        """Sort the kinks, and refuse what is no place or no degree."""
        kinks = tuple(sorted(float(kink) for kink in self.kinks))
        if not all(map(math.isfinite, kinks)):
            raise InputError(f"kinks={self.kinks} of activation {self.name!r} must be finite.")
        if self.degree is not None and self.degree < 0:
            raise InputError(f"degree={self.degree} of activation {self.name!r} must be at least 0, or None.")
        object.__setattr__(self, "kinks", kinks)


def _sigmoid_slope(x: np.ndarray) -> np.ndarray:
    return np.asarray(special.expit(x) * special.expit(-x))


RELU = Activation("relu", lambda x: np.maximum(x, 0.0), lambda x: np.heaviside(x, 0.0), kinks=(0.0,))
SIGMOID = Activation("sigmoid", special.expit, _sigmoid_slope)
QUADRATIC = Activation("quadratic", np.square, lambda x: 2.0 * x, degree=2)
HE3 = Activation(
    "he3", lambda x: x * (x * x - 3.0) / 6**0.5, lambda x: (x * x - 1.0) * (3.0 / 6**0.5), degree=3
)

ACTIVATIONS: dict[str, Activation] = {each.name: each for each in (RELU, SIGMOID, QUADRATIC, HE3)}


@lru_cache
def hermite_activation(order: int) -> Activation:
    """Return the normalised probabilists' Hermite polynomial h_p = He_p / sqrt(p!) as an activation.

    Its only Hermite coefficient is mu_p = 1, so p is its information exponent.

    Args:
        order: p, from 0 to 150.

    Raises:
        InputError: The order is out of this range.
    """
    if not 0 <= order <= LARGEST_HERMITE:
        raise InputError(f"order={order} must be from 0 to {LARGEST_HERMITE}.")
    root = math.sqrt(math.factorial(order))

    def value(x: np.ndarray) -> np.ndarray:
        return np.asarray(special.eval_hermitenorm(order, x) / root)

    def slope(x: np.ndarray) -> np.ndarray:
        # h_p' = sqrt(p) h_{p-1}, and He_{-1} has no meaning.
        return np.asarray(special.eval_hermitenorm(max(order - 1, 0), x) * (order / root))

    return Activation(f"h{order}", value, slope, degree=order)


def activation(given: str | Activation) -> Activation:
    """Return an activation by its name, or a given one after a look at it.

    Args:
        given: A key of `ACTIVATIONS`, or an activation.

    Raises:
        InputError: The name is not known. Or value or slope of a given one does not map a float array to a
            float array of its shape, entry by entry; is not finite; or the slope is not the derivative of the
            value at some point that is not named as a kink.
    """
    if isinstance(given, str):
        if given not in ACTIVATIONS:
            raise unknown_name("activation", given, ACTIVATIONS)
        return ACTIVATIONS[given]
    if not isinstance(given, Activation):
        raise InputError(f"activation={given!r} must be an Activation, or one of {', '.join(ACTIVATIONS)}.")
    return _checked(given)


@lru_cache
def _checked(given: Activation) -> Activation:
    for name, function in (("value", given.value), ("slope", given.slope)):
        _check_entrywise(f"{name} of activation {given.name!r}", function)
    _check_slope(given)
    return given


def _check_entrywise(what: str, function: Callable[[np.ndarray], np.ndarray]) -> None:
    points = _GRID.reshape(11, 11)
    try:
        found, turned = function(points), function(points.T)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must accept a float64 array of any shape; it raised: {error}") from error
    if not isinstance(found, np.ndarray) or found.shape != points.shape or found.dtype.kind != "f":
        got = f"{getattr(found, 'dtype', type(found).__name__)} of shape {np.shape(found)}"
        raise InputError(f"{what} must map a float64 array {points.shape} to floats of its shape; got {got}.")
    if not np.isfinite(found).all():
        where = points[~np.isfinite(found)][0]
        raise InputError(f"{what} must be finite; at {where:.4g} it is {found[~np.isfinite(found)][0]}.")
    if not np.allclose(found.T, turned, rtol=1e-9, atol=1e-12):
        raise InputError(f"{what} must act on each entry by itself; a transposed array gives other values.")


def _check_slope(given: Activation) -> None:
    points = _GRID
    if given.kinks:
        points = points[np.abs(points[:, None] - np.array(given.kinks)).min(1) > _NEAR]
    after, before = given.value(points + _STEP), given.value(points - _STEP)
    differences, slope = (after - before) / (2 * _STEP), given.slope(points)
    allowed = _AGREEMENT * (1 + np.abs(slope) + np.abs(given.value(points)))
    wrong = ~(np.abs(differences - slope) <= allowed)
    if wrong.any():
        raise InputError(
            f"slope of activation {given.name!r} must be the derivative of its value, or the point be named "
            f"in kinks: at {points[wrong][0]:.4g} it is {slope[wrong][0]:.6g}, "
            f"and differences of the value give {differences[wrong][0]:.6g}."
        )
