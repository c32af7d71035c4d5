"""The bundled tasks on pairs of texts."""

from collections.abc import Iterable

from lintune.tasks import corpora
from lintune.tasks.prompt import Prompt
from lintune.tasks.task import Examples, Source, Task, content_hash
from lintune.tasks.titles import TITLES


def snli() -> Task:
    """Return SNLI 1.0: does a premise entail a hypothesis, say nothing on it, or contradict it?"""
    classes = ("entailment", "neutral", "contradiction")
    train, test = (_inferences(corpora.snli(split), classes) for split in ("train_subset", "test"))
    template = "Premise: {premise} Hypothesis: {hypothesis} Does the premise imply the hypothesis? {label}"
    source = Source(
        licence="CC BY-SA 4.0",
        citation="bowman2015snli",
        note="Standard: the official test split and the first 100,000 pairs of the training split, both "
        "without the pairs that have no gold label.",
        sha256=content_hash(train, test),
    )
    # The word between the two texts, as is customary for masked models (Gao et al., 2021).
    masked = Prompt("{premise:cut}? {label}, {hypothesis:lower}", ("Yes", "Maybe", "No"))
    prompt = Prompt(template, masked.words)
    return Task("snli", TITLES["snli"], classes, prompt, train, test, source, masked_prompt=masked)


def boolq() -> Task:
    """Return BoolQ: yes/no questions, each on a passage of an encyclopedia.

    The published training split repeats six questions of the published validation split but for a
    space or an apostrophe. Those six are left out of the training split.
    """
    labelled, validation = corpora.boolq()
    test = _answers(row for row in labelled if row[1] in validation)
    held = {corpora.letters(question) for question in validation}
    train = _answers(row for row in labelled if corpora.letters(row[1]) not in held)
    source = Source(
        licence="CC BY-SA 3.0",
        citation="clark2019boolq",
        note="Standard: the published training split without six questions that the published validation "
        "split repeats, and that validation split for testing.",
        sha256=content_hash(train, test),
    )
    prompt = Prompt("{passage} Question: {question}? Answer: {label}", ("No", "Yes"))
    return Task("boolq", TITLES["boolq"], ("no", "yes"), prompt, train, test, source)


def _inferences(rows: Iterable[tuple[str, str, str]], classes: tuple[str, ...]) -> Examples:
    premises, hypotheses, labels = zip(*rows, strict=True)
    ids = [classes.index(label) for label in labels]
    return Examples.from_columns({"premise": premises, "hypothesis": hypotheses}, ids)


def _answers(rows: Iterable[tuple[str, str, bool]]) -> Examples:
    passages, questions, answers = zip(*rows, strict=True)
    return Examples.from_columns({"passage": passages, "question": questions}, list(map(int, answers)))
