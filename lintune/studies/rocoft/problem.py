"""Draws of a task with the top blocks of a model to tune: what kernels and training share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lintune.errors import InputError
from lintune.finetune import Setup
from lintune.methods import Method, Weights
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import PromptedModel
from lintune.studies.behaviour.draws import Draw, draw
from lintune.studies.draws import union
from lintune.studies.rocoft.scores import Layer, look
from lintune.tangents import top_layers
from lintune.tasks import Examples, FewShot, Task


@dataclass(frozen=True, eq=False)
class Problem:
    """Few-shot draws of a task whose texts went through the frozen blocks once.

    Attributes:
        prompted: The function.
        task: The task.
        draws: The draws; all share the test examples.
        layers: The linear layers of the top blocks, scored on the training examples of all draws.
        pool: The training examples of all draws, each once.
        places: For each draw where its training examples are in the pool.
        train: The pool, prepared.
        validation: For each draw its validation examples, prepared.
        test: The test examples, prepared.
    """

    prompted: PromptedModel
    task: Task
    draws: Sequence[Draw]
    layers: Mapping[str, Layer]
    pool: Examples
    places: Sequence[np.ndarray]
    train: Prepared
    validation: Sequence[Prepared]
    test: Prepared

    @classmethod
    def of(
        cls,
        prompted: PromptedModel,
        task: Task,
        depth: int,
        *,
        shots: int,
        validation_shots: int,
        seeds: Sequence[int],
        test_examples: int,
    ) -> "Problem":
        """Draw examples, run the frozen blocks, and score rows and columns.

        Args:
            prompted: The function.
            task: The task.
            depth: How many blocks from the top are tuned.
            shots: Training examples per class.
            validation_shots: Validation examples per class.
            seeds: Seeds of the draws, at least one.
            test_examples: Number of test examples.

        Raises:
            InputError: No seeds, or as `draw` and `top_layers`.
        """
        if not seeds:
            raise InputError("seeds=[] must hold at least one seed.")
        targets = top_layers(prompted.pretrained.model, depth)
        draws = [draw(task, shots, seed, test_examples, validation_shots) for seed in seeds]
        attached = Attached(prompted, Weights(list(targets)))
        pool, places = union([each.train for each in draws])
        train = attached.prepare(pool)
        return cls(
            prompted,
            task,
            draws,
            look(prompted, pool, targets, prepared=train),
            pool,
            places,
            train,
            [attached.prepare(each.validation) for each in draws],
            attached.prepare(draws[0].test),
        )

    def setup(self, method: Method, number: int) -> Setup:
        """Return a draw ready to be trained on, with its validation examples as the ones to measure on.

        Args:
            method: A method that tunes all the layers.
            number: Which draw.
        """
        each = self.draws[number]
        return Setup(
            Attached(self.prompted, method),
            FewShot(each.train, each.validation),
            self.train.take(self.places[number].tolist()),
            self.validation[number],
        )
