"""Examples and tasks: shapes, and that their parts fit each other."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.tasks import Examples, Prompt, Task
from lintune.tasks.task import content_hash


def test_take_keeps_the_given_order() -> None:
    examples = Examples.from_columns({"text": ["a", "b", "c"]}, [0, 1, 2])
    taken = examples.take(np.array([2, 0]))
    assert [fields["text"] for fields in taken.fields] == ["c", "a"]
    assert taken.labels.tolist() == [2, 0]
    assert len(taken) == 2


def test_no_examples_are_examples() -> None:
    empty = Examples.from_columns({"text": []}, [])
    assert len(empty) == 0
    assert empty.labels.dtype == np.int64


def test_unlabelled_texts_are_examples() -> None:
    examples = Examples.from_fields([{"text": "a"}, {"text": "b"}])
    assert examples.fields == ({"text": "a"}, {"text": "b"})
    assert examples.labels.shape == (2,)


def test_labels_cannot_be_changed_from_outside() -> None:
    labels = np.array([0, 1])
    examples = Examples.from_columns({"text": ["a", "b"]}, labels)
    labels[0] = 1
    assert examples.labels.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        examples.labels[0] = 1


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([0], r"shape \(1,\) do not fit 2 texts"),
        ([0, -1], "from 0 on"),
        ([0.0, 1.0], "integers"),
        ([[0, 1]], "shape"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: list[int], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        Examples(({"text": "a"}, {"text": "b"}), np.array(labels))


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="'premise': 1, 'hypothesis': 2"):
        Examples.from_columns({"premise": ["a"], "hypothesis": ["b", "c"]}, [0])


def test_a_task_needs_one_word_for_each_class(make_task: Callable[..., Task]) -> None:
    with pytest.raises(InputError, match="3 label words for the 2 classes"):
        replace(make_task(), prompt=Prompt("{text} {label}", ("bad", "okay", "good")))


def test_a_task_needs_the_fields_of_its_template(make_task: Callable[..., Task]) -> None:
    with pytest.raises(
        InputError, match="has the slot 'premise', but example 0 of the train split has the fields text"
    ):
        replace(make_task(), prompt=Prompt("{text} {premise} {label}", ("bad", "good")))


def test_a_task_has_no_label_without_a_class(make_task: Callable[..., Task]) -> None:
    with pytest.raises(InputError, match="test holds label 2; there are 2 classes"):
        replace(make_task(), test=Examples.from_columns({"text": ["a"]}, [2]))


def test_class_names_are_distinct(make_task: Callable[..., Task]) -> None:
    with pytest.raises(InputError, match="must be distinct"):
        replace(make_task(), classes=("positive", "positive"))


def test_a_masked_model_gets_its_own_prompt_where_there_is_one(make_task: Callable[..., Task]) -> None:
    task = make_task()
    assert task.prompt_for("causal") is task.prompt_for("masked") is task.prompt
    masked = Prompt("{label}: {text}", ("Bad", "Good"))
    task = replace(task, masked_prompt=masked)
    assert task.prompt_for("masked") is masked
    assert task.prompt_for("causal") is task.prompt


@pytest.mark.parametrize(
    ("kind", "complaint"), [("encoder", "no language-modelling head"), ("mask", "Did you mean 'masked'")]
)
def test_other_kinds_of_model_answer_no_prompt(
    make_task: Callable[..., Task], kind: str, complaint: str
) -> None:
    with pytest.raises(InputError, match=f"kind='{kind}'.*{complaint}"):
        make_task().prompt_for(kind)


@pytest.mark.parametrize(
    ("template", "words", "complaint"),
    [
        ("{label}: {text}", ("Bad", "Okay", "Good"), "3 label words for the 2 classes"),
        ("{label}: {premise}", ("Bad", "Good"), "has the slot 'premise', but example 0 of the train split"),
    ],
)
def test_the_masked_prompt_fits_the_task_too(
    make_task: Callable[..., Task], template: str, words: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        replace(make_task(), masked_prompt=Prompt(template, words))


def test_the_metric_is_known_and_fits_the_classes(make_task: Callable[..., Task]) -> None:
    assert make_task().metric == "accuracy"
    assert replace(make_task(), metric="f1").metric == "f1"
    with pytest.raises(InputError, match="metric='mcc' is not known.*Accepted: accuracy, f1"):
        replace(make_task(), metric="mcc")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="metric='f1' is for two classes; there are 3"):
        replace(make_task((2, 2, 2), (1, 1, 1)), metric="f1")


def test_the_hash_tells_data_apart(make_task: Callable[..., Task]) -> None:
    one = Examples.from_columns({"text": ["a", "b"]}, [0, 1])
    others = [
        Examples.from_columns({"text": ["b", "a"]}, [1, 0]),
        Examples.from_columns({"text": ["a", "b"]}, [1, 1]),
        Examples.from_columns({"text": ["ab", ""]}, [0, 1]),
        one.take([0]),
    ]
    hashes = {content_hash(one, other) for other in (one, *others)} | {
        content_hash(other, one) for other in others
    }
    assert len(hashes) == 9
    assert content_hash(one, one) == content_hash(one.take([0, 1]), one)
