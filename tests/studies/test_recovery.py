"""What recovery costs: pairs that are pairs, sweeps with honest gaps, exponents, optima and features."""

import numpy as np
import pandas as pd
import pytest

from lintune.errors import InputError
from lintune.studies import recovery
from lintune.studies.recovery.inside import anywhere
from lintune.studies.recovery.sweep import stacked
from lintune.teacher import HE3, population, problem, start
from lintune.teacher.bases import orthonormal
from lintune.teacher.bounds import closeness
from lintune.teacher.draws import draw


def test_instances_are_the_same_in_every_dimension() -> None:
    given = recovery.draws(orthonormal(3), 6, 0)
    small, first = given.at("relu", 10, 1.0)
    large, second = given.at("relu", 1000, 2.0)
    np.testing.assert_array_equal(small.readout, large.readout)
    np.testing.assert_array_equal(first.c, second.c)
    np.testing.assert_array_equal(
        np.argsort(first.along / first.aside), np.argsort(second.along / second.aside)
    )
    np.testing.assert_allclose(np.hypot(first.along, first.aside), 1.0)


def test_starts_have_the_law_of_a_uniform_direction() -> None:
    given, dimension = recovery.draws(orthonormal(3), 20_000, 1), 12
    _, student = given.at("relu", dimension, 1.0, right_side=False)
    # Uniform on the sphere of R^(d - k): a coordinate's square has mean 1 / (d - k).
    assert (student.along**2).mean() == pytest.approx(1 / 9, rel=0.05)
    assert student.along.mean() == pytest.approx(0, abs=0.01)


def test_starts_are_turned_to_where_h_drives_them() -> None:
    given, student = recovery.draws(orthonormal(3), 20, 2).at("sigmoid", 30, 1.0)
    assert (student.along * population.drift(given, student) > 0).all()


def test_a_share_with_small_drift_is_given_up() -> None:
    given = recovery.draws(orthonormal(3), 20, 3)
    kept = recovery.above(given, "relu", 1.0, 0.75)
    sizes, all_sizes = (np.abs(population.drift(*each.at("relu", 9, 1.0))) for each in (kept, given))
    assert len(kept) == 5
    np.testing.assert_allclose(np.sort(sizes), np.sort(all_sizes)[-5:])
    with pytest.raises(InputError, match="share=1"):
        recovery.above(given, "relu", 1.0, 1.0)


def test_a_sweep_tells_steps_and_what_was_cut_off() -> None:
    given = recovery.above(recovery.draws(orthonormal(3), 8, 0), "sigmoid", 1.0, 0.5)
    settings = [recovery.Setting(d, 1.0, factor) for d in (20, 40) for factor in (0.3, 1e-6)]
    found = recovery.sweep(given, "sigmoid", settings, most=3000)
    assert len(found) == 16
    assert found[found.factor == 0.3].weak.notna().all()
    # With a step size that small only who starts there has arrived.
    tiny = found[found.factor == 1e-6]
    assert tiny.strong.isna().all()
    both = found.dropna()
    assert (both.weak <= both.strong).all()
    assert (both.strong <= both.limit).all()
    with pytest.raises(InputError, match="settings are empty"):
        recovery.sweep(given, "sigmoid", [])


def power_law(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    scale = np.exp(random.standard_normal(30))
    rows = [
        {"instance": i, "d": d, "weak": 100 * scale[i] * d**1.5 * np.exp(0.1 * random.standard_normal())}
        for i in range(30)
        for d in (10, 20, 40)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("weigh", [False, True])
@pytest.mark.parametrize("paired", [False, True])
def test_intervals_hold_the_exponent_about_as_often_as_they_say(weigh: bool, paired: bool) -> None:
    found = [
        recovery.exponent(power_law(seed), "d", "weak", paired=paired, weigh=weigh) for seed in range(10, 22)
    ]
    assert sum(each.holds(1.5) for each in found) >= 9
    assert np.mean([each.value for each in found]) == pytest.approx(1.5, abs=0.03)
    assert all(each.censored == 0 for each in found)
    at = [np.log(each.at(np.array([20.0]))[0]) for each in found]
    assert np.mean(at) == pytest.approx(np.log(100 * 20**1.5), abs=0.3)


def test_censored_instances_are_counted_and_left_out() -> None:
    table = pd.DataFrame([{"instance": i, "d": d, "weak": d * (i + 1.0)} for i in range(4) for d in (10, 20)])
    table.loc[1, "weak"] = np.nan
    found = recovery.exponent(table, "d", "weak")
    assert (found.instances, found.censored) == (3, 1)
    assert found.value == pytest.approx(1.0)
    with pytest.raises(InputError, match="too few"):
        recovery.exponent(table[table.d == 10], "d", "weak")


def test_the_best_step_size_is_taken_among_those_with_which_runs_arrive() -> None:
    rows = [
        {"dimension": d, "factor": f, "instance": i, "weak": steps}
        for d in (1, 2)
        for f, steps in ((0.1, 100.0), (0.2, 50.0), (0.4, np.nan))
        for i in range(2)
    ]
    assert set(recovery.tuned(pd.DataFrame(rows), "dimension", "weak").factor) == {0.2}


@pytest.mark.parametrize(
    ("low", "value", "high", "said"),
    [
        (0.9, 1.1, 1.2, "within"),
        (1.05, 1.1, 1.2, "slightly steeper"),
        (1.8, 2.0, 2.1, "steeper"),
        (0.3, 0.4, 0.5, "flatter"),
    ],
)
def test_verdicts_follow_the_interval(low: float, value: float, high: float, said: str) -> None:
    assert said in recovery.linear_in_d(recovery.Exponent(value, low, high, 0.0, 5, 0))


def test_the_hiding_teachers_have_orthonormal_rows() -> None:
    given, _ = recovery.hidden(4, 3, 0).at(HE3, 30, 1.0)
    gram = given.teacher @ given.teacher.transpose(0, 2, 1)
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(4), (3, 4, 4)), atol=1e-12)


