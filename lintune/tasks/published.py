"""The tasks by hub name: published copies of the data of Malladi et al. (2023), and CoLA.

Where the facts come from. Configurations, splits, columns and class names of `nyu-mll/glue` and
`fancyzhx/ag_news` are those of their dataset cards and of the loading scripts that the copies were made
from; those of `jxm/mpqa` are of its card. The `SetFit` copies have no schema on their cards: columns and
classes are those that published code reads from them, among it the tests of the setfit library for
`label_text`. What 0 and 1 mean in `SetFit/subj` is likewise read off published code, and in `jxm/mpqa` it
is the custom for MPQA. Loading checks columns, splits and class names (`lintune.tasks.schema`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lintune.metrics import Metric
from lintune.tasks.prompt import Prompt
from lintune.tasks.schema import Labels, Schema

_UNSTATED = "not stated by the copy"


@dataclass(frozen=True)
class Published:
    """A task whose data are published on the hub: what they must be, and how it is asked.

    Attributes:
        title: Name as printed.
        hub: Name of the data set on the hub.
        schema: Its columns and labels.
        classes: `(C,)` names of the classes, in the order of the class ids.
        prompt: For causal models, and for masked ones where there is no other.
        citation: BibTeX keys.
        config: Which of the data set's configurations; None where it has only one.
        test: The labelled split to test on. That of training is `train` everywhere.
        masked_prompt: For masked models.
        metric: How predictions are scored.
        licence: Licence as far as it is known.
        note: What else one should know of the data.
    """

    title: str
    hub: str
    schema: Schema
    classes: tuple[str, ...]
    prompt: Prompt
    citation: str
    config: str | None = None
    test: str = "test"
    masked_prompt: Prompt | None = None
    metric: Metric = "accuracy"
    licence: str = _UNSTATED
    note: str = ""


def _glue(
    config: str, title: str, texts: Mapping[str, str], names: tuple[str, ...], **more: Any
) -> Published:
    """Return a task of GLUE, whose test labels are held back: its validation split is the test split."""
    schema = Schema(texts, Labels("label", names))
    classes = tuple(name.replace("_", " ") for name in names)
    more["citation"] += ",wang2019glue"
    return Published(title, "nyu-mll/glue", schema, classes, config=config, **{"test": "validation", **more})


def _spelled(copy: str, title: str, classes: tuple[str, ...], prompt: Prompt, **more: Any) -> Published:
    """Return a task of the SetFit copies that spell the class of every row."""
    schema = Schema({"text": "text"}, Labels("label_text", classes, named=False))
    return Published(title, f"SetFit/{copy}", schema, classes, prompt, **more)


# The words and masked templates are those of the LM-BFF line of work: Gao et al. (2021), and for AG News
# Malladi et al. (2023). There, a text loses its last character whatever it is; here only a closing mark.
_SENTIMENT = Prompt("{text} It was {label}.", ("terrible", "great"))
_PREMISE = "Premise: {premise} Hypothesis: {hypothesis} Does the premise imply the hypothesis? {label}"
_BETWEEN = "{premise:cut}? {label}, {hypothesis:lower}"
_SAME = "{first} {label}, {second:lower}"
_SENTENCES = {"first": "sentence1", "second": "sentence2"}
_POLARITY = ("negative", "positive")

PUBLISHED: dict[str, Published] = {
    "sst2": _spelled(
        "sst2",
        "SST-2",
        _POLARITY,
        _SENTIMENT,
        citation="socher2013recursive",
        test="validation",
        note="Whole sentences; the copy in GLUE trains on phrases too.",
    ),
    "sst5": _spelled(
        "sst5",
        "SST-5",
        ("very negative", "negative", "neutral", "positive", "very positive"),
        Prompt(_SENTIMENT.template, ("terrible", "bad", "okay", "good", "great")),
        citation="socher2013recursive",
    ),
    "cr": _spelled("SentEval-CR", "CR", _POLARITY, _SENTIMENT, citation="hu2004mining"),
    "mpqa": Published(
        title="MPQA",
        hub="jxm/mpqa",
        schema=Schema({"text": "sentence"}, Labels("label", (0, 1), named=False)),
        classes=_POLARITY,
        prompt=_SENTIMENT,
        citation="wiebe2005annotating",
        note="The copy's card does not say what its labels 0 and 1 mean; 1 is read as positive.",
    ),
    "subj": Published(
        title="Subj",
        hub="SetFit/subj",
        schema=Schema({"text": "text"}, Labels("label", (0, 1), named=False)),
        classes=("objective", "subjective"),
        prompt=Prompt("{text} This is {label}.", ("objective", "subjective")),
        citation="pang2004sentimental",
        note="The copy's card does not say what its labels 0 and 1 mean; 1 is read as subjective.",
    ),
    "agnews": Published(
        title="AG News",
        hub="fancyzhx/ag_news",
        schema=Schema({"text": "text"}, Labels("label", ("World", "Sports", "Business", "Sci/Tech"))),
        classes=("world", "sports", "business", "technology"),
        prompt=Prompt("{text} This article is about {label} news.", ("world", "sports", "business", "tech")),
        citation="zhang2015character",
        licence="none; given for research and other non-commercial use",
    ),
    "mnli": _glue(
        "mnli",
        "MNLI",
        {"premise": "premise", "hypothesis": "hypothesis"},
        ("entailment", "neutral", "contradiction"),
        prompt=Prompt(_PREMISE, ("Yes", "Maybe", "No")),
        citation="williams2018mnli",
        licence="by genre: that of the OANC, CC BY 3.0 or CC BY-SA 3.0",
        masked_prompt=Prompt(_BETWEEN, ("Yes", "Maybe", "No")),
        test="validation_matched",
    ),
    "qnli": _glue(
        "qnli",
        "QNLI",
        {"question": "question", "sentence": "sentence"},
        ("entailment", "not_entailment"),
        prompt=Prompt(
            "Question: {question} Sentence: {sentence} Does the sentence answer the question? {label}",
            ("Yes", "No"),
        ),
        citation="rajpurkar2016squad",
        licence="CC BY-SA 4.0, as SQuAD",
        masked_prompt=Prompt("{question:cut}? {label}, {sentence:lower}", ("Yes", "No")),
    ),
    "rte": _glue(
        "rte",
        "RTE",
        {"premise": "sentence1", "hypothesis": "sentence2"},
        ("entailment", "not_entailment"),
        prompt=Prompt(_PREMISE, ("Yes", "No")),
        citation="dagan2006rte",
        masked_prompt=Prompt(_BETWEEN, ("Yes", "No")),
    ),
    "mrpc": _glue(
        "mrpc",
        "MRPC",
        _SENTENCES,
        ("not_equivalent", "equivalent"),
        prompt=Prompt("First: {first} Second: {second} Do the two mean the same? {label}", ("No", "Yes")),
        citation="dolan2005mrpc",
        masked_prompt=Prompt(_SAME, ("No", "Yes")),
        metric="f1",
    ),
    "qqp": _glue(
        "qqp",
        "QQP",
        {"first": "question1", "second": "question2"},
        ("not_duplicate", "duplicate"),
        prompt=Prompt("First: {first} Second: {second} Do the two ask the same? {label}", ("No", "Yes")),
        citation="iyer2017qqp",
        masked_prompt=Prompt(_SAME, ("No", "Yes")),
        metric="f1",
    ),
    "cola": _glue(
        "cola",
        "CoLA",
        {"text": "sentence"},
        ("unacceptable", "acceptable"),
        prompt=Prompt("{text} This is {label}.", ("incorrect", "correct")),
        citation="warstadt2019cola",
        note="Accuracy here, as the other tasks; GLUE scores CoLA by Matthews's correlation.",
    ),
}
