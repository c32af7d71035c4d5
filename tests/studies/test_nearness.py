"""Staying near: what is recorded is what happened, and the theory's statements hold where they must."""

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from lintune import plots, theory
from lintune.descent import Recipe, Squared, descend, difference, norm
from lintune.errors import InputError
from lintune.finetune import Network, Setup, finetune
from lintune.methods import LoRA, Weights
from lintune.prompted import PromptedModel
from lintune.studies import nearness
from lintune.tasks import FewShot
from tests.descent.worlds import Function
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

LAST = ("*.1.*",)


@pytest.fixture(scope="module")
def near() -> Setup:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    return Setup.of(prompted, Weights(LAST), FewShot(sentences(0, 6), sentences(1, 10)))


def test_a_run_is_that_of_finetuning(near: Setup) -> None:
    recipe = Recipe(0.01, 5, loss="cross-entropy", optimiser="adam", strength=0.5)
    run = nearness.trained(near, recipe)
    other = finetune(near, recipe, twin=False)
    for name in ("step", "loss", "objective", "drift", "pulled"):
        np.testing.assert_allclose(run.rows[name], other.rows[name], rtol=1e-9, atol=1e-12, err_msg=name)
    assert nearness.accuracy(near, run.values) == other.rows.test_accuracy.iloc[-1]
    assert norm(difference(run.values, other.values)) < 1e-12
    assert run.rows.time.tolist() == pytest.approx([0, 0.01, 0.02, 0.03, 0.04, 0.05])


def test_tensors_that_are_led_back_are_counted(near: Setup) -> None:
    recipe = Recipe(0.05, 4, optimiser="adam")
    rows = nearness.trained(near, recipe).rows
    network, loss = Network(near.attached, near.train), Squared(near.split.train.labels, 2)
    expected = []
    for _ in descend(network, loss, recipe):
        gradient = network.gradient(torch.arange(6), loss)[1]
        away = difference(network.values, network.start)
        expected.append(np.mean([float((gradient[name] * away[name]).sum()) > 0 for name in away]))
    assert rows.back.tolist() == pytest.approx(expected)
    assert rows.back[0] == 0


def test_another_method_shares_the_frozen_blocks(near: Setup) -> None:
    lora = near.with_method(LoRA(2, 4.0, LAST))
    assert lora.train is near.train
    rows = nearness.trained(lora, Recipe(0.05, 3, optimiser="adam", anchor="zero", strength=0.1)).rows
    start = lora.attached.start
    factors = {name: value for name, value in start.items() if name.endswith(":A")}
    assert factors
    assert rows["size"][0] == pytest.approx(norm(factors))
    assert rows.moved[0] == 0
    assert 0 < rows.moved.iloc[-1] < rows.drift.iloc[-1]
    assert rows.objective[0] == pytest.approx(rows.loss[0] + 0.05 * norm(start) ** 2)
    whole = near.with_method(Weights())
    assert whole.attached.frozen_blocks == 0
    assert not whole.train.states


def test_both_factors_of_a_product_are_led_towards_zero_at_the_same_time(near: Setup) -> None:
    """The outputs depend on B A alone, so <g_A, A> = <g_B, B> wherever and whatever the batch."""
    lora = near.with_method(LoRA(2, 4.0, LAST))
    network, loss = Network(lora.attached, lora.train), Squared(near.split.train.labels, 2)
    seen = 0
    for _ in descend(network, loss, Recipe(0.05, 3, optimiser="adam", batch=2)):
        gradient = network.gradient(torch.tensor([1, 4]), loss)[1]
        for name in network.values:
            if name.endswith(":A"):
                other = name.removesuffix("A") + "B"
                a, b = (
                    float((gradient[each] * network.values[each].detach()).sum()) for each in (name, other)
                )
                assert a == pytest.approx(b, rel=1e-9, abs=1e-12)
                seen += abs(a) > 1e-6
    assert seen


