"""What `lintune advise` prints: what it looked at, the best candidates, how far to trust it, what is next."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from lintune.cli.advising import plain_peft
from lintune.cli.advising.cautions import cautions
from lintune.cli.advising.command import command
from lintune.cli.advising.found import Found, found
from lintune.cli.advising.quantities import amount, duration
from lintune.cli.advising.trust import trust
from lintune.cli.advising.work import Done

_BEST = 10


def show(done: Done, out: Path) -> None:
    """Print the advice, and where it was saved."""
    console = Console(highlight=False, markup=False)
    numbers = found(done)
    console.print(_looked_at(done, numbers))
    console.print(_candidates(numbers))
    _list(console, "How far to trust this", trust(numbers))
    _list(console, "When not to follow this", cautions(numbers) or ["no reason was found here."])
    written = ", ".join(sorted(path.name for path in out.iterdir()))
    console.print(f"wrote {out}: {written}", soft_wrap=True)
    _next(console, done, out)


def _looked_at(done: Done, numbers: Found) -> Table:
    request, problem = done.request, done.problem
    table = Table(box=SIMPLE, show_header=False)
    table.add_row("model", request.model)
    table.add_row("task", f"{problem.task.title}: {', '.join(problem.task.classes)}")
    table.add_row("prompt", repr(problem.prompted.prompt.template))
    fewer = (
        ""
        if problem.shots == request.shots
        else (f"; {request.shots} were asked for, and class {problem.rarest!r} has no more")
    )
    table.add_row(
        "examples",
        f"{numbers['examples']}, {problem.shots} of each class{fewer}; {numbers['tokens']:.0f} tokens on "
        "average",
    )
    table.add_row("candidates", _considered(done, numbers))
    batch = "all examples" if request.batch is None else f"batches of {request.batch}"
    table.add_row("training", f"adam, {request.steps} steps with {batch}")
    start = numbers["start"]
    table.add_row(
        "as it is", f"loss {start['loss']:.3f} (guessing {numbers['chance']:.3f}), error {start['error']:.0%}"
    )
    seconds = numbers["seconds"]
    table.add_row(
        "took", f"{duration(seconds['look and forecasts'])}, of it {duration(seconds['look'])} for the look"
    )
    return table


def _considered(done: Done, numbers: Found) -> str:
    if not any(numbers["budget"].values()):
        return str(numbers["considered"])
    within = "all" if not numbers["outside"] else f"{len(numbers['rows'])} of them"
    return f"{numbers['considered']}, {within} within the budget of {_budget(numbers['budget'])}"


def _budget(budget: Mapping[str, Any]) -> str:
    parts = [] if budget["parameters"] is None else [f"{amount(budget['parameters'])} parameters"]
    parts += [] if budget["seconds"] is None else [duration(budget["seconds"])]
    return " and ".join(parts)


def _candidates(numbers: Found) -> Table:
    """Return the best candidates, each with the better pull, and at the end the usual default."""
    table = Table(
        "candidate", "tie", "para-\nmeters", "time", "rate", "lambda", "loss", "error", "training\nloss",
        box=SIMPLE, pad_edge=False, padding=0, title_justify="left",
        title="predicted; loss and error on held-out examples",
    )  # fmt: skip
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for place, row in enumerate(row for row in numbers["rows"] if not row["twin"]):
        if place < _BEST or row["candidate"] == numbers["default"]:
            table.add_row(*_cells(row, numbers))
    return table


def _cells(row: Mapping[str, Any], numbers: Found) -> list[str]:
    usual = " (default)" if row["candidate"] == numbers["default"] else ""
    tie = "-" if row["candidate"] == numbers["first"] else ("tie" if row["tie"] else "")
    return [
        f"{row['candidate']}{usual}",
        tie,
        amount(row["parameters"]),
        duration(row["seconds"]),
        f"{row['rate']:g}",
        f"{row['strength']:g}",
        f"{row['predicted held-out loss']:.3f}",
        f"{row['predicted held-out error']:.0%}",
        f"{row['predicted training loss']:.3f}",
    ]


def _list(console: Console, title: str, lines: list[str]) -> None:
    console.print(title)
    for line in lines:
        console.print(Padding(f"- {line}", (0, 0, 0, 2)))
    console.print()


def _next(console: Console, done: Done, out: Path) -> None:
    same = command(done)
    if plain_peft.has(done.advice.first):
        console.print(
            f"To train the first with peft and transformers alone:\n\n  python {out / plain_peft.SCRIPT}\n"
        )
    else:
        console.print("peft has no rows, so there is no adapter_config.json and no train.py.")
    if same is None:
        console.print("`lintune finetune` has no IA3 on outputs alone, so there is no command for this one.")
        return
    console.print("To train it with lintune:\n")
    console.print("\n".join(f"  {line}" for line in same.splitlines()), soft_wrap=True)
