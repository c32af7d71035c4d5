"""Each claim on a made record that bears it out, on one that does not, and on an empty one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lintune.claims import Claim, Evidence, Finding, Verdict, judged
from lintune.claims.beyond_kernels import CLAIMS, descent, dial, moments, scratch, span, students, times
from lintune.teacher.bounds import gradient_variance
from tests.claims.made import finding

Judge = Callable[..., Finding]
STUDENTS, RECOVERY, DEPARTURE = "beyond_kernels.cpu", "recovery.cpu", "departure.cpu"


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judge a claim by one made record, of a chapter or a reference grid alike."""

    def by(claim: Claim, name: str, data: Mapping[str, Any]) -> Finding:
        return finding(claim, tmp_path, name, data, instances=4, agreeing=4, width=5, xi=1.0, given_up=0.5)

    return by


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "data", [None, {}, {"rows": [], "followed": [], "hiding": {"fine": []}, "inside": {}}]
)
def test_a_claim_without_its_record_is_not_run(
    claim: Claim, data: dict[str, Any] | None, judge: Judge, tmp_path: Path
) -> None:
    for name in (STUDENTS, RECOVERY, DEPARTURE, "recovery") if data is not None else ():
        found = judge(claim, name, data)
    if data is None:
        found = judged(claim, Evidence(tmp_path, tmp_path))
    assert found.verdict is Verdict.NOT_RUN
    assert found.condition


@pytest.mark.parametrize(
    ("claim", "shares", "expected"),
    [
        (dial.lazy_for_small_changes, (0.01, 0.02), Verdict.HOLDS),
        (dial.lazy_for_small_changes, (0.01, 0.2), Verdict.ONLY_WHEN),
        (dial.lazy_for_small_changes, (0.1, 0.2), Verdict.FAILS),
    ],
)
def test_small_changes(claim: Claim, shares: tuple[float, float], expected: Verdict, judge: Judge) -> None:
    lost = dict(zip(("relu", "he3"), ((each, 0.9) for each in shares), strict=True))
    assert judge(claim, STUDENTS, dialled((0.03, 1.0), **lost)).verdict is expected


def dialled(ratios: tuple[float, ...], **shares: tuple[float, ...]) -> dict[str, Any]:
    """Return what is lost to linear models by each activation at some ratios ξ/√k."""
    rows = [
        {"activation": name, "ratio": ratio, "share": share, "low": share, "high": share}
        for name, each in shares.items()
        for ratio, share in zip(ratios, each, strict=True)
    ]
    return {"dial": rows}


@pytest.mark.parametrize(
    ("relu", "he3", "expected"),
    [
        ((0.1, 0.5, 0.6, 0.7), (0.6, 0.7, 0.8, 0.9), Verdict.HOLDS),
        ((0.1, 0.4, 0.6, 0.7), (0.6, 0.7, 0.8, 0.9), Verdict.ONLY_WHEN),
        ((0.1, 0.6, 0.4, 0.6), (0.6, 0.7, 0.8, 0.9), Verdict.ONLY_WHEN),
        ((0.1, 0.2, 0.3, 0.4), (0.6, 0.7, 0.8, 0.9), Verdict.ONLY_WHEN),
        ((0.1, 0.2, 0.3, 0.4), (0.6, 0.7, 0.8, 0.4), Verdict.FAILS),
    ],
)
def test_changes_of_the_order_of_root_k(
    relu: tuple[float, ...], he3: tuple[float, ...], expected: Verdict, judge: Judge
) -> None:
    data = dialled((0.5, 1.0, 3.0, 9.0), relu=relu, he3=he3)
    assert judge(dial.not_lazy_at_root_k, STUDENTS, data).verdict is expected


