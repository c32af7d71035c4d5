"""The natural unit of the step size."""

import numpy as np
import pytest

from lintune import teacher
from lintune.teacher import Training, population


def test_it_is_signal_over_noise_at_the_equator() -> None:
    given = teacher.problem("relu", 3, 40, 1.0, instances=3, seed=0)
    student = teacher.start(given, 0)
    middle = np.zeros(1)
    drift = np.abs(population.speed(given, student, middle)[:, 0])
    variance = teacher.noise(given, student, middle, seed=1).size[:, 0]
    np.testing.assert_allclose(teacher.unit_rate(given, student, seed=1), drift / (40 * variance))


def test_it_falls_like_one_over_the_dimension() -> None:
    found = []
    for dimension in (100, 200):
        given = teacher.problem("sigmoid", 3, dimension, 1.0, instances=4, seed=0)
        found.append(teacher.unit_rate(given, teacher.start(given, 0)))
    np.testing.assert_allclose(found[0] / found[1], 2, rtol=0.15)  # other draws of the noise


@pytest.mark.slow
def test_descent_ends_where_noise_and_drift_balance() -> None:
    one = teacher.problem("sigmoid", 3, 100, 1.0, seed=0)
    first = teacher.start(one, 0, agreeing=2)
    given, places = one.take([0] * 40), np.zeros(40, dtype=int)
    delta = 0.3
    rate = delta * float(teacher.unit_rate(one, first)[0])
    pace = rate * abs(float(population.drift(one, first)[0]))
    last = round(8 / pace)
    found = teacher.paths(given, Training(rate), first.take(places), [last], 0)[last]
    overlap = np.abs(found.overlap(given))
    end = np.array([np.sign(found.overlap(given)[0]) * overlap.mean()])
    speed = abs(float(population.speed(one, first, end)[0, 0]))
    balance = rate * float(teacher.noise(one, first, end, samples=40_000).stretch[0, 0]) / (2 * speed)
    assert np.mean(1 - overlap**2) == pytest.approx(balance, rel=0.2)
    assert balance < delta / 2  # the noise has fallen
