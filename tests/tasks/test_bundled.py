"""The bundled tasks on the real data: published counts, no text in two splits, the same data everywhere."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.tasks import Examples, Task, few_shot, load, names, sentences, title
from lintune.tasks.corpora import letters
from lintune.tasks.titles import TITLES

# Examples per class of the training and of the test split.
COUNTS = {
    "mr": ([4205, 4199], [1046, 1045]),
    "sst2-like": ([4572, 4498], [503, 497]),
    "sst5-like": ([1853, 2739, 478, 2543, 1990], [198, 285, 55, 265, 197]),
    "cr-like": ([1021, 1448], [210, 290]),
    "subj-rebuilt": ([4501, 4499], [499, 501]),
    "trec": ([77, 1131, 1028, 1104, 758, 778], [9, 114, 123, 110, 66, 78]),
    "snli": ([33385, 33194, 33311], [3368, 3219, 3237]),
    "boolq": ([3552, 5869], [1237, 2033]),
}
HASHES = {
    "mr": "d1baba8c0c9d3501eebf071dc6b423362c90be9f14b3018875cd29eda9207c8f",
    "sst2-like": "4c74ee66d506f0d32b45d51d50cce32aa467f921655e6d2081855be7a231b37d",
    "sst5-like": "42344a4df25923c78a6af25ab7b97c86192440e069d1b1567cb03d6843534fac",
    "cr-like": "140c7c5f91dea18b5c4459f2ceb5656942c9fa954806b81209fd8d7dc56292b7",
    "subj-rebuilt": "6f95455adc0771a02268e01dc473f737a5534076a1e0684716819f0b3266b818",
    "trec": "bd80837a11f61726d0763d298a8ed07d8b5e1fd46e22dc716b91f49193d47de7",
    "snli": "0d649f5328af2b693832d8a41527c08abb6cc5cf8368da7dc5c8152e9b1ec40e",
    "boolq": "2d5c6703f8a0ff931096de9f502728cc36918e72c6d08ba5027225dc37923b8a",
}
bundled = pytest.mark.parametrize("name", names())


@cache
def task(name: str) -> Task:
    return load(name)


def keys(examples: Examples) -> list[tuple[str, ...]]:
    return [tuple(map(letters, fields.values())) for fields in examples.fields]


def test_every_task_is_tested() -> None:
    assert set(names()) == set(COUNTS) == set(HASHES)


@bundled
def test_the_title_is_known_without_the_data(name: str) -> None:
    assert title(name) == TITLES[name] == task(name).title


@bundled
def test_counts(name: str) -> None:
    counts = tuple(np.bincount(split.labels).tolist() for split in (task(name).train, task(name).test))
    assert counts == COUNTS[name]


@bundled
def test_no_text_is_in_both_splits(name: str) -> None:
    assert not set(keys(task(name).train)) & set(keys(task(name).test))


# SNLI and BoolQ keep what their published splits repeat.
@pytest.mark.parametrize("name", [name for name in names() if name not in ("snli", "boolq")])
def test_no_text_is_there_twice(name: str) -> None:
    train = keys(task(name).train)
    assert len(set(train)) == len(train)


@bundled
def test_the_data_are_the_same_on_every_machine(name: str) -> None:
    assert task(name).source.sha256 == HASHES[name]


@bundled
def test_texts_are_clean(name: str) -> None:
    for split in (task(name).train, task(name).test):
        for text in (text for fields in split.fields for text in fields.values()):
            assert text
            assert text == " ".join(text.split())
            assert "&amp;" not in text


@bundled
def test_a_few_shot_draw_of_real_texts(name: str) -> None:
    split = few_shot(task(name), shots=16, seed=3, test_examples=100)
    classes = len(task(name).classes)
    assert np.bincount(split.train.labels).tolist() == [16] * classes
    assert len(split.test) == 100
    assert not set(keys(split.train)) & set(keys(split.test))
    assert set(split.test.labels) <= set(range(classes))


@bundled
def test_the_label_comes_after_every_text(name: str) -> None:
    """A causal model sees only what precedes the label slot."""
    prompt, fields = task(name).prompt, task(name).train.fields[0]
    before, _ = prompt.render(fields)
    assert set(prompt.fields) == set(fields)
    assert all(text in before for text in fields.values())
    assert before.endswith(" "), "label words are spelled as after a space"


@pytest.mark.parametrize(
    ("name", "texts", "label"),
    [
        ("mr", ("Effective but too-tepid biopic",), "positive"),
        ("cr-like", ("im a more happier person after discovering the i/p button!",), "positive"),
        ("trec", ("What is the oldest profession ?",), "human"),
        (
            "subj-rebuilt",
            ("He is extremely strict at work and believes in pushing his workers to the limit.",),
            "objective",
        ),
        (
            "snli",
            (
                "A person on a horse jumps over a broken down airplane.",
                "A person is training his horse for a competition.",
            ),
            "neutral",
        ),
    ],
)
def test_well_known_examples_have_their_class(name: str, texts: tuple[str, ...], label: str) -> None:
    train = task(name).train
    place = [tuple(fields.values()) for fields in train.fields].index(texts)
    assert task(name).classes[train.labels[place]] == label


def test_mr_has_no_sentence_of_its_training_split_in_other_spelling_for_testing() -> None:
    """The published training split writes `s&m` where the raw dump has `S&amp;M`."""
    assert not [
        fields for fields in task("mr").test.fields if "Maggie Gyllenhaal is a delight" in fields["text"]
    ]
    assert [
        fields for fields in task("mr").train.fields if "Maggie Gyllenhaal is a delight" in fields["text"]
    ]


def test_grades_cut_outwards() -> None:
    ratings = [-4.0, -2.0, -1.9, -0.5, -0.4, 0.0, 0.4, 0.5, 1.9, 2.0, 4.0]
    assert [sentences._grade(rating) for rating in ratings] == [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SNLI", "'snli'"),
        ("sst-2-like", "'sst2-like'"),
        ("subj-rebuild", "'subj-rebuilt'"),
        ("imdb", ""),
    ],
)
def test_an_unknown_task_is_answered_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"task='{name}' is not known.*{hint}.*Accepted: agnews, boolq"):
        load(name)


def test_importing_tasks_is_light() -> None:
    code = "import json, sys, lintune.tasks; lintune.tasks.names(); print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "datasets", "pandas"} & set(json.loads(done.stdout))
