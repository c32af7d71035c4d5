"""Estimates: equal to the law of the work, larger for more work, and honest about what was not measured."""

from dataclasses import replace

import pytest

from lintune.errors import CorruptFileError
from lintune.studies.cell_costs import Estimate, Laws, Lengths, Sizes, held, pieces
from lintune.studies.cell_costs.law import interval
from lintune.studies.cells import Effort
from tests.studies.cell_costs.measured import laws

SIZES = Sizes("lora", 10_000_000, 3, 900_000, 2, 600_000, 4000, 20_000, 1, 4)
LENGTHS = Lengths((20, 30) * 8, (25,) * 16, (22,) * 50)
EFFORT = Effort(16, 16, 50, steps=5, batch=4, rates=(1e-3, 1e-2))


def estimate(sizes: Sizes = SIZES, lengths: Lengths = LENGTHS, effort: Effort = EFFORT) -> Estimate:
    return laws().estimate(sizes, lengths, effort, "measured")


def test_an_estimate_is_the_sum_of_the_laws_of_all_pieces() -> None:
    found, known = estimate(), laws()
    expected = sum(
        piece.times * known.seconds[piece.constituent].cost(piece.terms, "lora")
        for piece in pieces(SIZES, LENGTHS, EFFORT)
    )
    assert found.seconds == pytest.approx(expected)
    assert sum(found.parts.values()) == pytest.approx(expected)
    assert found.bytes == max(known.memory.cost(terms) for terms in held(SIZES, LENGTHS, EFFORT))
    assert found.seconds_low < found.seconds < found.seconds_high
    most = [max(term) for term in zip(*held(SIZES, LENGTHS, EFFORT), strict=True)]
    assert found.bytes_high == pytest.approx(known.memory.cost(most) * interval(known.memory.spread))


def test_every_piece_of_a_step_is_counted() -> None:
    steps = sum(piece.times for piece in pieces(SIZES, LENGTHS, EFFORT) if piece.constituent == "step")
    # Five rates' worth of trials and the final run; the loop looks once more after the last step.
    assert steps == (2 + 2 + 1) * (5 + 1)


@pytest.mark.parametrize(
    "larger",
    [
        {"effort": replace(EFFORT, steps=6)},
        {"effort": replace(EFFORT, rates=(1e-3, 1e-2, 1e-1))},
        {"effort": replace(EFFORT, batch=8)},
        {"lengths": replace(LENGTHS, train=(31,) * 16)},
        {"lengths": replace(LENGTHS, test=(22,) * 51)},
        {"lengths": replace(LENGTHS, validation=(26,) * 16)},
        {"sizes": replace(SIZES, tuned_weights=700_000)},
        {"sizes": replace(SIZES, frozen_weights=1_000_000)},
        {"sizes": replace(SIZES, parameters=11_000_000)},
        {"sizes": replace(SIZES, trained=30_000)},
        {"sizes": replace(SIZES, outputs=2)},
        {"sizes": replace(SIZES, kind="weights")},
    ],
    ids=str,
)
def test_more_work_takes_longer(larger: dict) -> None:
    assert estimate(**larger).seconds > estimate().seconds


def test_memory_grows_with_what_is_held() -> None:
    usual = estimate().bytes
    assert estimate(replace(SIZES, parameters=20_000_000)).bytes > usual
    assert estimate(lengths=replace(LENGTHS, validation=(200,) * 16)).bytes > usual
    assert estimate(replace(SIZES, trained=2_000_000)).bytes > usual


def test_derivatives_that_are_too_many_are_not_stored() -> None:
    huge = replace(SIZES, trained=100_000_000, kind="weights")
    names = {piece.constituent for piece in pieces(huge, LENGTHS, EFFORT)}
    assert "derivatives" not in names
    assert "twin step" not in names
    assert max(terms[-1] for terms in held(huge, LENGTHS, EFFORT)) == 0


def test_another_machine_and_an_unknown_model_show() -> None:
    slower = laws(pace=3.0).estimate(SIZES, LENGTHS, EFFORT, "measured")
    assert slower.seconds == pytest.approx(3 * estimate().seconds)
    elsewhere = laws().estimate(SIZES, LENGTHS, EFFORT, "another")
    assert elsewhere.seconds == estimate().seconds
    assert elsewhere.seconds_high > estimate().seconds_high
    assert estimate().beyond < 1
    assert estimate(replace(SIZES, tuned_weights=10**13)).beyond > 1


def test_a_record_without_the_laws_is_refused() -> None:
    with pytest.raises(CorruptFileError, match="no laws"):
        Laws.read({"laws": {}})
