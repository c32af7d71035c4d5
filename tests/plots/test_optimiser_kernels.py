"""Figures of optimisers' kernels hold what they were given."""

import numpy as np
import pandas as pd

from lintune import plots


def test_first_steps_show_medians_and_a_guide_for_each_optimiser() -> None:
    rates = np.array([1e-4, 1e-3, 1e-2])
    rows = [
        {"optimiser": optimiser, "example": example, "rate": rate, "change": rate, "error": size * rate**2}
        for optimiser in ("sgd", "signgd")
        for example, size in enumerate((1.0, 2.0, 9.0))
        for rate in rates
    ]
    figure = plots.first_step_errors({"tiny": pd.DataFrame(rows), "model": pd.DataFrame(rows[:9])})
    tiny, model = figure.axes
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["tiny", "model"]
    assert len(tiny.lines) == 2 * len(model.lines) == 6
    np.testing.assert_allclose(np.asarray(tiny.lines[0].get_ydata()), 2 * rates**2)
    guide = np.asarray(tiny.lines[2].get_ydata(), dtype=float)
    np.testing.assert_allclose(guide[-1] / guide[-2], 100)


def run(steps: int = 4, probes: int = 5) -> dict[str, object]:
    # Probes 0, 1, ... move by 1, 2, ... in every step.
    measured = np.tile(np.arange(1.0, probes + 1)[None, :, None], (steps, 1, 1))
    return {
        "measured": measured,
        "predicted": {"signgd": 1.5 * measured, "frozen": 1.1 * measured},
        "kernel": "signgd",
    }


def test_steps_show_the_least_the_middle_and_the_most_moved_probe() -> None:
    figure = plots.predicted_steps({"SignGD": run(), "again": run()})
    upper, _, lower, _ = figure.axes
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in upper.lines]
    np.testing.assert_allclose([each[-1] for each in drawn], [4, 6, 12, 18, 20, 30])
    assert all(each[0] == 0 for each in drawn)
    errors = {line.get_label(): np.asarray(line.get_ydata()) for line in lower.lines}
    np.testing.assert_allclose(errors["kernel of the start"], 0.5)
    np.testing.assert_allclose(errors["features of the start"], 0.1)
    figure.draw_without_rendering()


def test_accuracies_have_their_place_and_what_is_missing_says_so() -> None:
    pairs = [
        ("SGD", "least squares", [0.7, 0.9]),
        ("A-SignGD", "least squares", [0.6, 0.6]),
        ("SGD", "logistic", [0.5, 0.7]),
        ("A-SignGD", "logistic", [np.nan, np.nan]),
        ("", "chance", [0.5]),
        ("", "zero-shot", [0.65]),
    ]
    rows = pd.DataFrame(
        [
            {"title": title, "kernel": kernel, "solver": solver, "accuracy": value}
            for title in ("A", "B")
            for kernel, solver, values in pairs
            for value in values
        ]
    )
    figure = plots.kernel_solver_accuracies(rows)
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["least squares", "logistic"]
    lines = {str(line.get_label()): np.asarray(line.get_xdata(), dtype=float) for line in axis.lines}
    np.testing.assert_allclose(lines["zero-shot"], 0.65)
    means = [
        float(np.asarray(line.get_xdata())[0])
        for line in axis.lines
        if len(np.asarray(line.get_xdata())) == 1
    ]
    np.testing.assert_allclose(means, [0.8, 0.6, 0.6])
    # SignGD's kernel has no rows at all, and the asymmetric one is missing with the logistic solver.
    assert [text.get_text() for text in axis.texts] == [
        "SignGD: not defined",
        "SignGD: not defined",
        "A-SignGD: not defined",
    ]
