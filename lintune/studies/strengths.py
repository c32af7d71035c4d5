"""How far real fine-tuning is from its linear twin as the pull to the start grows, and what that costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lintune import spectrum, theory
from lintune.descent import Recipe
from lintune.errors import DivergedError
from lintune.finetune import Curvature, Setup, Trajectory, finetune
from lintune.kernels import TangentKernels, contrasts, flat, tangent_kernels
from lintune.methods import Method
from lintune.prompted import PromptedModel
from lintune.studies.intervals import interval
from lintune.tasks import FewShot

# Each bound that a run can break, with what it bounds. That on the kernel follows from the measured slope and
# curvature themselves, so it is computed and drawn but not counted.
BOUNDS = {
    "drift": "drift bound",
    "gap": "gap bound",
    "train_gap": "output bound",
    "linearisation_error": "error bound",
}
# Parts of the way to the farthest point at which the tangents are looked at, beside the visited points.
_SHARES = (0.5,)


def strengths(
    prompted: PromptedModel,
    split: FewShot,
    methods: Mapping[str, Method],
    relative: Sequence[float],
    *,
    steps: int,
    step: float = 0.5,
    curvature: bool = True,
) -> pd.DataFrame:
    """Fine-tune with squared loss and the pull always on, for many strengths, beside the linear twin.

    Gradient descent takes steps of `step` / (e + strength), e the largest eigenvalue of the kernel at the
    start: up to `step` = 1 the linear twin converges without overshooting.

    Args:
        prompted: The function.
        split: Training and test examples.
        methods: What is trained, by name.
        relative: Strengths lambda over e.
        steps: Updates of each run.
        step: See above.
        curvature: Whether to measure how the tangents turn, and with it the bounds.

    Returns:
        A row per method and strength: `method`, `relative` and `strength`; what `Trajectory` says of the
        last step; `diverged`; with curvature each of `BOUNDS`, `settled`, whether the objective was never
        above its start, which the bounds presuppose, and `rounding`, by how much the network's outputs and
        those of its kernel's pass differ at the start. A run that diverges leaves the rest empty.
    """
    basis = contrasts(prompted.classes)
    rows = []
    for name, method in methods.items():
        kernels = tangent_kernels(
            prompted, split.train, split.test, methods=[method], outputs=basis, by_layer=False
        )
        largest = float(spectrum.eigenvalues(flat(kernels.train[method.name].total()))[0])
        setup = Setup.of(prompted, method, split)
        turning = Curvature(setup.attached, setup.train) if curvature else None
        for factor in relative:
            recipe = Recipe(step / (largest * (1 + factor)), steps, strength=factor * largest)
            found = _run(setup, recipe, kernels, turning)
            rows.append({"method": name, "relative": factor, "strength": recipe.strength, **found})
    return pd.DataFrame(rows)


def exponents(rows: pd.DataFrame, above: float) -> dict[str, dict[str, float]]:
    """Return the slopes of drift and gap against the strength on logarithmic axes, by method.

    Args:
        rows: What `strengths` returns.
        above: Strengths over the largest eigenvalue from which on the slope is fitted.

    Returns:
        By method: `drift` and `gap`. Methods with fewer than two runs there are left out.
    """
    found = {}
    for method, group in rows[(rows.relative >= above) & ~rows.diverged].groupby("method"):
        if len(group) > 1:
            x = np.log(group.strength)
            found[str(method)] = {
                column: float(np.polyfit(x, np.log(group[column].astype(float)), 1)[0])
                for column in ("drift", "gap")
            }
    return found


def violations(rows: pd.DataFrame) -> pd.DataFrame:
    """Return for each bound how often it was checked, how often broken, and how tight it was.

    Args:
        rows: What `strengths` returns, with curvature.

    Returns:
        A row per bound: `checked`, in how many runs whose objective never rose above its start and where
        something beyond rounding was measured; `broken`; `tightest` and `median` of bound over
        measurement. Slope and curvature are the largest at the points looked at, not over the whole path.
    """
    held = rows[~rows.diverged & rows.settled.eq(True)]
    found = {}
    for measured, bound in BOUNDS.items():
        # Outputs are known to rounding only; parameters start at the very same numbers.
        noise = held.rounding * (2.0 if measured in ("train_gap", "linearisation_error") else 0.0)
        above = held[held[measured] > noise]
        ratio = (above[bound] / above[measured]).astype(float)
        broken = above[measured] > above[bound] * (1 + 1e-6) + noise[above.index]
        found[bound] = {
            "checked": len(above),
            "broken": int(broken.sum()),
            "tightest": float(ratio.min()) if len(ratio) else None,
            "median": float(ratio.median()) if len(ratio) else None,
        }
    return pd.DataFrame.from_dict(found, orient="index")


def best_strengths(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the most linear strength costs against one chosen by accuracy on other draws.

    Args:
        rows: What `strengths` returns, for several draws, with the columns `task` and `seed`.

    Returns:
        A row per task and method: `best` strength (relative) by mean accuracy over all draws; the `most
        linear` one, of smallest root mean square gap on the test examples; the mean `accuracy` of the
        strength that is best on the other draws, and the `linear accuracy`; their mean difference `cost`,
        paired by draw, with its 95 % t interval from `low` to `high`. With one draw the cost has no
        interval and no accuracy that it was not chosen by: those are None.
    """
    found = []
    for (task, method), group in rows[~rows.diverged].groupby(["task", "method"]):
        table = group.pivot_table(index="seed", columns="relative", values="test_accuracy").dropna(axis=1)
        gaps = group.groupby("relative").test_gap.mean()[table.columns]
        closest = float(gaps.index[int(gaps.argmin())])
        row = {
            "task": task,
            "method": method,
            "best": table.mean().idxmax(),
            "most linear": closest,
            "linear accuracy": float(table[closest].mean()),
        }
        found.append(row | _cost(table, closest))
    return pd.DataFrame(found)


