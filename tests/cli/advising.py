"""What tests of `lintune advise` share: what it is given, how it is run, what it said."""

import re
from pathlib import Path

from typer.testing import CliRunner, Result

from lintune.cli import app
from tests.cli.given import save_model, save_task

# What a tiny model needs (it has 64 positions), and little work.
SMALL = ("--shots", "4", "--steps", "3", "--batch", "4", "--longest", "32", "--dtype", "float64")
LORA = ("--method", "lora", "--rank", "8", "--layers", "usual", "--probe-steps", "2")
FEW = ("--method", "lora", "--rank", "2", "--depth", "1", "--layers", "all", "--probe-steps", "0")
WRITTEN = {
    "adapter_config.json",
    "advice.json",
    "advice.png",
    "finetune.sh",
    "plan.json",
    "test.jsonl",
    "train.jsonl",
    "train.py",
}


def save_all(root: Path) -> Path:
    """Save models, and task files with their data, right and wrong."""
    save_model(root, "llama")
    save_model(root, "bert")
    save_task(root)
    save_task(root, "long-words", words={"bad": "not good", "good": "great"})
    save_task(root, "strange-words", words={"bad": "abysmal", "good": "great"})
    save_task(root, "one-word", words={"good": "great"})
    for name, rows in (
        ("empty", ""),
        ("unlabelled", "a sad plot,bad\na film,\n"),
        ("one-class", "".join(f"a {x} film,good\n" for x in "abcdefgh")),
        ("single", "a sad plot,bad\n" + "".join(f"{x} x,good\n" for x in "abcdefgh")),
        ("rare", "".join(f"sad {x},bad\n" for x in "abc") + "".join(f"{x} x,good\n" for x in "abcdefgh")),
    ):
        (root / f"{name}.csv").write_text("body,mood\n" + rows)
        save_task(root, name, train=f"{name}.csv", test="films.csv")
    (root / "nothing.csv").write_text("")
    save_task(root, "nothing", train="nothing.csv")
    return root


def run(folder: Path, out: Path, *options: str) -> Result:
    given = ["--task", str(folder / "films.yml"), "--model", str(folder / "llama"), "--out", str(out)]
    return CliRunner().invoke(app, ["advise", *given, *SMALL, *options])


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def refused(result: Result) -> str:
    """Return the line that says why; nothing is before it but progress bars."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    *bars, line = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", result.stderr).splitlines()
    assert all("%|" in bar or not bar.strip() for bar in bars)
    assert line.startswith("error: ")
    return line


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()}
