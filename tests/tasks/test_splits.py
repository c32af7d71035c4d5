"""Few-shot draws: balanced, disjoint, nested, with one test set for all seeds."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.tasks import Examples, Task, few_shot
from lintune.tasks.splits import distinct, hold_out, without

MakeTask = Callable[..., Task]

# The fixture is a function without state, so sharing it between examples is sound.
drawn = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
counts = st.lists(st.integers(1, 9), min_size=2, max_size=5).map(tuple)


def texts(examples: Examples) -> list[str]:
    return [fields["text"] for fields in examples.fields]


@drawn
@given(counts, st.integers(0, 2**32), st.data())
def test_a_draw_is_balanced_and_without_repetition(
    make_task: MakeTask, train: tuple[int, ...], seed: int, data: st.DataObject
) -> None:
    task = make_task(train, train)
    shots = data.draw(st.integers(1, min(train)))
    split = few_shot(task, shots, seed)
    assert split.train.labels.tolist() == sorted(list(range(len(train))) * shots), "class by class"
    assert len(set(texts(split.train))) == shots * len(train)
    assert set(texts(split.train)) <= set(texts(task.train))
    assert sorted(texts(split.test)) == sorted(texts(task.test))
    label_of = dict(zip(texts(task.train), task.train.labels, strict=True))
    assert [label_of[text] for text in texts(split.train)] == split.train.labels.tolist()


@drawn
@given(st.integers(0, 2**32), st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 11))
def test_the_test_set_depends_on_no_seed(
    make_task: MakeTask, one: int, other: int, shots: int, size: int
) -> None:
    task = make_task((5, 3), (7, 5))
    first, second = few_shot(task, shots, one, size), few_shot(task, 1, other, size + 1)
    assert texts(first.test) == texts(second.test)[:size]


@drawn
@given(st.integers(0, 2**32))
def test_more_shots_keep_the_fewer(make_task: MakeTask, seed: int) -> None:
    fewer, more = (few_shot(make_task((8, 9, 7)), shots, seed) for shots in (2, 5))
    assert set(texts(fewer.train)) <= set(texts(more.train))


def test_the_seed_decides_the_draw(make_task: MakeTask) -> None:
    task = make_task((50, 50))
    draws = [tuple(texts(few_shot(task, 5, seed).train)) for seed in (0, 1, 2, 0)]
    assert len(set(draws)) == 3
    assert draws[0] == draws[3]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"shots": 0}, "shots=0 must be at least 1"),
        ({"shots": -2}, "shots=-2 must be at least 1"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"shots": 5}, "shots=5 is more than class 'class 1' of toy has: 4 training examples"),
        ({"test_examples": 0}, "test_examples=0 must be from 1 to 6"),
        ({"test_examples": 7}, "test_examples=7 must be from 1 to 6"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    make_task: MakeTask, arguments: dict[str, int], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        few_shot(make_task((6, 4), (3, 3)), **{"shots": 1, "seed": 0, **arguments})


def test_an_empty_class_is_named(make_task: MakeTask) -> None:
    with pytest.raises(InputError, match="class 'class 1' of toy has: 0 training examples"):
        few_shot(make_task((6, 0), (3, 3)), 1, 0)


def test_distinct_keeps_the_first() -> None:
    examples = Examples.from_columns({"text": ["a", "b", "A", "a"]}, [0, 1, 2, 3])
    assert distinct(examples).labels.tolist() == [0, 1, 2]
    assert distinct(examples, str.lower).labels.tolist() == [0, 1]


def test_pairs_are_compared_as_pairs() -> None:
    columns = {"premise": ["a", "a", "b", "a"], "hypothesis": ["b", "c", "a", "b"]}
    pairs = Examples.from_columns(columns, [0, 1, 2, 3])
    assert distinct(pairs).labels.tolist() == [0, 1, 2]
    assert without(pairs, pairs.take([1])).labels.tolist() == [0, 2, 3]


def test_hold_out_parts_the_examples_for_good(make_task: MakeTask) -> None:
    whole = make_task((30, 30)).train
    train, test = hold_out(whole, 10)
    assert (len(train), len(test)) == (50, 10)
    assert sorted(texts(train) + texts(test)) == sorted(texts(whole))
    assert texts(hold_out(whole, 10)[1]) == texts(test)
    assert texts(hold_out(whole, 10, seed=1)[1]) != texts(test)


@pytest.mark.parametrize("size", [0, -1, 6, 7])
def test_hold_out_leaves_something_on_both_sides(make_task: MakeTask, size: int) -> None:
    with pytest.raises(InputError, match=f"size={size} must be at least 1 and below 6"):
        hold_out(make_task().test, size)


def test_few_shot_leaves_the_task_alone(make_task: MakeTask) -> None:
    task = replace(make_task())
    before = task.train.labels.copy()
    few_shot(task, 2, 0)
    assert np.array_equal(task.train.labels, before)
