"""What `lintune advise` reads and says: budgets, amounts and times, patterns of layers."""

import pytest
import torch

from lintune.advise import Budget
from lintune.cli.advising.quantities import amount, budget_of, duration
from lintune.cli.advising.targets import patterns
from lintune.errors import InputError
from lintune.tangents import Site, select, tunable_layers
from tests.tiny import pretrained


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], Budget()),
        (["500k"], Budget(500_000)),
        (["1.1M"], Budget(1_100_000)),
        (["120000"], Budget(120_000)),
        (["90s"], Budget(seconds=90)),
        (["10 min"], Budget(seconds=600)),
        (["500k,1.5h"], Budget(500_000, 5400)),
        (["1h", "2B"], Budget(2_000_000_000, 3600)),
    ],
)
def test_budgets_are_read(texts: list[str], expected: Budget) -> None:
    assert budget_of(texts) == expected


@pytest.mark.parametrize("text", ["2m", "much", "", "500k,", "-5", "0.5", "5 days", "1e6"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="budget=.* is none; write parameters like 500k"):
        budget_of([text])


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (["5k", "6k"], "gives parameters twice"),
        (["1h,5s"], "gives seconds twice"),
        (["0"], "must be positive"),
    ],
)
def test_budgets_that_contradict_are_refused(texts: list[str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        budget_of(texts)


def test_amounts_and_times_are_short() -> None:
    assert [amount(value) for value in (640, 30720, 2_359_296, 999_700)] == ["640", "30.7k", "2.36M", "1M"]
    assert [duration(value) for value in (0.253, 48, 720, 11160)] == ["0.25 s", "48 s", "12 min", "3.1 h"]


def sites_of(blocks: int) -> dict[str, Site]:
    names = ("self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj")
    module = torch.nn.Linear(1, 1)
    return {
        name: Site(name, "linear", module, block)
        for block in range(blocks)
        for name in (f"model.layers.{block}.{part}" for part in names)
    }


@pytest.mark.parametrize(
    ("first", "end", "lasts", "expected"),
    [
        (0, 30, ("q_proj", "v_proj", "up_proj"), ("*",)),
        (0, 30, ("q_proj", "v_proj"), ("*.q_proj", "*.v_proj")),
        (27, 30, ("q_proj", "v_proj", "up_proj"), ("*.2[7-9].*",)),
        (29, 30, ("q_proj", "v_proj", "up_proj"), ("*.29.*",)),
        (27, 30, ("q_proj",), ("*.2[7-9].*.q_proj",)),
        (8, 21, ("q_proj", "v_proj", "up_proj"), ("*.[8-9].*", "*.1[0-9].*", "*.20.*")),
    ],
)
def test_patterns_are_few(first: int, end: int, lasts: tuple[str, ...], expected: tuple[str, ...]) -> None:
    sites = sites_of(30)
    wanted = [
        name
        for name, site in sites.items()
        if first <= (site.block or 0) < end and name.rpartition(".")[2] in lasts
    ]
    assert patterns(wanted, sites) == expected


def test_layers_without_a_pattern_are_named() -> None:
    sites = sites_of(3)
    wanted = ["model.layers.0.self_attn.q_proj", "model.layers.2.mlp.up_proj"]
    assert patterns(wanted, sites) == tuple(wanted)


@pytest.mark.parametrize("model", ["llama", "gpt2-conv1d", "gpt-neox", "bloom-alibi", "opt", "bert"])
def test_patterns_match_the_same_layers_in_every_architecture(model: str) -> None:
    sites = tunable_layers(pretrained(model, torch.float32).model)
    for block in (0, 1):
        for last in {name.rpartition(".")[2] for name in sites}:
            wanted = [name for name, s in sites.items() if s.block == block and name.endswith(f".{last}")]
            assert list(select(sites, patterns(wanted, sites))) == wanted
