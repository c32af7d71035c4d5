"""A few candidates trained beside their forecast, on a tiny model."""

import numpy as np
import pytest

from lintune.advise import PACE, Advice, Candidate, advise
from lintune.errors import InputError
from lintune.prompted import PromptedModel
from lintune.studies import advice
from lintune.studies.behaviour import draw
from lintune.studies.behaviour.draws import Draw
from lintune.studies.sweep import Effort
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

CANDIDATES = [Candidate((1, 2), rank=2, alpha=4.0), Candidate((0, 2), rank=2, alpha=4.0), Candidate((0, 1))]
Given = tuple[PromptedModel, Draw, Advice]


@pytest.fixture(scope="module")
def given() -> Given:
    tiny, tasks = pretrained("llama"), task()
    prompted = PromptedModel(tiny, tasks.prompt_for(tiny.kind), 32)
    each = draw(tasks, 4, 0, 4)
    recipe = Effort(steps=3, batch=8).recipe(1e-3, 0.0, 0)
    return prompted, each, advise(prompted, advice.together(each), CANDIDATES, recipe, repeats=1)


def test_a_slow_run_goes_as_predicted_up_to_the_pace(given: Given) -> None:
    prompted, each, found = given
    for forecast in found.forecasts.values():
        forecast.rates[forecast.place] = 1e-4 * forecast.pace
    rows = advice.tried(prompted, each, found, found.candidates[:2])
    assert rows.candidate.tolist() == found.rows.candidate[:2].tolist()
    np.testing.assert_allclose(rows.rate, 1e-4)
    for row in rows.to_dict("records"):
        real, said = (np.array(row[name]) for name in ("batches", "predicted_batches"))
        assert len(real) == len(said) == 4
        np.testing.assert_allclose(real[0], said[0], rtol=1e-6)
        # So slow that both fall in a straight line, the forecast faster by the pace; kappa is that of normal
        # gradients, which these are not quite.
        falls = (real[0] - real[1:]) / (said[0] - said[1:]) * PACE["lora"]
        assert ((falls > 0.6) & (falls < 1.1)).all()
        assert row["train_loss"] == pytest.approx(real[-1], rel=1e-5)
        assert row["predicted_train_loss"] == pytest.approx(said[-1])
    np.testing.assert_allclose(rows.held_loss, rows.predicted_held_loss, rtol=3e-2)


def test_the_first_choice_comes_first_and_nothing_twice(given: Given) -> None:
    found = given[2]
    rest = [each for each in found.candidates if each != found.first]
    quickest = min(
        rest,
        key=lambda each: tuple(found.rows.set_index("candidate").loc[each.name, ["seconds", "parameters"]]),
    )
    assert advice.handful(found, 1) == (found.first, quickest)
    missing = Candidate((1, 2), kind="ia3", rank=0, alpha=0.0)
    assert advice.handful(found, 0, [found.first, missing]) == (found.first,)
    assert set(advice.handful(found, 9)) == set(CANDIDATES)


def test_margins_are_from_the_first_choice(given: Given) -> None:
    found = given[2]
    table = advice.margins(found)
    assert table.candidate.tolist() == found.rows.candidate.tolist()
    assert table.above[0] == 0
    assert np.isnan(table.error[0])
    np.testing.assert_allclose(table.loss - table.loss[0], table.above, atol=1e-12)
    # Just those within one error tie.
    later = table.iloc[1:]
    assert later.tie.tolist() == (later.above <= later.error).tolist()


def test_other_examples_and_other_candidates_are_refused(given: Given) -> None:
    prompted, each, found = given
    other = draw(task(), 3, 0, 4)
    with pytest.raises(InputError, match="16 examples"):
        advice.tried(prompted, other, found, found.candidates)
    with pytest.raises(InputError, match="IA3"):
        advice.tried(prompted, each, found, [Candidate((1, 2), kind="ia3", rank=0, alpha=0.0)])
