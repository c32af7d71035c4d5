"""The library's counter gives the budgets that the paper prints, and its tables say what the chapter says."""

import numpy as np

from lintune.studies.budgets import PARAMETERS, budgets, one_denominator
from lintune.studies.decomposition import averages, orderings


def test_counts_round_to_the_printed_figures_but_one() -> None:
    table = budgets()
    printed = table[table.printed.notna()]
    rounded = [round(row["per mille"], row.decimals) for _, row in printed.iterrows()]
    unlike = printed[~np.isclose(rounded, printed.printed)]
    assert unlike[["method", "rank", "printed"]].values.tolist() == [["LoRA", 16, 21.24]]
    assert round(float(unlike["per mille"].iloc[0]), 2) == 21.23
    assert len(printed) == 13


def test_one_denominator_gives_all_of_them() -> None:
    table = budgets()
    low, high = one_denominator(table)
    assert 124.9e6 < low < high < PARAMETERS
    printed = table[table.printed.notna()]
    for _, row in printed.iterrows():
        assert round(1000 * row["count"] / ((low + high) / 2), row.decimals) == row.printed


def test_counts_are_those_of_the_shapes() -> None:
    count = budgets().set_index(["method", "rank"])["count"]
    assert count[("IA3", 0)] == 12 * (768 + 768 + 3072)
    assert count[("SSL", 0)] == 12 * 3 * 768 == count[("IA3", 0)] / 2
    assert count[("SSB", 0)] == count[("IA3", 0)] + count[("SSL", 0)]
    assert count[("SAM-PARSER", 0)] == 12 * 6 * 768
    assert count[("BitFit", 0)] == 12 * (5 * 768 + 3072 + 2 * 768) + 768
    for rank in (2, 4, 8, 16):
        assert count[("LoRA", rank)] == 12 * rank * (4 * 2 * 768 + 2 * (768 + 3072))
        assert count[("TriLoRA", rank)] - count[("LoRA", rank)] == 72 * rank
        assert count[("FLoRA", rank)] - count[("LoRA", rank)] == 72 * rank**2
        assert count[("DoRA", rank)] - count[("LoRA", rank)] == 12 * (5 * 768 + 3072)


def test_the_printed_averages_hold_what_the_chapter_counts() -> None:
    found = orderings()
    assert found["settings"] == found["same"] == 12
    assert found["claimed"] < 12
    large = averages().set_index(["model", "rank"]).to_dict("index")[("RoBERTa-large", 8)]
    assert large["AdaLoRA"] < large["LoRA"]
    assert averages().shape == (12, 2 + 9)
