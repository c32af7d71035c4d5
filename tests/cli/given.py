"""What a command is given: folders with tiny models, task files and their data."""

import itertools
from pathlib import Path

import torch
import yaml

from tests.tiny import pretrained

MOODS = {"bad": ("dull", "sad", "terrible"), "good": ("funny", "great", "bright")}
THINGS = ("film", "plot", "story", "actor", "music")


def save_model(root: Path, name: str) -> Path:
    """Save a tiny model with its tokeniser in a folder of its name."""
    tiny = pretrained(name, torch.float32)
    tiny.model.save_pretrained(root / name)
    tiny.tokenizer.save_pretrained(root / name)
    return root / name


def save_task(root: Path, name: str = "films", **entries: object) -> Path:
    """Save 30 sentences about films, and a task file that asks for their mood."""
    rows = [
        f"the {thing} was {word},{mood}\n"
        for mood, words in MOODS.items()
        for thing, word in itertools.product(THINGS, words)
    ]
    (root / "films.csv").write_text("body,mood\n" + "".join(rows))
    usual: dict[str, object] = {
        "train": "films.csv",
        "text": "body",
        "label": "mood",
        "template": "{text} . it was {label} .",
        "words": {"bad": "terrible", "good": "great"},
    }
    path = root / f"{name}.yml"
    path.write_text(yaml.safe_dump(usual | entries, sort_keys=False))
    return path
