"""How step size and iterations scale by Theorems 1, 2, 11, 12 and 13 of Dayi and Chen (COLT numbering).

These theorems hold up to constants and logarithms, and are given without them: each takes a factor for either
number. Beside the T that is printed stands the one of the generic theorem for the same drift and variance.
"""

from dataclasses import dataclass

from lintune.errors import InputError
from lintune.teacher.bounds import check_positive, check_whole, drift_orthonormal, drift_separated
from lintune.teacher.steps import check_epsilon


@dataclass(frozen=True)
class Scaling:
    """What a theorem gives without its constants and logarithms.

    Attributes:
        eta: Step size.
        iterations: T as printed.
        implied: d V / (epsilon delta S), the T of the generic theorem for the drift S and the variance V
            behind the step size (ours). With delta = min{S epsilon^3, 1} below 1 it is d V / (S^2 epsilon^4).
    """

    eta: float
    iterations: float
    implied: float


@dataclass(frozen=True)
class Setting:
    """What the scalings depend on.

    Attributes:
        dimension: d, at least 2.
        width: k, at least 1.
        epsilon: What 1 - <u, u^>^2 is to be at most, between 0 and 1.
        smallest: The smallest |lambda_i|.
        largest: The largest |lambda_i|.
        gamma: Chance that is given up: Theorem 12, for one, fails with probability O(gamma^(1/2)).
        linear: Whether mu_1 of the activation is not zero.
    """

    dimension: int
    width: int
    epsilon: float
    smallest: float = 1.0
    largest: float = 1.0
    gamma: float = 1.0
    linear: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check_whole("dimension", self.dimension, 2)
        check_whole("width", self.width, 1)
        check_epsilon(self.epsilon)
        check_positive(smallest=self.smallest, largest=self.largest, gamma=self.gamma)
        if self.smallest > self.largest:
            raise InputError(f"smallest={self.smallest} must be at most largest={self.largest}.")


def informal_orthonormal(setting: Setting, eta_factor: float = 1.0, time_factor: float = 1.0) -> Scaling:
    """Return the scaling of Theorem 1: orthonormal rows, xi of order sqrt(k), any activation.

    eta = epsilon^3 / (d k^(7/2)), T = d k^4 / epsilon^4: Theorem 12 where lambda, gamma and xi / sqrt(k) are
    of order 1, and mu_1 may be zero. Only d, k and epsilon of the setting count.

    Args:
        setting: See `Setting`.
        eta_factor: Constant before the step size.
        time_factor: Constant before the iterations, printed and implied.

    Raises:
        InputError: A factor is not positive.
    """
    k, time = setting.width, _printed(_plain(setting), setting.width**4)
    return _scaled(_plain(setting), k**0.5, k**4, time, eta_factor, time_factor)


def informal_separated(setting: Setting, eta_factor: float = 1.0, time_factor: float = 1.0) -> Scaling:
    """Return the scaling of Theorem 2: separated rows, xi = 1.

    eta = epsilon^3 / (d k^(5/2)), T = d k^3 / epsilon^4. Arguments and errors as `informal_orthonormal`.
    """
    return separated(_plain(setting), eta_factor, time_factor)


def orthonormal(setting: Setting, eta_factor: float = 1.0, time_factor: float = 1.0) -> Scaling:
    """Return the scaling of Theorem 11: orthonormal rows and xi = 1.

    eta = delta / (lambda_max^4 d k^2), and T as printed is
    lambda_max^4 d k^3 / (lambda_min^4 gamma^2 epsilon^4), times k where mu_1 = 0. Inserting the printed delta
    and alpha gives d k^2 instead of d k^3, see `Scaling.implied`. Arguments and errors as
    `informal_orthonormal`.
    """
    drift = setting.smallest**2 * drift_orthonormal(setting.width, 1.0, setting.gamma, setting.linear, 0)
    variance = setting.largest**4 * setting.width**2
    printed = _printed(setting, setting.width**3) * (1 if setting.linear else setting.width)
    return _scaled(setting, drift, variance, printed, eta_factor, time_factor)


def strong_orthonormal(
    setting: Setting, ratio: float = 1.0, eta_factor: float = 1.0, time_factor: float = 1.0
) -> Scaling:
    """Return the scaling of Theorem 12: orthonormal rows and xi = ratio sqrt(k).

    eta = delta / (ratio^2 lambda_max^4 d k^4), and T as printed is
    lambda_max^4 d k^4 / (lambda_min^4 gamma^2 ratio^2 epsilon^4), over k where mu_1 is not zero. With the
    drift of Lemma 6 the generic theorem gives k times less, as for Theorem 11 (ours).

    Args:
        setting: See `Setting`.
        ratio: xi / sqrt(k), which the theorem takes to be below a constant.
        eta_factor: Constant before the step size.
        time_factor: Constant before the iterations, printed and implied.

    Raises:
        InputError: Ratio or factor is not positive.
    """
    check_positive(ratio=ratio)
    k = setting.width
    drift = setting.smallest**2 * drift_orthonormal(k, ratio * k**0.5, setting.gamma, setting.linear, 0)
    variance = ratio**2 * setting.largest**4 * k**4
    printed = _printed(setting, k**4) / ratio**2 / (k if setting.linear else 1)
    return _scaled(setting, drift, variance, printed, eta_factor, time_factor)


def separated(setting: Setting, eta_factor: float = 1.0, time_factor: float = 1.0) -> Scaling:
    """Return the scaling of Theorem 13: separated rows and xi = 1.

    T = lambda_max^4 d k^3 / (lambda_min^4 gamma^2 epsilon^4), which is what the generic theorem gives with
    the drift of Lemma 8 (without its 1/2) and the variance of Theorem 11. Arguments and errors as
    `informal_orthonormal`.
    """
    drift = drift_separated(setting.width, setting.gamma, setting.smallest, constant=1.0)
    variance, printed = setting.largest**4 * setting.width**2, _printed(setting, setting.width**3)
    return _scaled(setting, drift, variance, printed, eta_factor, time_factor)


def _plain(setting: Setting) -> Setting:
    return Setting(setting.dimension, setting.width, setting.epsilon)


def _printed(setting: Setting, power: float) -> float:
    """Return what Theorems 11 to 13 share, with their power of k."""
    constants = setting.largest**4 / (setting.smallest**4 * setting.gamma**2)
    return constants * setting.dimension * power / setting.epsilon**4


def _scaled(
    setting: Setting, drift: float, variance: float, printed: float, eta_factor: float, time_factor: float
) -> Scaling:
    check_positive(eta_factor=eta_factor, time_factor=time_factor)
    scale = setting.dimension * variance
    delta = min(drift * setting.epsilon**3, 1.0)
    implied = scale / (setting.epsilon * delta * drift)
    return Scaling(eta_factor * delta / scale, time_factor * printed, time_factor * implied)
