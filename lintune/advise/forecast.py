"""What training a candidate will come to: courses on random halves of the examples, tested on the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lintune.advise.course import course
from lintune.advise.look import Sight
from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.kernels import contrasts

# Learning rates of the linear run that are considered: four to a decade.
RATES = tuple(float(f"{10 ** (power / 4):.3g}") for power in range(-20, -3))
# How many times as far a real run goes at the same rate. Of LoRA's two factors Adam moves the one that has no
# gradient at the start as fast as the other, and its outputs leave the first order soon. Chosen on a draw of
# the task `mr`.
PACE: dict[str, float] = {"lora": 3.0, "ia3": 1.0, "rows": 1.0}


@dataclass(frozen=True, eq=False)
class Forecast:
    """Predicted runs of one candidate at every rate, and the rate to be suggested.

    Attributes:
        rates: `(R,)` learning rates of the linear run.
        pace: How many times as far a real run goes at the same rate.
        held_by_rate: `(R,)` predicted mean cross-entropy of held-out examples.
        train_by_rate: `(R,)` that of training examples.
        place: At which of the rates the held-out loss is least.
        losses: `(N,)` cross-entropy of each example when held out, at that rate.
        predicted: `(N,)` class predicted for each example when held out, by the mean of its outputs.
        train_curve: `(steps + 1,)` predicted training loss at that rate.
        held_curve: `(steps + 1,)` predicted held-out loss.
        drift: ||theta - theta_0|| in the end.
        strength: Lambda of the pull, in the kernel's units.
    """

    rates: np.ndarray
    pace: float
    held_by_rate: np.ndarray
    train_by_rate: np.ndarray
    place: int
    losses: np.ndarray
    predicted: np.ndarray
    train_curve: np.ndarray
    held_curve: np.ndarray
    drift: float
    strength: float

    @property
    def rate(self) -> float:
        """The suggested learning rate: that of the linear run over the pace, to three digits."""
        return float(f"{self.rates[self.place] / self.pace:.3g}")

    @property
    def at_edge(self) -> bool:
        """Whether a rate beyond those that were considered might be better."""
        return self.place in (0, len(self.rates) - 1)

    @property
    def held_loss(self) -> float:
        """Predicted held-out loss of the linear run."""
        return float(self.held_by_rate[self.place])

    @property
    def train_loss(self) -> float:
        """Predicted training loss of the linear run."""
        return float(self.train_by_rate[self.place])


def halves(labels: np.ndarray, repeats: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return random halves of the examples, each class divided evenly: pairs of places, both ways round.

    Args:
        labels: `(N,)` classes.
        repeats: How often the examples are divided.
        seed: Seed.

    Raises:
        InputError: A class has one example only, or the repeats are less than one.
    """
    if repeats < 1:
        raise InputError(f"repeats={repeats} must be at least 1.")
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise InputError(
            f"labels: class {classes[counts.argmin()]} has one example; forecasts need two of each class, "
            "one to learn from and one to test on."
        )
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        first: list[int] = []
        spare = False  # of classes with an odd number, every other gives the smaller part
        for label in classes:
            places = rng.permutation(np.flatnonzero(labels == label))
            first += places[: (len(places) + (spare and len(places) % 2)) // 2].tolist()
            spare ^= bool(len(places) % 2)
        one = np.sort(np.array(first))
        other = np.setdiff1d(np.arange(len(labels)), one)
        found += [(one, other), (other, one)]
    return found


def forecast(
    sight: Sight,
    logits: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    *,
    rates: Sequence[float] = RATES,
    repeats: int = 4,
    seed: int = 0,
) -> Forecast:
    """Predict what training a candidate comes to.

    On random halves of the examples the linear model is trained (`lintune.advise.course`) at every rate;
    the other half tests it. The pull is the candidate's, times the mean eigenvalue of the kernel of the
    half that is trained on.

    Args:
        sight: The candidate with its kernel.
        logits: `(N, C)` at the start.
        labels: `(N,)` classes.
        recipe: How to train; its rate, strength and seed are not read.
        rates: Learning rates of Adam.
        repeats: How often the examples are divided.
        seed: Of the halves and the order of examples.

    Raises:
        InputError: A class has one example only, or the recipe is not of Adam and cross-entropy.
    """
    basis = contrasts(logits.shape[1])
    n, k, count = len(labels), basis.shape[1], len(rates)
    losses, outputs = np.zeros((count, n)), np.zeros((count, n, k))
    train, held, drift, strengths = [], [], [], []
    kernel = sight.kernel
    for number, (mine, others) in enumerate(halves(labels, repeats, seed)):
        gram = kernel[mine][:, :, mine]
        mean = float(np.einsum("icic->", gram)) / (len(mine) * k)
        strength = sight.candidate.pull * mean
        run = course(
            sight,
            logits,
            labels,
            mine,
            others,
            recipe=replace(recipe, strength=strength, seed=seed + number),
            rates=np.asarray(rates),
        )
        losses[:, others] += run.others / repeats
        outputs[:, others] += run.outputs / repeats
        train.append(run.train)
        held.append(run.held)
        drift.append(run.drift)
        strengths.append(strength)
    by_rate = losses.mean(axis=1)
    place = int(by_rate.argmin())
    return Forecast(
        np.asarray(rates),
        PACE[sight.candidate.kind],
        by_rate,
        np.mean(train, axis=0)[:, -1],
        place,
        losses[place],
        (outputs[place] @ basis.T).argmax(axis=1),
        np.mean(train, axis=0)[place],
        np.mean(held, axis=0)[place],
        float(np.mean(drift, axis=0)[place]),
        float(np.mean(strengths)),
    )