def test_learning_from_scratch_gets_dearer_with_the_dimension() -> None:
    many = recovery.from_scratch(np.ones((6, 2)), HE3, [6, 12], [0.05], 4000, 0)
    one = recovery.single_index(HE3, [6, 12], [0.05], 6, 4000, 0)
    for found in (many, one):
        middle = found.fillna(1e9).groupby("dimension").weak.mean()
        assert middle[12] > middle[6]


def test_the_second_optimum_is_one() -> None:
    for sigma, xi, angle in (("relu", 0.5, 1.2), ("quadratic", 1.5, 1.2), ("quadratic", 0.4, 1.0)):
        given = recovery.one_row(sigma, xi, angle, 3, 1)
        at = np.array([angle, recovery.second_optimum(xi, angle)])
        np.testing.assert_allclose(recovery.landscape(given, at), 0.0, atol=1e-12)
        assert abs(at[0] - at[1]) > 0.1
    # ReLU tells a row from its negative.
    other = recovery.second_optimum(1.5, 1.2)
    assert recovery.landscape(recovery.one_row("relu", 1.5, 1.2, 3, 1), np.array([other]))[0] > 0.5


def test_descent_ends_at_either_optimum() -> None:
    given = recovery.one_row("quadratic", 1.5, 1.2, 3, 20)
    found = recovery.ends(given, 0.01, 1500, 0)
    near = np.abs(found[:, None] - np.array([1.2, recovery.second_optimum(1.5, 1.2)])) < 0.05
    assert near.any(1).mean() >= 0.9
    assert near.any(0).all()


def test_a_start_anywhere_is_uniform_on_the_whole_sphere() -> None:
    given = problem("relu", 2, 8, 1.0, instances=5000, seed=0)
    student = anywhere(given, 1)
    np.testing.assert_allclose(np.linalg.norm(student.u, axis=1), 1.0)
    assert (student.inside**2).sum(1).mean() == pytest.approx(2 / 8, rel=0.1)


def test_paths_come_by_part_and_by_xi() -> None:
    found = recovery.inside_paths("relu", 2, 8, [0.0, 0.5], 3, [0, 5], 0.3, 0)
    assert found.shape == (2, 3, 2)
    assert recovery.joint_paths("relu", 3, 9, [0.5, 1.0], 2, [0, 4], 0).shape == (2, 2, 2)


@pytest.mark.parametrize("sigma", ["relu", "sigmoid", "he3"])
def test_the_first_moment_is_the_predicted_one(sigma: str) -> None:
    given = problem(sigma, 3, 20, 1.0, instances=4, seed=1)
    found, error = recovery.first_moment(given, 20_000, 0)
    np.testing.assert_array_less(np.abs(found - recovery.predicted_moment(given)), 5 * error)


def test_features_leave_nothing_at_u_and_what_regression_leaves_elsewhere() -> None:
    given = problem("sigmoid", 3, 20, 1.0, instances=3, seed=1)
    student = start(given, 0)
    np.testing.assert_allclose(recovery.features_left(given, student.at(1.0)), 0, atol=1e-9)
    there = student.at(0.8)
    inputs = draw(given, 40_000, np.random.default_rng(2))
    base = inputs.base(given)
    labels = inputs.labels(given, base)
    q = there.along * inputs.along + there.aside * inputs.aside
    step = 1 / 3**0.5
    both = np.concatenate([base + step * q[..., None], base - step * q[..., None]], axis=2)
    features = given.activation.value(both / (1 + 1 / 3) ** 0.5)
    for place, left in enumerate(recovery.features_left(given, there)):
        matrix = features[:, place]
        rest = labels[:, place] - matrix @ np.linalg.lstsq(matrix, labels[:, place], rcond=None)[0]
        assert left == pytest.approx((rest**2).mean(), rel=0.05)


def test_close_features_are_within_the_theorem() -> None:
    given = problem("relu", 5, 50, 5**0.5, instances=6, seed=3)
    gap = 0.01
    bound = gap / closeness(1.0, 5, 5**0.5)
    assert (recovery.features_left(given, start(given, 0).at(1 - gap)) <= bound).all()


def test_stacked_instances_are_those_of_the_parts() -> None:
    given = recovery.draws(orthonormal(3), 2, 0)
    parts = [given.at("relu", d, 1.0) for d in (9, 20)]
    whole, student = stacked(parts)
    separate = np.concatenate([population.loss(*part) for part in parts])
    np.testing.assert_allclose(population.loss(whole, student), separate)
