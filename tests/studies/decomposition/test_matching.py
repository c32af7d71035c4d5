"""Matching a change: the starts are those of the methods, the steps those of torch's optimisers."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
import torch

from lintune.errors import InputError
from lintune.methods import FLoRA, LoRA, TriLoRA
from lintune.studies.decomposition import (
    Change,
    apart,
    descend,
    matched,
    order,
    order_in_words,
    race,
    ranking,
)
from lintune.studies.decomposition.matching import FORMS, left_factor, squares_left, starts
from tests.studies.decomposition.test_equality import drawn, site

TARGET = Change("layer", drawn(0, 9, 6), drawn(1, 9, 6))
METHODS = {"LoRA": LoRA, "TriLoRA": TriLoRA, "FLoRA": FLoRA}


@pytest.mark.parametrize("form", FORMS)
def test_starts_are_those_of_the_methods(form: str) -> None:
    found = starts(form, TARGET, 2, [3, 4])
    for place, seed in enumerate((3, 4)):
        own = METHODS[form](rank=2, seed=seed).start(site())
        assert own.keys() == found.keys()
        for name, value in own.items():
            torch.testing.assert_close(found[name][place].double(), value)


@pytest.mark.parametrize("form", FORMS)
def test_squares_are_those_of_the_product(form: str) -> None:
    factors = {name: torch.randn_like(each) for name, each in starts(form, TARGET, 2, [0, 1]).items()}
    target = TARGET.change.float()
    expected = (target - left_factor(factors) @ factors["A"]).square().sum((1, 2))
    torch.testing.assert_close(squares_left(target, factors), expected)


@pytest.mark.parametrize("optimiser", ["gd", "adam"])
@pytest.mark.parametrize("form", FORMS)
def test_steps_are_those_of_torch(form: str, optimiser: str) -> None:
    errors = descend(TARGET, form, 2, [5], 0.1, 12, optimiser)  # type: ignore[arg-type]
    factors = {name: each.clone().requires_grad_() for name, each in starts(form, TARGET, 2, [5]).items()}
    kind = torch.optim.SGD if optimiser == "gd" else torch.optim.Adam
    moving = kind(list(factors.values()), lr=0.1)
    target = (TARGET.change / TARGET.change.norm()).float()
    for error in errors[0]:
        moving.zero_grad()
        square = (target - left_factor(factors) @ factors["A"]).square().sum()
        assert float(square.detach().sqrt()) == pytest.approx(float(error), rel=1e-4)
        (square / 2).backward()
        moving.step()


def test_all_forms_reach_the_floor_when_given_the_time() -> None:
    found = race([TARGET], 2, [0, 1], [0.003, 0.03], 400, "adam")
    assert [each["form"] for each in found] == list(FORMS)
    table = matched(found, near=1.02)
    assert (table.above > 1 - 1e-5).all()
    assert (table.above < 1.02).all()
    assert (table.steps.dropna() > 0).all()
    assert len(table) == 6


def test_the_best_rate_is_kept_and_divergence_counts_as_worst() -> None:
    (found, *_) = race([TARGET], 2, [0], [0.1, 1e6], 40, "gd")
    assert found["rate"] == 0.1
    assert np.isfinite(found["errors"]).all()


def test_the_order_is_read_off_means() -> None:
    rows = [
        {"layer": "a", "form": form, "error": error} for form, error in zip(FORMS, (3, 2, 1), strict=True)
    ]
    table = pd.DataFrame(rows)
    assert order(table) == "FLoRA first"
    assert order(table.assign(error=[1, 2, 3])) == "LoRA first"
    assert order(table.assign(error=[2, 1, 3])) == "mixed"
    assert ranking(table.assign(error=[2, 1, 3])) == ("TriLoRA", "LoRA", "FLoRA")


def raced(**errors: Mapping[str, tuple[float, ...]]) -> pd.DataFrame:
    """Return errors in the end by layer, form and start."""
    return pd.DataFrame(
        [
            {"layer": layer, "form": form, "error": error}
            for layer, each in errors.items()
            for form, starts in each.items()
            for error in starts
        ]
    )


def test_an_order_is_one_of_all_layers_and_without_ties() -> None:
    first = {"LoRA": (1.0, 1.1), "TriLoRA": (3.0, 3.1), "FLoRA": (2.0, 3.05)}
    other = first | {"LoRA": (4.0, 4.1)}
    assert ranking(raced(a=first, b=first)) == ("LoRA", "FLoRA", "TriLoRA")
    assert ranking(raced(a=first, b=other)) == ()
    assert order_in_words(raced(a=first, b=other)) == "no order that holds in every layer"
    assert ranking(raced(a=first | {"LoRA": (3.0, 3.1)})) == ()


def test_forms_are_apart_where_their_starts_do_not_meet() -> None:
    first = {"LoRA": (1.0, 1.1), "TriLoRA": (3.0, 3.1), "FLoRA": (2.0, 3.05)}
    second = first | {"FLoRA": (2.0, 2.1)}
    table = raced(a=first, b=second)
    assert apart(table, ("FLoRA", "TriLoRA")).to_dict() == {"a": False, "b": True}
    assert apart(table).all()
    assert not apart(raced(a=dict.fromkeys(first, (1.0, 2.0)))).any()
    assert order_in_words(table) == (
        "LoRA, FLoRA, TriLoRA from nearest to farthest in every layer, with FLoRA before TriLoRA as "
        "suggested (closer than the starts: FLoRA to TriLoRA in 1 of 2 layers)"
    )


def test_unknown_forms_and_optimisers_are_refused() -> None:
    with pytest.raises(InputError, match="form='DoRA'"):
        descend(TARGET, "DoRA", 2, [0], 0.1, 1, "gd")
    with pytest.raises(InputError, match="optimiser='sgd'"):
        descend(TARGET, "LoRA", 2, [0], 0.1, 1, "sgd")  # type: ignore[arg-type]
