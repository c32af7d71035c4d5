"""The study of the student and its teacher."""

import numpy as np
import pytest

from lintune import teacher
from lintune.studies import student_teacher as study
from lintune.teacher import Training, linear, population


def test_the_dial_goes_from_linear_to_not() -> None:
    rows = study.dial(["relu", "he3"], 6, [0.01, 1.0, 20.0], instances=4, seed=0)
    assert list(rows.activation) == ["relu"] * 3 + ["he3"] * 3
    for _, group in rows.groupby("activation"):
        assert group.share.is_monotonic_increasing
        assert group.share.iloc[0] < 0.02
        assert group.share.iloc[-1] > 0.3
        assert ((group.low <= group.share) & (group.share <= group.high)).all()


@pytest.mark.slow
@pytest.mark.parametrize("sigma", sorted(teacher.ACTIVATIONS))
def test_simulation_follows_theory(sigma: str) -> None:
    found = study.against_theory(
        sigma, 3, 40, 1.0, agreeing=3, instances=40, delta=0.4, length=2.0, points=12
    )
    assert found["overlap"].shape == (study.SHOWN, len(found["steps"]))
    assert found["average"][-1] > 0.7  # to the side of h(0)
    assert found["error"] < 4
    assert 0.7 < found["spread"] < 1.4


def test_a_wrong_theory_is_noticed() -> None:
    given = teacher.problem("relu", 3, 40, 1.0, seed=0).take([0] * 30)
    student = teacher.start(given, 0)
    at = study.spread_out(200, 6)
    theory = teacher.theory(given, student, 1e-3, at)
    rng = np.random.default_rng(0)
    right = theory.mean + theory.spread * rng.standard_normal(theory.mean.shape)
    assert study.fit(right, theory, 1.0)["error"] < 4
    wrong = right + 2 * theory.spread
    assert study.fit(wrong, theory, 1.0)["error"] > 8
    assert study.fit(theory.mean + 3 * (right - theory.mean), theory, 1.0)["spread"] > 2


def test_overlap_and_loss_of_several_ways() -> None:
    given = teacher.problem("relu", 3, 20, 1.0, base="sphere", quantised=False, instances=4, seed=0)
    student = teacher.start(given, 0)
    ways = {"network": Training(1e-3, 1e-3), "linear": Training(1e-3, student="linear", unit=False)}
    found = study.instances(given, student, ways, steps=50, points=5, seed=0)
    assert found["steps"][0] == 0
    assert found["steps"][-1] == 50
    for way in ways:
        assert found[way]["overlap"].shape == (4, 5)
        assert (found[way]["overlap"] <= 1 + 1e-12).all()
    np.testing.assert_allclose(found["network"]["loss"][:, 0], population.loss(given, student))
    np.testing.assert_allclose(found["linear"]["loss"][:, 0], linear.loss(given, student))


def test_when_a_bound_is_crossed() -> None:
    values = np.array([[0.0, 0.5, 1.0], [0.9, 1.0, 1.0], [0.0, 0.1, 0.2]])
    found = study.crossing([0, 10, 20], values, 0.75)
    assert found[0] == 15.0
    assert found[1] == 0.0
    assert np.isnan(found[2])


def test_verdicts_come_from_losses() -> None:
    plateau = np.ones(4)
    assert study.verdict(np.full(4, 0.01), np.full(4, 1.05), plateau) == "fails"
    assert study.verdict(np.array([0.01, 0.01, 0.01, 0.5]), np.full(4, 1.05), plateau) == "partly"
    assert study.verdict(np.full(4, 1.2), np.full(4, 1.05), plateau) == "not seen"
    assert study.verdict(np.full(4, 0.01), np.full(4, 0.9), plateau) == "not seen"  # below what is possible
    assert study.verdict(np.full(4, 0.01), np.full(4, 1.3), plateau) == "not seen"  # not at its plateau


def test_where_the_speed_keeps_its_sign() -> None:
    rows = study.keeps_speed("he3", 5, [0.1, 4.0], draws=60)
    assert list(rows.ratio) == [0.1, 4.0]
    (small, large), (of_small, of_large) = rows.kept, rows.draws
    assert small == of_small
    assert of_small > 40
    assert large < of_large
    # h is constant for an activation with no curvature: it keeps any part of itself.
    line = teacher.Activation("line", lambda x: 2 * x, lambda x: np.full_like(x, 2.0), degree=1)
    straight = study.keeps_speed(line, 5, [1.0], draws=20, part=1.0)
    assert list(straight.kept) == list(straight.draws)
