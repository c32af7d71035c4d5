"""The corpora as published: sizes, classes and a line that is known."""

from collections import Counter

import pytest

from lintune.tasks import corpora


def test_tokenised_reviews_are_the_usual_training_split_of_mr() -> None:
    reviews = corpora.tokenised_reviews()
    assert Counter(label for _, label in reviews) == {0: 4265, 1: 4265}
    assert ("effective but too-tepid biopic", 1) in reviews


def test_review_page_labels_as_mr_does() -> None:
    page = corpora.review_page()
    assert Counter(kind for _, kind in page) == {"fresh": 7403, "rotten": 5405, "plot": 1083}
    raw = {corpora.letters(text): kind == "fresh" for text, kind in page if kind != "plot"}
    shared = [
        (key, label) for text, label in corpora.tokenised_reviews() if (key := corpora.letters(text)) in raw
    ]
    assert len(shared) == 8406
    assert all(raw[key] == label for key, label in shared)


@pytest.mark.parametrize(
    ("kind", "size", "clear"), [("movie", 10605, (5076, 4996)), ("amazon", 3708, (1235, 1750))]
)
def test_rated_snippets(kind: str, size: int, clear: tuple[int, int]) -> None:
    ratings = [rating for _, rating in corpora.rated_snippets(kind)]
    assert len(ratings) == size
    assert min(ratings) >= -4
    assert max(ratings) <= 4
    assert (sum(rating <= -0.5 for rating in ratings), sum(rating >= 0.5 for rating in ratings)) == clear


def test_questions_have_the_published_class_counts() -> None:
    questions = corpora.questions()
    counts = {"ENTY": 1250, "HUM": 1223, "DESC": 1162, "NUM": 896, "LOC": 835, "ABBR": 86}
    assert Counter(label for _, label in questions) == counts
    assert questions[0] == ("How did serfdom develop in and then leave Russia ?", "DESC")


def test_snli_test_is_the_official_one() -> None:
    counts = {"entailment": 3368, "contradiction": 3237, "neutral": 3219}
    assert Counter(label for *_, label in corpora.snli("test")) == counts


def test_boolq_has_the_published_splits() -> None:
    labelled, validation = corpora.boolq()
    assert Counter(question in validation for _, question, _ in labelled) == {False: 9427, True: 3270}
    assert Counter(answer for *_, answer in labelled) == {True: 7907, False: 4790}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Effective but too-tepid biopic", "effective but too tepid biopic ."),
        ("Jos\u00e9's caf\u00e9", "jose s cafe"),
        ("1-cent stamp", "1 Cent Stamp"),
    ],
)
def test_letters_identify_a_sentence_across_tokenisations(one: str, other: str) -> None:
    assert corpora.letters(one) == corpora.letters(other)


def test_letters_tell_texts_without_letters_apart() -> None:
    assert corpora.letters("!") != corpora.letters("?!")
