"""Every registered method is what it says it is, on several architectures and with any options."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.checks import check_method
from lintune.checks.check import PROPERTIES
from lintune.errors import InputError, MethodError
from lintune.methods import IA3, METHODS, Biases, draws
from tests.checks.methods import ARCHITECTURES, FEW, function, small
from tests.kernels.test_engine import has_biases


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_passes_on_every_architecture(name: str, architecture: str) -> None:
    prompted, method = function(architecture), small(name)
    if isinstance(method, Biases) and not has_biases(prompted):
        with pytest.raises(InputError, match="has no biases") as raised:
            check_method(method, prompted, FEW)
        assert not isinstance(raised.value, MethodError)
        return
    found = check_method(method, prompted, FEW)
    assert [each.name for each in found.properties] == list(PROPERTIES)
    unasked = {each.name for each in found.properties if each.measured is None}
    refused = {"merged layers", "merged model"} if name == "parallel-adapter" else set()
    # The model's own parameters take no `forward`, and some, as a key's bias, do not matter.
    own = set() if hasattr(method, "forward") else {"gradients", "values matter"}
    assert unasked == refused | own
    assert found["kernel"].bound == 1e-10  # these models round to no less than float64


def test_the_given_model_is_left_as_it_was() -> None:
    prompted = function("gpt2-conv1d")
    model = prompted.pretrained.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logits = prompted.predict(FEW)
    check_method(small("full"), prompted, FEW)
    assert prompted.pretrained.model is model
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert prompted.predict(FEW).equal(logits)


@pytest.mark.parametrize("architecture", ["gemma2-softcap", "bloom-alibi"])
def test_models_that_round_to_float32_get_the_bound_that_they_can_keep(architecture: str) -> None:
    found = check_method(small("lora"), function(architecture), FEW)["kernel"]
    assert found.bound == 1e-5
    assert "rounded by the model" in found.note


def test_the_table_says_what_was_found() -> None:
    found = check_method(small("rows"), function("opt"), FEW)
    assert list(found.table.property) == list(PROPERTIES)
    assert "kernel: " in str(found)
    assert "<= 1e-10" in str(found["kernel"])
    assert found.method == "rows-2-first"


# What the fields of methods may hold.
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "rank": st.integers(1, 6),
    "alpha": st.floats(0.5, 30),
    "count": st.integers(1, 9),
    "seed": st.integers(0, 5),
    "scale": st.floats(0.05, 2),
    "mpc": st.sampled_from([None, "o", "d"]),
    "distribution": st.sampled_from(sorted(draws.DOWN)),
}
RULES = {
    "rows": ("first", "last", "even", "random", "largest", "smallest"),
    "columns": ("first", "last", "even", "random", "largest", "smallest"),
    "entries": ("random", "largest", "smallest"),
}


@pytest.mark.parametrize("name", METHODS)
@settings(deadline=None, max_examples=4)
@given(data=st.data())
def test_every_method_passes_with_any_options(name: str, data: st.DataObject) -> None:
    prompted = function("gpt2-conv1d")  # no value is idle: not a bias of keys, not a unit that is never on
    has = {each.name for each in fields(METHODS[name])}  # type: ignore[arg-type]
    chosen = {field: data.draw(values, field) for field, values in OPTIONS.items() if field in has}
    if "rule" in has:
        chosen["rule"] = data.draw(st.sampled_from(RULES[name]), "rule")
    if METHODS[name] is not IA3:
        sites = list(small(name).sites(prompted.pretrained.model))
        some = st.lists(st.sampled_from(sites), min_size=1, max_size=4, unique=True)
        chosen["targets"] = tuple(data.draw(some, "targets"))
    check_method(small(name, **chosen), prompted, FEW)
