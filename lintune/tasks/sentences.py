"""The bundled tasks on single sentences."""

import re
from collections.abc import Sequence

import numpy as np

from lintune.tasks import corpora
from lintune.tasks.prompt import Prompt
from lintune.tasks.splits import distinct, hold_out
from lintune.tasks.task import Examples, Source, Task, content_hash
from lintune.tasks.titles import TITLES

_SENTIMENT = Prompt("{text} It was {label}.", ("terrible", "great"))
_RATED_LICENCE = "MIT for the ratings (Hutto and Gilbert); no licence is stated for the sentences"
_UNSTATED = "none stated by its authors, who give it for research"

# A sentence ends at . ! or ? before a capital, unless a title or an initial ends there.
_SENTENCE_END = re.compile(r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\b[A-Z]\.)(?<=[.!?])\s+(?=[\"'(]?[A-Z])")


def mr() -> Task:
    """Return MR: movie-review sentences, negative or positive, in their raw wording.

    Both splits take their wording from the authors' raw dump, as the published training split is
    lower-cased and tokenised. A sentence of the training split that the dump lacks is left out; the
    test split is what of the dump is not in the training split but known to belong to MR.
    """
    reviews = [(text, kind == "fresh") for text, kind in corpora.review_page() if kind != "plot"]
    raw = {corpora.letters(text): (text, positive) for text, positive in reviews}
    tokenised = dict.fromkeys(corpora.letters(text) for text, _ in corpora.tokenised_reviews())
    belongs = dict.fromkeys(corpora.letters(text) for text, _ in corpora.rated_snippets("movie"))
    train = _examples([raw[key] for key in tokenised if key in raw])
    test = _examples([raw[key] for key in belongs if key in raw and key not in tokenised])
    source = Source(
        licence=_UNSTATED,
        citation="pang2005seeing",
        note="Standard sentences and labels. The training split is the usual one in the authors' raw "
        "wording, 98.5 % of it; the test split is 98 % of the rest of MR.",
        sha256=content_hash(train, test),
    )
    return Task("mr", TITLES["mr"], ("negative", "positive"), _SENTIMENT, train, test, source)


def sst2_like() -> Task:
    """Return SST-2-like: the sentences of MR and SST, rated anew, the nearly neutral ones left out."""
    rated = [(text, rating > 0) for text, rating in corpora.rated_snippets("movie") if abs(rating) >= 0.5]
    train, test = _held_out(rated, 1000)
    source = Source(
        licence=_RATED_LICENCE,
        citation="hutto2014vader,socher2013recursive",
        note="Derivative of SST-2: sentences of movie reviews with the sign of the mean rating of 20 other "
        "readers, where it is at least 0.5 from 0; seeded hold-out.",
        sha256=content_hash(train, test),
    )
    return Task("sst2-like", TITLES["sst2-like"], ("negative", "positive"), _SENTIMENT, train, test, source)


def sst5_like() -> Task:
    """Return SST-5-like: as `sst2_like`, with five classes from very negative to very positive."""
    rated = [(text, _grade(rating)) for text, rating in corpora.rated_snippets("movie")]
    train, test = _held_out(rated, 1000)
    classes = ("very negative", "negative", "neutral", "positive", "very positive")
    prompt = Prompt(_SENTIMENT.template, ("terrible", "bad", "okay", "good", "great"))
    source = Source(
        licence=_RATED_LICENCE,
        citation="hutto2014vader,socher2013recursive",
        note="Derivative of SST-5: sentences of movie reviews by the mean rating of 20 other readers, cut at "
        "-2, -0.5, 0.5 and 2 (our cuts); seeded hold-out.",
        sha256=content_hash(train, test),
    )
    return Task("sst5-like", TITLES["sst5-like"], classes, prompt, train, test, source)


def cr_like() -> Task:
    """Return CR-like: sentences of customer reviews of five products, rated anew."""
    rated = [(text, rating > 0) for text, rating in corpora.rated_snippets("amazon") if abs(rating) >= 0.5]
    train, test = _held_out(rated, 500)
    source = Source(
        licence=_RATED_LICENCE,
        citation="hutto2014vader,hu2004mining",
        note="Derivative of CR: customer-review sentences with the sign of the mean rating of 20 other "
        "readers, where it is at least 0.5 from 0; seeded hold-out.",
        sha256=content_hash(train, test),
    )
    return Task("cr-like", TITLES["cr-like"], ("negative", "positive"), _SENTIMENT, train, test, source)


def subj_rebuilt() -> Task:
    """Return Subj (rebuilt): review snippets against sentences of plot summaries, 5,000 of each.

    As in Pang and Lee (2004), only texts of ten words or more count.
    """
    snippets, sentences = [], []
    for text, kind in corpora.review_page():
        if kind == "plot":
            sentences += _SENTENCE_END.split(text)
        else:
            snippets.append(text)
    chosen = [(text, 0) for text in _long(snippets)] + [(text, 1) for text in _long(sentences)]
    train, test = _held_out(chosen, 1000)
    source = Source(
        licence=_UNSTATED,
        citation="pang2004sentimental",
        note="Subj rebuilt from the same authors' raw dump by their rule of ten words or more; the sentence "
        "splitter and the choice of 5,000 of each class are ours; seeded hold-out.",
        sha256=content_hash(train, test),
    )
    prompt = Prompt("{text} This is a {label}.", ("review", "story"))
    classes = ("subjective", "objective")
    masked = Prompt("{text} This is {label}.", classes)  # the customary one (Gao et al., 2021)
    return Task(
        "subj-rebuilt", TITLES["subj-rebuilt"], classes, prompt, train, test, source, masked_prompt=masked
    )


def trec() -> Task:
    """Return TREC: questions by what they ask for, six classes."""
    # Class, its word for causal models, and the customary one for masked models (Gao et al., 2021).
    words = {
        "ABBR": ("abbreviation", "acronym", "Expression"),
        "ENTY": ("entity", "thing", "Entity"),
        "DESC": ("description", "definition", "Description"),
        "HUM": ("human", "person", "Human"),
        "LOC": ("location", "place", "Location"),
        "NUM": ("number", "number", "Number"),
    }
    order = list(words)
    train, test = _held_out([(question, order.index(label)) for question, label in corpora.questions()], 500)
    classes, spelled, spelled_masked = zip(*words.values(), strict=True)
    source = Source(
        licence=_UNSTATED,
        citation="li2002learning",
        note="Standard training set without repeated questions. The official 500 test questions are not in "
        "it: the test split here is a seeded hold-out.",
        sha256=content_hash(train, test),
    )
    prompt = Prompt("{text} This question is about a {label}.", spelled)
    # In RoBERTa's vocabulary it takes the space before it to make every one of these words one token.
    masked = Prompt(" {label}: {text}", spelled_masked)
    return Task("trec", TITLES["trec"], classes, prompt, train, test, source, masked_prompt=masked)


def _grade(rating: float) -> int:
    """Return the class of a rating: cuts at -2, -0.5, 0.5 and 2, each cut itself on its outer side."""
    outer = sum(abs(rating) >= cut for cut in (0.5, 2.0))
    return 2 + (outer if rating > 0 else -outer)


def _long(texts: Sequence[str]) -> list[str]:
    """Return 5,000 of the distinct texts of at least ten words, by a fixed shuffle."""
    kept = {corpora.letters(text): text for text in texts if len(text.split()) >= 10}
    distinct_texts = list(kept.values())
    order = np.random.default_rng(0).permutation(len(distinct_texts))
    return [distinct_texts[place] for place in order[:5000]]


def _held_out(rows: Sequence[tuple[str, int]], size: int) -> tuple[Examples, Examples]:
    return hold_out(distinct(_examples(rows), corpora.letters), size)


def _examples(rows: Sequence[tuple[str, int]]) -> Examples:
    texts, labels = zip(*rows, strict=True)
    return Examples.from_columns({"text": texts}, np.array(labels, dtype=np.int64))