def test_the_constant_of_the_order_is_said_for_each_activation(judge: Judge) -> None:
    data = dialled((0.5, 1.0, 3.0), relu=(0.1, 0.4, 0.6), sigmoid=(0.0, 0.1, 0.2), he3=(0.6, 0.7, 0.8))
    found = judge(dial.not_lazy_at_root_k, STUDENTS, data)
    assert found.condition == (
        "ξ/√k is at least 0.5 (he3), 3 (relu); never up to 3: sigmoid; "
        "lost at ξ/√k = 1: relu 40%, sigmoid 10% and he3 70%"
    )
    assert (found.value, found.low, found.high) == (1.75, 0.5, 3.0)


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        ({16: [0.5, 0.5], 256: [0.01, 0.01]}, Verdict.HOLDS),
        ({16: [0.5, 0.5], 256: [0.4, 0.4]}, Verdict.FAILS),
        ({16: [0.01, 0.5, 0.5, 0.01, 0.5], 256: [0.01, 0.5, 0.01, 0.01, 0.5]}, Verdict.OPEN),
        ({16: [0.5, 0.5]}, Verdict.NOT_RUN),
    ],
)
def test_loras_scale(gaps: dict[int, list[float]], expected: Verdict, judge: Judge) -> None:
    numbers = ("train_share", "test_share", "bend", "kernel_drift", "drift", "twin_bend", "twin_kernel_drift")
    more = ("twin_drift", "train_moved", "loss", "start_loss", "learning_rate")
    rows = [
        dict.fromkeys(numbers + more, 1.0)
        | {"task": "one", "seed": seed, "alpha": alpha, "rate": 0.1, "step": step, "test_gap": gap}
        | ({"twin_kernel_drift": None} if step == 1 else {})
        for alpha, each in gaps.items()
        for seed, gap in enumerate(each)
        for step in (1, 8)
    ]
    assert judge(dial.lora_scale_is_a_dial, DEPARTURE, {"rows": rows}).verdict is expected


def line(error: float = 1.0, rise: float = 1.0) -> dict[str, Any]:
    """Return students that rise as a power of time."""
    at = np.arange(101)
    known = {"activation": "relu", "xi": 3.0, "spread": 1.0, "printed error": 0.01, "error": error}
    return known | {"steps": at, "average": (at / 100) ** rise}


@pytest.mark.parametrize(
    ("claim", "lines", "expected"),
    [
        (descent.speed_is_proposition_4, [line(), line(3.0)], Verdict.HOLDS),
        (descent.speed_is_proposition_4, [line(9.0), line(9.0)], Verdict.FAILS),
        (descent.every_activation_leaves_zero_at_once, [line()], Verdict.HOLDS),
        (descent.every_activation_leaves_zero_at_once, [line(rise=20)], Verdict.FAILS),
        (descent.every_activation_leaves_zero_at_once, [line() | {"average": [0.0] * 101}], Verdict.NOT_RUN),
    ],
)
def test_the_way_up(claim: Claim, lines: list[dict[str, Any]], expected: Verdict, judge: Judge) -> None:
    assert judge(claim, STUDENTS, {"followed": [lines]}).verdict is expected


@pytest.mark.parametrize(
    ("held", "expected"), [(0.5, Verdict.HOLDS), (0.0, Verdict.HOLDS), (3.0, Verdict.FAILS)]
)
def test_frozen_c(held: float, expected: Verdict, judge: Judge) -> None:
    at, pace = np.arange(101), np.array([[2.0], [2.1], [2.2]])
    ten = {
        "steps": at,
        "joint": {"overlap": np.minimum(pace * at / 100, 1)},
        "held": {"overlap": np.minimum(held * pace * at / 100, 1)},
    }
    assert judge(descent.frozen_c_is_slower, STUDENTS, {"ten": ten}).verdict is expected


def lost(
    linear: float = 1.02, network: float = 0.01, known: float = 0.01, u: float = 0.99, c: float = 0.3
) -> dict[str, Any]:
    """Return last losses, over the plateau, of three students, and overlaps."""
    ones = np.ones((3, 1)) * np.array([1.0, 1.0])

    def way(drawn: float) -> dict[str, Any]:
        network = {"loss": ones * drawn, "overlap": ones * [0.1, u], "c_overlap": ones * [0.1, c]}
        return {
            "steps": [0, 100],
            "network": network,
            "linear": {"loss": ones * linear},
            "plateau": [1.0] * 3,
        }

    return {"lost": {"drawn": way(network), "known": way(known)}, "size": [2.0] * 3}


@pytest.mark.parametrize(
    ("claim", "made", "expected"),
    [
        (students.linear_student_is_stuck, {}, Verdict.HOLDS),
        (students.linear_student_is_stuck, {"linear": 0.5}, Verdict.FAILS),
        (students.linear_student_is_stuck, {"linear": 1.5}, Verdict.OPEN),
        (students.network_falls, {}, Verdict.HOLDS),
        (students.network_falls, {"network": 0.4}, Verdict.ONLY_WHEN),
        (students.network_falls, {"network": 0.4, "known": 0.4}, Verdict.OPEN),
        (students.network_falls, {"network": 1.4}, Verdict.FAILS),
        (students.u_comes_before_c, {}, Verdict.HOLDS),
        (students.u_comes_before_c, {"u": 0.9, "c": 0.8}, Verdict.HOLDS),
        (students.u_comes_before_c, {"u": 0.8, "c": 0.8}, Verdict.OPEN),
        (students.u_comes_before_c, {"u": 0.6, "c": 0.9}, Verdict.FAILS),
        (students.u_comes_before_c, {"u": 0.2, "c": 0.9}, Verdict.FAILS),
        (students.u_comes_before_c, {"u": 0.2}, Verdict.NOT_RUN),
    ],
)
def test_where_students_end(claim: Claim, made: dict[str, Any], expected: Verdict, judge: Judge) -> None:
    assert judge(claim, STUDENTS, lost(**made)).verdict is expected


