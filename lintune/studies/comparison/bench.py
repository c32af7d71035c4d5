"""The draws of a task with a method attached: what every trial and every final run share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lintune import metrics
from lintune.descent import Recipe, Vector
from lintune.errors import CorruptFileError, DivergedError
from lintune.finetune import Setup, finetune
from lintune.methods import Method
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.studies.behaviour.draws import Draw
from lintune.studies.behaviour.training import classes, mean_loss
from lintune.studies.comparison.compared import seeded
from lintune.tasks import Examples, FewShot


@dataclass(frozen=True, eq=False)
class Run:
    """A run that has ended.

    Attributes:
        values: The trained parameters.
        train_loss: Mean cross-entropy of the training examples in the end.
        validation_loss: That of the validation examples.
        penalty: The method's own penalty in the end, over the number of training examples.
    """

    values: Vector
    train_loss: float
    validation_loss: float
    penalty: float


@dataclass(frozen=True, eq=False)
class Bench:
    """A method on the draws of a task; the frozen blocks were run once for all methods.

    Attributes:
        setups: Training and validation examples of each draw, with the method attached; what it draws at
            random it draws by the seed of the draw.
        seeds: Seeds of the draws.
        test: The test examples, which all draws share.
        prepared: The same, prepared.
        metric: How answers are scored.
    """

    setups: tuple[Setup, ...]
    seeds: tuple[int, ...]
    test: Examples
    prepared: Prepared
    metric: metrics.Metric = "accuracy"

    @classmethod
    def of(
        cls, prompted: PromptedModel, method: Method, draws: Sequence[Draw], metric: metrics.Metric
    ) -> "Bench":
        """Attach a method and run the frozen blocks for all examples.

        Raises:
            InputError: The method does not fit the model.
        """
        setups = tuple(
            Setup.of(prompted, seeded(method, draw.seed), FewShot(draw.train, draw.validation))
            for draw in draws
        )
        seeds, test = tuple(draw.seed for draw in draws), draws[0].test
        return cls(setups, seeds, test, setups[0].attached.prepare(test), metric)

    def with_method(self, method: Method) -> "Bench":
        """Attach another method; frozen blocks are run again only where it freezes others."""
        setups = tuple(
            setup.with_method(seeded(method, seed))
            for setup, seed in zip(self.setups, self.seeds, strict=True)
        )
        attached = setups[0].attached
        same = attached.frozen_blocks == self.prepared.depth
        prepared = self.prepared if same else attached.prepare(self.test)
        return Bench(setups, self.seeds, self.test, prepared, self.metric)

    @property
    def attached(self) -> Attached:
        """The function of the trained parameters, on the first draw."""
        return self.setups[0].attached

    def run(self, place: int, recipe: Recipe) -> Run | None:
        """Train on the draw at a place; None where training diverges."""
        setup = self.setups[place]
        try:
            found = finetune(setup, recipe, at=(recipe.steps,), twin=False)
        except (DivergedError, CorruptFileError):  # outputs of examples outside the last batch may overflow
            return None
        end = found.rows.iloc[-1]
        n = len(setup.train)
        penalty = float(end.objective - end.loss) / n
        return Run(found.values, float(end.loss) / n, float(end.test_loss), penalty)

    def scores(self, place: int, values: Vector) -> dict[str, float]:
        """Return `test_score` and `test_loss`, the mean cross-entropy, with what a draw's run trained."""
        attached = self.setups[place].attached
        return self.scored(attached.outputs_on(values, self.prepared).double().cpu().numpy())

    def scored(self, outputs: np.ndarray) -> dict[str, float]:
        """Return the same for contrasts `(m, C - 1)` of the test examples."""
        labels = self.test.labels
        score = metrics.score(self.metric, labels, classes(outputs))
        return {"test_score": score, "test_loss": mean_loss(outputs, labels)}