def test_the_pull_always_on_keeps_within_its_bounds_and_the_selective_does_not(near: Setup) -> None:
    found, towards = nearness.drifts(near, [0.1, 1.0, 10.0], time=3.0)
    assert norm(towards) == pytest.approx(found["none"]["drift"][-1])
    ends = {kind: [run["drift"][-1] for run in found[kind]] for kind in ("always", "selective")}
    for run, strength in zip(found["always"], (0.1, 1.0, 10.0), strict=True):
        assert run["relative"] == pytest.approx(strength)
        assert run["objective"].max() <= run["objective"][0] * (1 + 1e-9)  # the premise
        assert run["drift"].max() <= run["from_loss"]
        assert run["drift"][-1] <= run["from_slope"]
        assert run["slope"] >= found["start"]["slope"]
        assert run["from_loss"] == theory.drift_from_loss(
            initial_loss=found["start"]["loss"], strength=run["strength"]
        )
    assert found["always"][2]["from_slope"] < found["always"][2]["from_loss"]
    assert np.diff(ends["always"]).max() < 0
    assert ends["always"][2] < 0.2 * found["none"]["drift"][-1]
    for run in found["selective"]:
        assert run["time"][-1] == pytest.approx(3.0 / found["start"]["largest"])
        assert (np.diff(run["loss"]) <= 1e-12).all()
        if not run["pulled"][1:].any():  # then it is the run without a pull, with steps of another size
            assert run["drift"][-1] == pytest.approx(found["none"]["drift"][-1], rel=0.1)
    assert not np.array(found["selective"][2]["pulled"])[1:].any()


