"""The student-teacher model in numbers: descent against its theory, and against the linear model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lintune import teacher
from lintune.teacher import Activation, Problem, Student, Theory, Training, linear, population
from lintune.teacher.recursion import GRID

# Loss of the linear student within this of its plateau, relative, counts as at it.
AT_PLATEAU = 0.1
# Students of which each overlap is kept.
SHOWN = 12
# Inputs that theory's noise is averaged over.
SAMPLES = 30_000


def dial(
    activations: Sequence[str], width: int, ratios: Sequence[float], instances: int, seed: int
) -> pd.DataFrame:
    """Return how much of the teacher's change is not linear in the weights, for many sizes of the change.

    Args:
        activations: Names.
        width: k, of an orthonormal base.
        ratios: xi / sqrt(k).
        instances: Draws of readout and c for each.
        seed: Seed of the draws, the same for every size.

    Returns:
        A row per activation and ratio: `activation`, `ratio`, `share` (see `teacher.linear.share`), the mean
        over draws, and `low` and `high`, the least and largest.
    """
    rows = []
    for name in activations:
        for ratio in ratios:
            given = teacher.problem(
                name, width, width + 2, ratio * width**0.5, instances=instances, seed=seed
            )
            found = linear.share(given)
            row = {"share": float(found.mean()), "low": float(found.min()), "high": float(found.max())}
            rows.append({"activation": name, "ratio": float(ratio), **row})
    return pd.DataFrame(rows)


def against_theory(
    sigma: str,
    width: int,
    dimension: int,
    xi: float,
    *,
    agreeing: int,
    instances: int,
    delta: float,
    length: float,
    points: int = 60,
    seed: int = 0,
) -> dict[str, Any]:
    """Train students of one teacher from different u^ on different inputs, c^ held, and follow the theory.

    Args:
        sigma: Activation.
        width: k, of an orthonormal base.
        dimension: d.
        xi: Size of the change.
        agreeing: How many signs of c^ are those of c.
        instances: Number of students.
        delta: Step size in units of `teacher.unit_rate`.
        length: Steps in units of 1 / (eta |h(0)|).
        points: Steps that are looked at.
        seed: Seed of everything.

    Returns:
        `activation`, `xi`, `rate`, `steps` `(S,)`; overlaps turned to the side that h(0) points to:
        `overlap` of the first `SHOWN` students `(., S)`, their `average` over all, of the theory the mean
        `printed` and `theory`, and `width`, the standard deviation between students that it predicts, of
        their starts and of the noise on the way, each `(S,)`; and what `fit` returns.
    """
    one = teacher.problem(sigma, width, dimension, xi, seed=seed)
    given = one.take([0] * instances)
    first, drawn = teacher.start(one, seed, agreeing=agreeing), teacher.start(given, seed)
    student = Student(drawn.inside, drawn.along, drawn.aside, np.repeat(first.c, instances, axis=0))
    drift = float(population.drift(one, first)[0])
    rate = delta * float(teacher.unit_rate(one, first)[0])
    at = spread_out(length / (rate * abs(drift)), points)
    found = teacher.paths(given, Training(rate), student, at, seed)
    known = teacher.noise(one, first, GRID, samples=SAMPLES, seed=seed)
    theory = teacher.theory(given, student, rate, at, known=known)
    overlap = np.array([each.overlap(given) for each in found.values()]).T
    side = np.sign(drift)
    return {
        "activation": sigma,
        "xi": xi,
        "rate": rate,
        "steps": at,
        "overlap": (side * overlap[:SHOWN]).round(4),
        "average": side * overlap.mean(0),
        "printed": side * theory.printed.mean(0),
        "theory": side * theory.mean.mean(0),
        "width": np.sqrt(theory.mean.var(0) + np.square(theory.spread).mean(0)),
        **fit(side * overlap, theory, side),
    }


def fit(overlap: np.ndarray, theory: Theory, side: float, below: float = 0.9) -> dict[str, float]:
    """Hold simulated overlaps against theory while they rise.

    Args:
        overlap: `(I, S)`, turned to the side that they go to.
        theory: Of the same students and steps.
        side: 1, or -1 where the theory's overlaps are to be turned.
        below: Overlaps of the theory up to which they are compared.

    Returns:
        `error`, the largest distance of the mean over students from theory's, in standard errors as theory
        has them; `spread`, the median of the students' standard deviation around theory over that which
        theory has; `printed error`, the largest distance of their mean from the recursion as printed.
    """
    mean, spread, printed = side * theory.mean, theory.spread, side * theory.printed
    rising = (mean.mean(0) < below) & (spread.min(0) > 0)
    apart, expected = (overlap - mean)[:, rising], np.sqrt(np.square(spread[:, rising]).mean(0))
    error = np.abs(apart.mean(0)) / expected * np.sqrt(len(overlap))
    return {
        "error": float(error.max()),
        "spread": float(np.median(apart.std(0, ddof=1) / expected)),
        "printed error": float(np.abs((overlap - printed)[:, rising].mean(0)).max()),
    }


def instances(
    given: Problem, student: Student, ways: dict[str, Training], steps: int, points: int, seed: int
) -> dict[str, Any]:
    """Train the same students in several ways, and say how they fare.

    Args:
        given: The instances.
        student: Where they start.
        ways: How to train, by name.
        steps: Updates.
        points: Steps that are looked at.
        seed: Seed of the inputs, the same for all ways.

    Returns:
        `steps` `(S,)`; by way `overlap` |<u^, u>| and `c_overlap` |<c^, c>|, cosines, and `loss` over all
        inputs, each `(I, S)`. Students (u^, c^) and (-u^, -c^) are the same function, hence the absolute
        values.
    """
    at = spread_out(steps, points)
    found: dict[str, Any] = {"steps": at}
    for name, training in ways.items():
        seen = teacher.paths(given, training, student, at, seed).values()
        loss = linear.loss if training.student == "linear" else population.loss
        found[name] = {
            "overlap": np.array(
                [np.abs(each.overlap(given)) / np.linalg.norm(each.u, axis=1) for each in seen]
            ).T,
            "c_overlap": np.array(
                [np.abs(each.c_overlap(given)) / np.linalg.norm(each.c, axis=1) for each in seen]
            ).T,
            "loss": np.array([loss(given, each) for each in seen]).T,
        }
    return found


def crossing(steps: Sequence[int], values: np.ndarray, bound: float) -> np.ndarray:
    """Return when values `(I, S)` first reach a bound, interpolated between steps; NaN where they do not."""
    at, found = np.asarray(steps, dtype=float), np.full(len(values), np.nan)
    for place, line in enumerate(np.asarray(values)):
        above = np.flatnonzero(line >= bound)
        if len(above):
            right = above[0]
            left = max(right - 1, 0)
            rise = line[right] - line[left]
            part = (bound - line[left]) / rise if rise > 0 else 1.0
            found[place] = at[left] + max(part, 0.0) * (at[right] - at[left])
    return found


def verdict(network: np.ndarray, linearised: np.ndarray, plateau: np.ndarray) -> str:
    """Say whether the linear model fails where the network does not.

    Args:
        network: `(I,)` last losses of the network.
        linearised: `(I,)` last losses of the linear student.
        plateau: `(I,)` predicted least losses of the linear student.

    Returns:
        `fails` where in every instance the linear student is at its plateau, neither below it nor above it by
        more than `AT_PLATEAU`, and the network has less than a tenth of its loss; `partly` where the network
        has less than the plateau in most instances; otherwise `not seen`.
    """
    settled = (linearised >= plateau * (1 - 1e-9)) & (linearised <= plateau * (1 + AT_PLATEAU))
    if (settled & (network < plateau / 10)).all():
        return "fails"
    return "partly" if settled.all() and (network < plateau).mean() > 0.5 else "not seen"


def spread_out(last: float, points: int) -> list[int]:
    """Return whole steps from 0 to the last, evenly spread."""
    return [int(step) for step in np.unique(np.linspace(0, last, points).round())]


def keeps_speed(
    sigma: str | Activation,
    width: int,
    ratios: Sequence[float],
    draws: int,
    part: float = 0.5,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how often h keeps its sign and a part of its size on the side that it points to (lemma 6).

    Args:
        sigma: Activation.
        width: k, of an orthonormal base.
        ratios: xi / sqrt(k).
        draws: Draws of readout, c and c^; those of which h(0) vanishes do not count.
        part: Of |h(0)|; the paper's lemma has a half, for a small constant xi / sqrt(k).
        seed: Seed of the draws.

    Returns:
        A row per ratio: `activation`, `ratio`, `draws`, how many count, and `kept`, how many do.
    """
    towards, rows = np.linspace(0, 1, 21), []
    for ratio in ratios:
        given = teacher.problem(sigma, width, width + 2, ratio * width**0.5, instances=draws, seed=seed)
        student = teacher.start(given, seed)
        start = population.drift(given, student)
        counts = np.abs(start) > 1e-9 * np.abs(start).max()
        found = []
        for side in (-1.0, 1.0):
            mine = np.flatnonzero(counts & (np.sign(start) == side))
            speed = population.speed(given.take(mine), student.take(mine), side * towards)
            found += list((side * speed).min(axis=1) >= part * np.abs(start[mine]) * (1 - 1e-9))
        rows.append({"activation": sigma, "ratio": ratio, "draws": len(found), "kept": sum(map(int, found))})
    return pd.DataFrame(rows)
