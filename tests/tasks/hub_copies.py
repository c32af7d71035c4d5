"""Small local copies of the hub's data sets, in the layout and with the schema that they have there.

Written down here once more and not taken from the library: what the tests compare must come from outside.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import yaml

Rows = Sequence[Mapping[str, object]]

# Text columns and class names of each configuration of GLUE.
GLUE = {
    "cola": (("sentence",), ("unacceptable", "acceptable")),
    "mnli": (("premise", "hypothesis"), ("entailment", "neutral", "contradiction")),
    "mrpc": (("sentence1", "sentence2"), ("not_equivalent", "equivalent")),
    "qnli": (("question", "sentence"), ("entailment", "not_entailment")),
    "qqp": (("question1", "question2"), ("not_duplicate", "duplicate")),
    "rte": (("sentence1", "sentence2"), ("entailment", "not_entailment")),
    "sst2": (("sentence",), ("negative", "positive")),
}
GRADES = ("very negative", "negative", "neutral", "positive", "very positive")
SIZES = {"train": 12, "validation": 6, "dev": 6, "test": 6}


def write_all(folder: Path) -> Path:
    """Write a copy of every data set that the tasks by hub name read; return the folder."""
    write_glue(folder / "nyu-mll" / "glue")
    polarity = ("negative", "positive")
    write_jsonl(folder / "SetFit" / "sst2", polarity, ("train", "dev", "test"))
    write_jsonl(folder / "SetFit" / "sst5", GRADES, ("train", "dev", "test"))
    write_jsonl(folder / "SetFit" / "SentEval-CR", polarity, ("train", "test"))
    # That repository also holds what its files were made from.
    (folder / "SetFit" / "SentEval-CR" / "custrev.neg").write_text("a sentence\n")
    (folder / "SetFit" / "SentEval-CR" / "create_dataset.ipynb").write_text("{}")
    write_jsonl(folder / "SetFit" / "subj", ("objective", "subjective"), ("train", "test"))
    topics = datasets.ClassLabel(names=["World", "Sports", "Business", "Sci/Tech"])
    write_parquet(folder / "fancyzhx" / "ag_news", ("text",), topics, ("train", "test"))
    write_parquet(folder / "jxm" / "mpqa", ("sentence",), datasets.Value("int64"), ("train", "test", "dev"))
    return folder


def write_glue(folder: Path, configs: Sequence[str] = tuple(GLUE)) -> Path:
    """Write configurations of GLUE, the labels of their test splits held back."""
    card = []
    for config in configs:
        columns, names = GLUE[config]
        ends = ("_matched", "_mismatched") if config == "mnli" else ("",)
        splits = ["train", *(f"{split}{end}" for split in ("validation", "test") for end in ends)]
        for split in splits:
            hidden = split.startswith("test")
            size = SIZES[split.split("_")[0]]
            made = rows(columns, len(names), split, size)
            made = [
                {**row, "label": -1 if hidden else row["label"], "idx": place}
                for place, row in enumerate(made)
            ]
            write_split(folder / config, split, made, columns, datasets.ClassLabel(names=list(names)))
        card.append(entry(config, splits, config))
    return write_card(folder, card)


def write_parquet(folder: Path, columns: Sequence[str], label: Any, splits: Sequence[str]) -> Path:
    """Write a data set of one configuration."""
    classes = getattr(label, "num_classes", 2)
    for split in splits:
        write_split(folder / "data", split, rows(columns, classes, split, SIZES[split]), columns, label)
    return write_card(folder, [entry("default", splits, "data")])


def write_jsonl(folder: Path, names: Sequence[str], splits: Sequence[str]) -> Path:
    """Write a data set as JSON lines that spell their classes."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in splits:
        made = rows(("text",), len(names), split, SIZES[split])
        spelled = [{**row, "label_text": names[int(str(row["label"]))]} for row in made]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in spelled))
    (folder / "README.md").write_text("# A data set\n")
    return folder


def rows(columns: Sequence[str], classes: int, split: str, size: int) -> Rows:
    """Return rows whose texts say their split, their class and their number."""
    return [
        {
            **{column: f"{split} {place % classes} {column} {place}" for column in columns},
            "label": place % classes,
        }
        for place in range(size)
    ]


def write_split(folder: Path, split: str, made: Rows, columns: Sequence[str], label: Any) -> None:
    """Write one split of a configuration, named as the hub names it."""
    folder.mkdir(parents=True, exist_ok=True)
    features = {column: datasets.Value("string") for column in columns} | {"label": label}
    if made and "idx" in made[0]:
        features["idx"] = datasets.Value("int32")
    by_column = {column: [row[column] for row in made] for column in features}
    data = datasets.Dataset.from_dict(by_column, features=datasets.Features(features))
    data.to_parquet(folder / f"{split}-00000-of-00001.parquet")


def entry(config: str, splits: Sequence[str], folder: str) -> dict[str, Any]:
    """Return what a card says of a configuration."""
    files = [{"split": split, "path": f"{folder}/{split}-*"} for split in splits]
    return {"config_name": config, "data_files": files}


def write_card(folder: Path, configs: Sequence[Mapping[str, Any]]) -> Path:
    """Write the card that names the configurations; return the folder."""
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': list(configs)})}---\n# A data set\n")
    return folder
