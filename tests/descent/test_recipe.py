"""Recipes: what is refused, which examples each step sees, and what a recipe calls itself."""

import math
from itertools import islice
from typing import Any

import pytest
import torch

from lintune.descent import Recipe
from lintune.errors import InputError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strength": -0.5}, r"strength=-0\.5 must be at least 0"),
        ({"strength": math.nan}, "strength=nan"),
        ({"strength": math.inf}, "strength=inf"),
        ({"learning_rate": math.nan}, "learning_rate=nan must be positive"),
        ({"learning_rate": 0.0}, r"learning_rate=0\.0"),
        ({"learning_rate": -1.0}, r"learning_rate=-1\.0"),
        ({"learning_rate": math.inf}, "learning_rate=inf"),
        ({"loss": "hinge"}, "loss='hinge' is not known.*Accepted: cross-entropy, squared"),
        ({"optimiser": "adamw"}, "optimiser='adamw' is not known. Did you mean 'adam'"),
        ({"pull": "selectiv"}, "pull='selectiv' is not known. Did you mean 'selective'"),
        ({"anchor": "origin"}, "anchor='origin' is not known.*Accepted: start, zero"),
        ({"momentum": 1.0}, r"momentum=1\.0 must be from 0 to below 1"),
        ({"momentum": -0.1}, r"momentum=-0\.1"),
        ({"momentum": math.nan}, "momentum=nan"),
        ({"momentum": 0.9, "optimiser": "adam"}, r"momentum=0\.9 .* 0 for adam"),
        ({"momentum": 0.9, "optimiser": "signgd"}, r"momentum=0\.9 .* 0 for adam and signgd"),
        ({"batch": 0}, "batch=0 must be at least 1"),
        ({"steps": 0}, "steps=0 must be at least 1"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
    ],
)
def test_what_cannot_be_trained_with_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recipe(**({"learning_rate": 0.1, "steps": 3} | given))


def test_without_a_batch_every_step_sees_all_in_order() -> None:
    for batch in (None, 5, 9):
        for rows in islice(Recipe(0.1, 3, batch=batch).batches(5), 3):
            assert rows.tolist() == [0, 1, 2, 3, 4]


def test_an_epoch_draws_without_replacement_and_leaves_a_short_batch_out() -> None:
    drawn = [rows.tolist() for rows in islice(Recipe(0.1, 1, batch=3).batches(8), 40)]
    assert all(len(rows) == 3 for rows in drawn)
    epochs = [drawn[start] + drawn[start + 1] for start in range(0, 40, 2)]
    assert all(len(set(epoch)) == 6 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1  # a new order each time
    assert set().union(*epochs) == set(range(8))  # what is left out changes


def test_batches_that_fit_cover_every_epoch() -> None:
    drawn = list(islice(Recipe(0.1, 1, batch=2).batches(6), 6))
    for start in (0, 3):
        assert sorted(torch.cat(drawn[start : start + 3]).tolist()) == [0, 1, 2, 3, 4, 5]


def test_the_order_is_that_of_the_seed() -> None:
    first, again, other = (
        torch.stack(list(islice(Recipe(0.1, 1, batch=2, seed=seed).batches(10), 20))) for seed in (4, 4, 5)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_recipe_says_what_differs_from_the_defaults() -> None:
    assert str(Recipe(0.1, 9)) == "Recipe(learning_rate=0.1, steps=9)"
    assert (
        str(Recipe(0.1, 9, strength=2.0, pull="selective"))
        == "Recipe(learning_rate=0.1, steps=9, strength=2.0, pull='selective')"
    )