def against(
    name: str, power: float, cases: list[dict[str, Any]], noise: float = 0.02
) -> list[dict[str, Any]]:
    """Return steps to recovery that grow as a power."""
    random = np.random.default_rng(0)
    return [
        case | {"instance": place, name: x, "factor": 0.3, "weak": 100 * x**power * np.exp(noise * deviate)}
        for case in cases
        for place, deviate in enumerate(random.normal(size=8))
        for x in (3, 9, 27)
    ]


@pytest.mark.parametrize(("power", "expected"), [(1.0, Verdict.HOLDS), (2.0, Verdict.FAILS)])
def test_linear_in_d(power: float, expected: Verdict, judge: Judge) -> None:
    cases = [{"activation": "relu"}, {"activation": "he3"}]
    data = {"dimension": against("dimension", power, cases)}
    assert judge(times.recovery_is_linear_in_d, RECOVERY, data).verdict is expected


@pytest.mark.parametrize(("power", "expected"), [(0.5, Verdict.HOLDS), (5.0, Verdict.FAILS)])
def test_powers_of_the_width(power: float, expected: Verdict, judge: Judge) -> None:
    cases = [{"activation": sigma, "law": law} for sigma in ("relu", "quadratic") for law in ("one", "root")]
    data = {"width": against("width", power, cases)}
    assert judge(times.width_powers_are_bounds, RECOVERY, data).verdict is expected


def test_the_exponent_that_stands_for_all_has_its_own_interval(judge: Judge) -> None:
    steep = against("dimension", 1.1, [{"activation": "relu"}])
    flat = against("dimension", 0.98, [{"activation": "he3"}])
    found = judge(times.recovery_is_linear_in_d, RECOVERY, {"dimension": flat + steep})
    assert found.value == pytest.approx(1.1, abs=0.03)
    assert found.low is not None
    assert found.low > 1.02
    assert "(relu)" in found.quantity

    wide = against("width", 0.9, [{"activation": "relu", "law": "root"}])
    near = against("width", 0.1, [{"activation": "quadratic", "law": "one"}])
    found = judge(times.width_powers_are_bounds, RECOVERY, {"width": near + wide})
    assert found.value == pytest.approx(0.9, abs=0.03)
    assert found.low is not None
    assert found.low > 0.8
    assert "(relu at ξ = √k)" in found.quantity


def test_theorem_11_is_held_against_its_own_ingredients(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = times.theorem_11_follows_as_printed
    data = {"width": against("width", 0.5, [{"activation": "relu", "law": "one"}])}
    found = judge(claim, RECOVERY, data)
    assert found.verdict is Verdict.ONLY_WHEN
    assert found.value == 2
    assert found.condition.startswith("it is read as an upper bound: ")
    monkeypatch.setattr(times, "_power", lambda *_: 3.0)
    assert judge(claim, RECOVERY, data).verdict is Verdict.HOLDS
    monkeypatch.setattr(times, "_power", lambda *names: 4.0 if names[-1] == "implied" else 3.0)
    found = judge(claim, RECOVERY, data)
    assert found.verdict is Verdict.FAILS
    assert "upper bound" not in found.condition


@pytest.mark.parametrize(("power", "expected"), [(0.0, Verdict.HOLDS), (1.0, Verdict.FAILS)])
def test_the_variance(power: float, expected: Verdict, judge: Judge) -> None:
    rows = [
        {"activation": "relu", "law": "one", "instance": place, "width": k, "xi": 1.0}
        | {"variance": gradient_variance(k, 1.0) * k**power}
        for place in range(3)
        for k in (3, 15)
    ]
    assert judge(moments.gradient_variance_is_bounded, RECOVERY, {"width": rows}).verdict is expected


@pytest.mark.parametrize(
    ("late", "expected"), [(1000.0, Verdict.HOLDS), (None, Verdict.HOLDS), (10.0, Verdict.FAILS)]
)
def test_the_plateau(late: float | None, expected: Verdict, judge: Judge) -> None:
    rows = [
        {"instance": place, "dimension": 16, "ratio": ratio, "limit": 5000, "weak": weak and weak + place}
        for place in range(4)
        for ratio, weak in ((1.0, 100.0), (3.0, late))
    ]
    assert judge(scratch.plateau_returns, RECOVERY, {"xi": rows}).verdict is expected


@pytest.mark.parametrize(
    ("fine", "expected"), [(1.0, Verdict.HOLDS), (2.0, Verdict.OPEN), (3.0, Verdict.FAILS)]
)
def test_from_scratch(fine: float, expected: Verdict, judge: Judge) -> None:
    hiding = {
        name: against("dimension", power, [{}], noise=0.5)
        for name, power in (("fine", fine), ("one", 2.0), ("all", 2.0))
    }
    found = judge(scratch.fine_tuning_beats_scratch, RECOVERY, {"hiding": hiding})
    assert found.verdict is expected
    assert f"without the smallest d of each: {expected} (" in found.condition


def test_the_lead_is_that_of_the_nearer_way_from_scratch(judge: Judge) -> None:
    powers = {"fine": 1.0, "one": 3.0, "all": 2.0}
    hiding = {name: against("dimension", power, [{}]) for name, power in powers.items()}
    found = judge(scratch.fine_tuning_beats_scratch, RECOVERY, {"hiding": hiding})
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))
    assert "(all rows)" in found.quantity


