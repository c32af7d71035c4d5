"""The shapes of a published model, to count what methods train in it without a weight in memory."""

from collections.abc import Sequence

import pandas as pd
import torch
from transformers import PreTrainedModel, RobertaConfig, RobertaForMaskedLM

from lintune.methods import (
    IA3,
    SSB,
    SSL,
    Biases,
    DoRA,
    FLoRA,
    LoRA,
    Method,
    SingularValues,
    TriLoRA,
    count_parameters,
)

# What Si et al. (2024) train of IA3, SSL and SSB, found from their counts; and the size they divide by.
SCALED = ("*.key", "*.value", "*.intermediate.dense")
PARAMETERS = 125_000_000


def roberta_base() -> PreTrainedModel:
    """Return RoBERTa-base as published (Liu et al., 2019) on the meta device: shapes and names, no numbers.

    12 blocks of width 768 with 12 heads, 3072 inner units, 50 265 tokens, 514 positions. Methods can be
    counted in it with `lintune.methods.count_parameters`, as long as their choice of what to train needs no
    weight: a rule by norm has none to go by.
    """
    config = RobertaConfig(max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5)
    with torch.device("meta"):
        return RobertaForMaskedLM(config).eval().requires_grad_(False)


def budgets() -> pd.DataFrame:
    """Count the methods of Si et al. (2024) in RoBERTa-base, beside the per-mille figures that they print.

    Which layers a method trains is found from the counts: the first choice of the table gives the printed
    figure. LoRA and its relatives are on all six matrices of each block, as in the authors' script.

    Returns:
        A row per method: `method`, `rank` (0 for none), `targets` in words, `count`; `per mille` of
        `PARAMETERS`; `printed`, not a number where the paper prints one figure for the whole family;
        `low` and `high`, between which the denominator must lie for the count to round to what is printed.
    """
    model, rows = roberta_base(), []
    for name, rank, targets, method, printed, decimals in _counted():
        count, half = count_parameters(method, model), 0.5 * 10.0**-decimals
        row = {"method": name, "rank": rank, "targets": targets, "count": count}
        row |= {"per mille": 1000 * count / PARAMETERS, "printed": printed, "decimals": decimals}
        rows.append(row | {"low": 1000 * count / (printed + half), "high": 1000 * count / (printed - half)})
    return pd.DataFrame(rows)


def _counted() -> Sequence[tuple[str, int, str, Method, float, int]]:
    """Return name, rank, targets in words, method, printed figure and its number of decimals."""
    three, six = "key, value, intermediate", "all six matrices"
    scaled: list[tuple[str, int, str, Method, float, int]] = [
        ("IA3", 0, three, IA3(targets=SCALED, feedforward=()), 0.442, 3),
        ("SSL", 0, three, SSL(SCALED), 0.221, 3),
        ("SSB", 0, three, SSB(SCALED), 0.664, 3),
        ("SAM-PARSER", 0, six, SingularValues(), 0.44, 2),
        ("BitFit", 0, "every bias below the head", Biases(["*.embeddings.*", "*.encoder.*"]), 0.82, 2),
    ]
    nan = float("nan")
    factored = [
        each
        for rank, lora, dora in ((2, 2.65, 3.32), (4, 5.31, 5.97), (8, 10.62, 11.28), (16, 21.24, 21.90))
        for each in (
            ("LoRA", rank, six, LoRA(rank, targets=None), lora, 2),
            ("TriLoRA", rank, six, TriLoRA(rank, targets=None), nan, 2),
            ("FLoRA", rank, six, FLoRA(rank, targets=None), nan, 2),
            ("DoRA", rank, six, DoRA(rank, targets=None), dora, 2),
        )
    ]
    return [*scaled, *factored]


def one_denominator(table: pd.DataFrame) -> tuple[float, float]:
    """Return the least and the largest denominator under which every printed figure of `budgets` comes out.

    The least exceeds the largest where no one denominator does.
    """
    return float(table.low.max()), float(table.high.min())