def _cost(table: pd.DataFrame, closest: float) -> dict[str, float | None]:
    """Return what a strength costs against the one that the other draws would choose."""
    if len(table) < 2:
        return dict.fromkeys(("accuracy", "cost", "low", "high"))
    values = table.to_numpy()
    others = np.array([np.delete(values, draw, axis=0).mean(axis=0).argmax() for draw in range(len(values))])
    chosen = values[np.arange(len(values)), others]
    cost = chosen - table[closest].to_numpy()
    mean, low, high = interval(cost)
    return {"accuracy": float(chosen.mean()), "cost": mean, "low": low, "high": high}


def _run(setup: Setup, recipe: Recipe, kernels: TangentKernels, turning: Curvature | None) -> dict[str, Any]:
    """Return the row of one run."""
    at = [recipe.steps] if turning is None else [0, max(1, recipe.steps // 3), recipe.steps]
    try:
        run = finetune(setup, recipe, at=at, twin=kernels, curvature=turning)
    except DivergedError:
        return {"diverged": True}
    last = {str(name): value for name, value in run.rows.iloc[-1].items()}
    return {"diverged": False, **last, **({} if turning is None else _bounds(run, recipe, turning))}


def _bounds(run: Trajectory, recipe: Recipe, turning: Curvature) -> dict[str, Any]:
    """Return the bounds of a run, with the constants that it showed."""
    start, moved, last = run.rows.iloc[0], run.rows[run.rows.drift > 0], run.rows.iloc[-1]
    on_the_way = turning.on_the_way(run.values, _SHARES)
    curvature = max(float((moved.jacobian_change / moved.drift).max()), on_the_way)
    known = {"initial_loss": float(start.loss), "strength": recipe.strength}
    stepping = {"step": recipe.learning_rate, "steps": float(recipe.steps)}
    slope = float(run.rows.slope.max())
    turned = {"start_slope": turning.start_slope, "curvature": curvature}
    beside = known | stepping | turned | {"drift": run.farthest}
    return {
        "curvature": curvature,
        "settled": run.highest <= float(start.loss) * (1 + 1e-9),
        "rounding": float(start.train_gap),
        "drift bound": min(
            theory.drift_from_loss(**known), theory.drift_from_slope(slope=slope, **known, **stepping)
        ),
        "gap bound": theory.parameter_gap(**beside),
        "output bound": theory.output_gap(**beside),
        "error bound": theory.function_gap(curvature=curvature, drift=float(last.drift)),
        "kernel bound": theory.kernel_drift(slope=slope, **turned, drift=float(last.drift)),
    }