@pytest.mark.parametrize(("factor", "expected"), [(0.01, Verdict.ONLY_WHEN), (1e6, Verdict.OPEN)])
def test_a_lead_that_hangs_on_the_smallest_dimension(factor: float, expected: Verdict, judge: Judge) -> None:
    hiding = {name: against("dimension", 2.0, [{}], noise=0.1) for name in ("fine", "one", "all")}
    for name in ("one", "all"):
        for row in hiding[name]:
            row["weak"] *= factor if row["dimension"] == 3 else 1.0
    found = judge(scratch.fine_tuning_beats_scratch, RECOVERY, {"hiding": hiding})
    assert found.verdict is expected
    assert found.condition.startswith("the smallest dimension") == (expected is Verdict.ONLY_WHEN)
    assert "without the smallest d of each: not decided (" in found.condition


@pytest.mark.parametrize(("whole", "expected"), [(2.0, Verdict.HOLDS), (0.5, Verdict.FAILS)])
def test_a_part_in_the_span(whole: float, expected: Verdict, judge: Judge) -> None:
    at, pace = np.arange(101), np.array([[2.0], [2.1], [2.2]])
    overlaps = np.minimum(np.stack([pace * at, whole * pace * at]) / 100, 1)
    inside = {"parts": [0.0, 1.0], "steps": at, "overlaps": overlaps}
    assert judge(span.part_in_the_span_is_faster, "recovery", {"inside": inside}).verdict is expected


@pytest.mark.parametrize(("ends", "expected"), [([1.0, 2.0], Verdict.HOLDS), ([1.0, 1.0], Verdict.FAILS)])
def test_two_optima(ends: list[float], expected: Verdict, judge: Judge) -> None:
    angles = np.linspace(-np.pi, np.pi, 721)
    loss = (angles - 1) ** 2 * (angles - 2) ** 2
    one = {"angles": angles, "loss": loss, "teacher": 1.0, "second": 2.0, "ends": ends}
    assert judge(span.several_optima, RECOVERY, {"optima": {"relu": one}}).verdict is expected
    apart = one | {"second": -2.0, "ends": [1.0, -2.0]}
    assert judge(span.several_optima, RECOVERY, {"optima": {"relu": apart}}).verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("factor", "expected"), [(-1.0, Verdict.HOLDS), (1.0, Verdict.ONLY_WHEN), (0.0, Verdict.FAILS)]
)
def test_one_mean(factor: float, expected: Verdict, judge: Judge) -> None:
    rows = [
        {"activation": "relu", "predicted": value, "found": factor * value, "error": 0.01}
        for value in (0.5, -0.4, 0.3)
    ]
    assert judge(moments.one_mean_shows_u, RECOVERY, {"moments": rows}).verdict is expected


@pytest.mark.parametrize(("power", "expected"), [(1.0, Verdict.HOLDS), (0.5, Verdict.FAILS)])
def test_features(power: float, expected: Verdict, judge: Judge) -> None:
    rows = [
        {"activation": "relu", "gap": gap, "left": gap**power, "limit": 2 * gap} for gap in (1e-4, 1e-3, 1e-2)
    ]
    assert judge(moments.features_make_c_easy, RECOVERY, {"features": rows}).verdict is expected
