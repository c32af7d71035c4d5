"""A law of cost: a sum of terms with coefficients that are not negative, fitted in logarithms."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares, nnls

from lintune.errors import InputError

# Of a normal variable, how many standard deviations the middle 95 % reach.
_REACH = 1.96
# How much the logarithm of a kind's factor weighs beside a measurement: only enough to make it unique.
_PRIOR = 1e-2


@dataclass(frozen=True)
class Law:
    """cost = factor of the kind x sum of coefficient x term, with an error that is a factor itself.

    Attributes:
        terms: Names of the terms.
        coefficients: One for each term, at least 0.
        factors: By kind, around 1; empty where all are of one kind.
        spread: Standard deviation of the logarithm of measured over fitted cost, degrees of freedom counted.
        across: The same of each group predicted by a law that was fitted to the others: what the law is
            worth for a model that was not measured. At least `spread`.
        between: Standard deviation of the logarithms of the factors.
        largest: The largest value of each term that was measured.
        points: How many measurements.
        groups: The groups, such as models.
    """

    terms: tuple[str, ...]
    coefficients: tuple[float, ...]
    factors: Mapping[str, float]
    spread: float
    across: float
    between: float
    largest: tuple[float, ...]
    points: int
    groups: tuple[str, ...]

    def cost(self, terms: Sequence[float], kind: str | None = None) -> float:
        """Return the predicted cost; a kind that was not measured has the factor 1."""
        total = sum(each * term for each, term in zip(self.coefficients, terms, strict=True))
        return self.factors.get(kind or "", 1.0) * total

    def error(self, kind: str | None = None, group: str | None = None) -> float:
        """Return the standard deviation of the logarithm of the true cost over the predicted one.

        Args:
            kind: A kind that was not measured adds the spread between kinds.
            group: A group that was not measured has the spread across groups.
        """
        own = self.spread if group in self.groups else self.across
        return own if not self.factors or kind in self.factors else math.hypot(own, self.between)

    def beyond(self, terms: Sequence[float]) -> float:
        """Return by which factor the terms exceed what was measured; at most 1 where they do not."""
        return max(
            (term / largest for term, largest in zip(terms, self.largest, strict=True) if largest),
            default=0.0,
        )

    def plain(self) -> dict[str, Any]:
        """Return the law as what a record holds."""
        return {**vars(self), "factors": dict(self.factors)}

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "Law":
        """Return the law that `plain` wrote."""
        lists = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
        return cls(**dict[str, Any](lists))


def interval(error: float) -> float:
    """Return the factor by which the ends of a 95 % interval lie above and below, from `Law.error`."""
    return math.exp(_REACH * error)


def fit(
    names: Sequence[str],
    terms: Sequence[Sequence[float]] | np.ndarray,
    measured: Sequence[float] | np.ndarray,
    kinds: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
) -> Law:
    """Fit a law by least squares of the logarithms: every measurement counts by its ratio to the fit.

    Args:
        names: Names of the t terms.
        terms: `(p, t)`, at least 0.
        measured: `(p,)` costs, positive.
        kinds: `(p,)`; None where all are of one kind.
        groups: `(p,)` what is left out together to see what the law is worth elsewhere; None for one group.

    Raises:
        InputError: Fewer measurements than there are coefficients and kinds, or a cost that is not positive.
    """
    x, y = np.asarray(terms, dtype=float), np.asarray(measured, dtype=float)
    own = list(kinds) if kinds is not None else []
    known = sorted(set(own))
    used = int((x.max(axis=0) > 0).sum()) if x.size else len(names)
    free = used + max(len(known) - 1, 0)
    if len(y) <= free:
        raise InputError(f"measured: {len(y)} costs cannot tell {free} numbers; measure more.")
    if not (np.isfinite(y).all() and (y > 0).all()):
        raise InputError("measured: costs must be positive and finite.")
    coefficients, logs, residuals = _solved(x, y, own, known)
    spread = float(np.sqrt((residuals**2).sum() / (len(y) - free)))
    places = list(groups) if groups is not None else [""] * len(y)
    return Law(
        tuple(names),
        tuple(coefficients.tolist()),
        dict(zip(known, np.exp(logs).tolist(), strict=True)),
        spread,
        max(spread, _across(x, y, own, places)),
        float(np.std(logs, ddof=1)) if len(known) > 1 else 0.0,
        tuple(x.max(axis=0).tolist()),
        len(y),
        tuple(sorted(set(places))),
    )


def _solved(
    x: np.ndarray, y: np.ndarray, kinds: Sequence[str], known: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients `(t,)`, logarithms of the factors `(k,)` and residuals `(p,)` in logarithms."""
    places = np.array([known.index(kind) for kind in kinds], dtype=int)
    relative = x / y[:, None]
    guess, _ = nnls(relative, np.ones(len(y)))
    scale = np.where(x.max(axis=0) > 0, 1 / np.maximum(relative.max(axis=0), 1e-300), 0.0)
    least = 1e-6  # of a term's largest possible share: a coefficient of 0 has no logarithm
    start = np.log(np.maximum(np.divide(guess, scale, out=np.zeros_like(guess), where=scale > 0), least))

    def residuals(free: np.ndarray) -> np.ndarray:
        fitted = np.log(x @ (scale * np.exp(free[: len(scale)])))
        factors = free[len(scale) :]
        return np.log(y) - fitted - (factors[places] if len(places) else 0.0)

    def weighed(free: np.ndarray) -> np.ndarray:
        return np.concatenate([residuals(free), _PRIOR * free[len(scale) :], 1e-4 * free[: len(scale)]])

    found = least_squares(weighed, np.concatenate([start, np.zeros(len(known))]))
    free = found.x
    return scale * np.exp(free[: len(scale)]), free[len(scale) :], residuals(free)


def _across(x: np.ndarray, y: np.ndarray, kinds: Sequence[str], groups: Sequence[str]) -> float:
    """Return the root mean square of the logarithms of what others' laws miss each group by."""
    errors: list[float] = []
    for group in sorted(set(groups)):
        own = [place for place, name in enumerate(groups) if name == group]
        rest = [place for place, name in enumerate(groups) if name != group]
        theirs = [kinds[place] for place in rest] if kinds else []
        known = sorted(set(theirs))
        if len(rest) <= x.shape[1] + len(known):
            continue
        coefficients, logs, _ = _solved(x[rest], y[rest], theirs, known)
        factor = dict(zip(known, logs, strict=True))
        fitted = x[own] @ coefficients
        for place, cost in zip(own, fitted, strict=True):
            if cost > 0:
                errors.append(math.log(y[place] / cost) - factor.get(kinds[place] if kinds else "", 0.0))
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.0
