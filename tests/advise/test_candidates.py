"""Candidates: names that tell them apart, methods that they are, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from lintune.advise import Candidate, candidates, fitting, layers_in
from lintune.errors import InputError
from lintune.methods import IA3, LoRA, Rows, count_parameters
from tests.tiny import pretrained

MODEL = pretrained("llama").model
IA3_ALL = Candidate((0, 2), kind="ia3", rank=0, alpha=0.0)


@pytest.mark.parametrize(
    ("candidate", "name"),
    [
        (Candidate((27, 30)), "27-29 all, LoRA r 8"),
        (Candidate((29, 30), "usual", rank=2, alpha=4.0), "29 usual, LoRA r 2"),
        (Candidate((0, 2), alpha=64.0, pull=0.5), "0-1 all, LoRA r 8 alpha 64, pull 0.5"),
        (IA3_ALL, "0-1 all, IA3"),
        (Candidate((0, 2), kind="rows", rank=3, alpha=0.0, pull=1.0), "0-1 all, 3 rows, pull 1"),
    ],
)
def test_names(candidate: Candidate, name: str) -> None:
    assert candidate.name == name


@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "bert"])
def test_a_candidate_is_its_method_on_its_layers(name: str) -> None:
    model = pretrained(name).model
    for layers in ("usual", "all"):
        names = layers_in(model, (1, 2), layers)
        base = Candidate((1, 2), layers, rank=2, alpha=3.0)
        assert base.method(model, 7) == LoRA(2, 3.0, names, 7)
        assert replace(base, pull=2.0).method(model, 7) == base.method(model, 7)
        assert replace(base, kind="ia3").method(model) == IA3(names, ())
        assert replace(base, kind="rows").method(model) == Rows(2, targets=names)
        assert set(base.method(model).sites(model)) == set(names)


def test_factors_of_ia3_are_on_outputs_alone() -> None:
    sizes = {
        name: site.parameters["weight"].shape for name, site in IA3_ALL.method(MODEL).sites(MODEL).items()
    }
    assert count_parameters(IA3_ALL.method(MODEL), MODEL) == sum(shape[0] for shape in sizes.values())


def test_every_combination_that_fits_is_there_once() -> None:
    found = candidates(MODEL, kinds=("lora", "ia3", "rows"), scales=(1.0, 2.0))
    assert len(found) == len(set(found)) == len({each.name for each in found})
    # 16 is the smaller side of the largest layers, and grouped keys and values have 8.
    assert {(each.layers, each.rank) for each in found if each.kind == "lora"} == {
        ("usual", 2),
        ("usual", 8),
        ("all", 2),
        ("all", 8),
    }
    assert {each.alpha / each.rank for each in found if each.kind == "lora"} == {1.0, 2.0}
    runs, layers, trained, pulls = 2, 2, 2 * 2 + 1 + 1, 2
    assert len(found) == runs * layers * trained * pulls
    for each in found:
        each.method(MODEL)


def test_choices_that_are_given_are_kept_to() -> None:
    found = candidates(MODEL, blocks=[(0, 1)], layers=["all"], ranks=[3], kinds=["lora"], pulls=[0.25])
    assert found == (Candidate((0, 1), "all", rank=3, alpha=6.0, pull=0.25),)


def test_doubles_are_left_out_and_the_order_stays() -> None:
    some = [IA3_ALL, Candidate((1, 2), rank=2, alpha=4.0), IA3_ALL]
    assert fitting(MODEL, some) == tuple(some[:2])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "lore"}, "kind='lore' is not known.*Did you mean 'lora'"),
        ({"pull": -1.0}, r"pull=-1.0 must be at least 0"),
        ({"pull": float("nan")}, r"pull=nan must be at least 0"),
        ({"pull": float("inf")}, r"pull=inf must be at least 0 and finite"),
    ],
)
def test_a_candidate_that_is_none_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Candidate((0, 1), **wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rank": 17}, "rank=17 exceeds the smaller side"),
        ({"rank": 0}, "rank=0 must be at least 1"),
        ({"alpha": -2.0}, "alpha=-2.0 must be positive"),
        ({"kind": "rows", "rank": 99}, "count=99 exceeds"),
        ({"blocks": (1, 3)}, "must be a run within"),
    ],
)
def test_a_candidate_that_does_not_fit_the_model_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(Candidate((0, 1)), **wrong).method(MODEL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ranks": [99], "kinds": ["lora"]}, "rank=99 exceeds"),
        ({"kinds": ["lore"]}, "kind='lore' is not known"),
        ({"kinds": []}, "there are none"),
        # Beside others that fit, what nobody could mean is refused too, not left out.
        ({"blocks": [(0, 1), (1, 3)]}, r"blocks=\(1, 3\) must be a run within"),
        ({"ranks": [2, 0]}, "rank=0 must be at least 1"),
        ({"scales": [1.0, -1.0]}, "alpha=-.* must be positive"),
        ({"rows": 0, "kinds": ["lora", "rows"]}, "count=0"),
        ({"pulls": [0.0, -1.0]}, "pull=-1.0"),
    ],
)
def test_choices_of_which_none_fits_or_one_is_wrong_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        candidates(MODEL, **wrong)
