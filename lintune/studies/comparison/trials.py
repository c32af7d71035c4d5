"""One method on all draws: its rate chosen on the validation examples, the test examples looked at once."""

import math
from collections.abc import Iterator
from typing import Any

from lintune.descent import Recipe
from lintune.errors import CorruptFileError
from lintune.studies.comparison.bench import Bench, Run
from lintune.studies.comparison.plan import Plan
from lintune.studies.rates import Searched, search

Row = dict[str, Any]


class Trials:
    """The search of one method and its final runs."""

    def __init__(self, bench: Bench, plan: Plan, seeds: tuple[int, ...]) -> None:
        """Take the draws with the method attached, and the seeds of the draws."""
        self._bench = bench
        self._plan = plan
        self._seeds = seeds
        # The final runs on the draws of the search are those of the best trial so far, by loss and rate.
        self._kept: tuple[tuple[float, float], list[Run | None]] = ((math.inf, math.inf), [])

    def rows(self) -> Iterator[Row]:
        """Yield a row per trial, `what` being `trial`, and one per draw, `run`."""
        found = search(self._loss_at, self._plan.rates, self._plan.finer)
        for number, (rate, loss) in enumerate(found.trials):
            yield {"what": "trial", "number": number, "rate": rate, "validation_loss": loss}
        for place, seed in enumerate(self._seeds):
            yield {"what": "run", "seed": seed, **self._final(found, place)}

    def _loss_at(self, rate: float) -> float:
        """Return the mean validation loss over the draws of the search."""
        searched = range(min(self._plan.search_draws, len(self._seeds)))
        runs = [self._bench.run(place, self._recipe(rate, place)) for place in searched]
        loss = sum(math.inf if run is None else run.validation_loss for run in runs) / len(runs)
        if (loss, rate) < self._kept[0]:
            self._kept = ((loss, rate), runs)
        return loss

    def _final(self, found: Searched, place: int) -> Row:
        """Return the row of a draw at the chosen rate."""
        chosen = {"rate": found.rate, "at_edge": found.at_edge, "trials": len(found.trials)}
        run, rate, kept = None, found.rate, self._kept[1]
        if rate is not None:
            run = kept[place] if place < len(kept) else self._bench.run(place, self._recipe(rate, place))
        try:
            scores = {} if run is None else self._bench.scores(place, run.values)
        except CorruptFileError:  # finite on the training and validation examples
            scores = {}
        if run is None or not scores:
            return chosen | {"diverged": True}
        losses = {"train_loss": run.train_loss, "validation_loss": run.validation_loss}
        return chosen | {"diverged": False, "penalty": run.penalty} | losses | scores

    def _recipe(self, rate: float, place: int) -> Recipe:
        return Recipe(
            rate,
            self._plan.steps,
            loss="cross-entropy",
            optimiser="adam",
            batch=self._plan.batch,
            seed=self._seeds[place],
        )