def test_the_selective_pull_never_acts_on_a_linear_model_that_starts_at_its_anchor() -> None:
    """For steps up to 1 / l_1; with longer ones the first mode overshoots, and it does."""
    slopes = torch.randn(6, 1, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    largest = float(torch.linalg.matrix_norm(slopes[:, 0], 2)) ** 2
    start = {"t": torch.zeros(9, dtype=torch.float64)}
    labels = np.array([0, 1, 1, 0, 1, 1])

    def pulled(pace: float, strength: float = 2.0) -> list[bool]:
        world = Function(start, lambda values: slopes @ values["t"])
        recipe = Recipe(pace / largest, 200, strength=strength, pull="selective")
        return [step.pulled for step in descend(world, Squared(labels, 2), recipe)][1:]

    assert not any(pulled(0.99))
    assert not any(pulled(0.3, strength=1e4))
    assert any(pulled(1.9))


def test_the_loss_can_rise_under_the_selective_rule_though_the_step_is_short_for_the_objective() -> None:
    """Loss (10 x^2 + y^2) / 2 about (1, 0), anchor 0: at (1, y), y small, the pull takes x off its best."""
    labels = np.array([0])

    class Quadratic(Function):
        def gradient(self, rows: torch.Tensor, loss: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            x, y = self.values["t"]
            return torch.zeros(1, 1), {"t": torch.stack([10 * (x - 1), y])}

    def value(t: torch.Tensor) -> float:
        return float(5 * (t[0] - 1) ** 2 + t[1] ** 2 / 2)

    strength, smooth = 2.0, 10.0
    rises = {}
    for step in (1 / (smooth + strength), 1e-5):
        world = Quadratic({"t": torch.zeros(2, dtype=torch.float64)}, lambda values: values["t"])
        world.values["t"] = torch.tensor([1.0, 0.05], dtype=torch.float64)
        before = value(world.values["t"])
        states = descend(world, Squared(labels, 2), Recipe(step, 1, strength=strength, pull="selective"))
        assert next(states).pulled
        next(states)
        rises[step] = value(world.values["t"]) > before
    assert list(rises.values()) == [True, False]


def test_switching_is_counted() -> None:
    rows = {
        "loss": np.array([3.0, 2.0, 2.5, 2.5, 1.0]),
        "pulled": np.array([True, False, True, True, True]),
        "drift": np.arange(5.0),
    }
    assert nearness.switched(rows) == {"steps": 4, "acts": 2, "rises": 1, "drift": 4.0}
    assert nearness.switched(rows, whole=False)["rises"] is None


def test_acting_has_a_row_per_recipe(near: Setup) -> None:
    largest = nearness.slope(near) ** 2
    calm = Recipe(0.3 / largest, 6, strength=0.5 * largest, pull="selective")
    batches = Recipe(0.1 / largest, 3, strength=largest, pull="selective", batch=2)
    found = nearness.acting(near, {"calm": calm, "batches": batches})
    assert [each["name"] for each in found] == ["calm", "batches"]
    assert found[0]["acts"] == 0
    assert found[0]["drift"] == found[0]["unpulled"]
    assert found[1]["rises"] is None


def test_steepness_is_in_units_of_the_way(near: Setup) -> None:
    run = nearness.trained(near, Recipe(0.2 / nearness.slope(near) ** 2, 5))
    towards = difference(run.values, near.attached.start)
    found = nearness.steepness(near, towards, [0.0, 1.0, 4.0], models=2, directions=2, bends_at=[0.5, 1.0])
    assert found["unit"] == pytest.approx(run.rows.drift.iloc[-1])
    assert found["weights"] == pytest.approx(norm(near.attached.start))
    assert found["lipschitz"]["radius"] == pytest.approx([0, 1, 4])
    bent = found["bending"]
    assert bent["direction"] == [""] + ["random 0"] * 2 + ["random 1"] * 2 + ["training"] * 2
    assert bent["radius"] == pytest.approx([0, 0.5, 1, 0.5, 1, 0.5, 1])
    assert bent["slope"][0] == pytest.approx(nearness.slope(near))
    assert bent["slope"][-1] == pytest.approx(nearness.slope(near, run.values), rel=1e-6)


def test_bad_arguments_are_refused(near: Setup) -> None:
    for given, message in (
        ({"relative": []}, r"relative=\(\) must be positive"),
        ({"relative": [1.0, -1.0]}, r"relative=\(1\.0, -1\.0\)"),
        ({"relative": [1.0], "pace": 1.5}, r"pace=1\.5"),
        ({"relative": [1.0], "longest": 0.0}, r"longest=0\.0"),
        ({"relative": [1.0], "time": 0.0}, r"time=0\.0"),
    ):
        with pytest.raises(InputError, match=message):
            nearness.drifts(near, **({"time": 1.0} | given))


def drawn(axis: Axes) -> dict[object, list[float]]:
    return {line.get_label(): np.asarray(line.get_ydata(), dtype=float).tolist() for line in axis.lines}


def test_figures_hold_what_they_were_given() -> None:
    mpl.use("agg")
    plots.use_style()
    run = {"relative": 10.0, "time": [0.0, 0.5], "drift": [0.0, 0.2], "from_loss": 0.7, "from_slope": 0.5}
    other = run | {"drift": [0.0, 0.3]}
    found = {"start": {"largest": 2.0}, "none": other, "always": [run], "selective": [other]}
    left, right = plots.pulled_drifts(found).axes
    assert drawn(left)["10"] == [0, 0.2]
    for line in left.lines[:2]:
        assert np.asarray(line.get_xdata(), dtype=float).tolist() == [0, 1]  # in units of 1 / l_1
    assert drawn(right)["always, measured"] == [0.2]
    assert drawn(right)["selective, measured"] == [0.3]
    assert drawn(right)["bound for always: G√(2R₀)/λ"] == [0.5]
    ways: dict[str, dict[str, list[float]]]
    ways = {name: {"step": [0, 1], "size": [2.0, 1.0], "moved": [0.0, 3.0]} for name in ("none", "to zero")}
    left, right = plots.anchors(ways).axes
    assert drawn(left)["to zero"] == [1, 0.5]
    assert drawn(right)["none"] == [0, 1.5]
    lipschitz = {"radius": [0, 1], "average": [2, 3], "least": [2, 1], "largest": [2, 5], "upper": [2, 5]}
    bending: dict[str, list[Any]]
    bending = {"direction": ["", "random 0", "training"], "radius": [0, 1, 1], "curvature": [0, 0.1, 7]}
    left, right = plots.steepness(lipschitz, bending).axes
    assert drawn(left)["upper up to r"] == [2, 5]
    assert drawn(right) == {"random": [0.1], "way of training": [7]}
    plt.close("all")
