"""What `lintune diagnose` prints: what it ran on, scores, answers, cautions."""

from pathlib import Path

import pandas as pd
from rich.box import SIMPLE
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from lintune.cli.diagnosis.answers import Answer
from lintune.cli.diagnosis.scores import references, scores
from lintune.cli.diagnosis.study import Diagnosis

# Column titles, broken where a terminal of 80 columns has no room.
_OVER = {
    "chance": "chance",
    "majority": "major-\nity",
    "zero-shot": "zero-\nshot",
    "zero-shot, calibrated": "cali-\nbrated",
}


def show(diagnosis: Diagnosis, path: Path) -> None:
    """Print a diagnosis, and where it was saved."""
    console = Console(highlight=False, markup=False)
    console.print(_ran_on(diagnosis))
    for function in diagnosis.request.functions:
        console.print(_scores(diagnosis, function))
    for answer in diagnosis.answers:
        _answer(console, answer)
    found = diagnosis.cautions
    console.print("Cautions" if found else "No cautions.")
    for caution in found:
        console.print(Padding(f"- {caution}", (0, 0, 0, 2)))
    console.print(f"\nwrote {path}", soft_wrap=True)


def _ran_on(diagnosis: Diagnosis) -> Table:
    request, setting = diagnosis.request, diagnosis.setting
    table = Table(box=SIMPLE, show_header=False)
    table.add_row("model", request.model)
    table.add_row("task", f"{setting.title}: {', '.join(setting.classes)}")
    if setting.template is not None:
        table.add_row("prompt", f"{setting.template!r} with {', '.join(map(repr, setting.words or ()))}")
    for function, optimisers in request.functions.items():
        table.add_row(f"{function} trained by", ", ".join(optimisers))
    draws = f"{len(request.seeds)}, with seeds {', '.join(map(str, request.seeds))}"
    table.add_row("draws", draws)
    table.add_row("in each draw", f"{request.shots} training and {request.shots} validation examples a class")
    tested = sum(setting.tested)
    fewer = "" if tested == request.test_examples else f", all there are; {request.test_examples} asked for"
    table.add_row("test examples", f"{tested}{fewer}")
    table.add_row("blocks trained", str(request.depth))
    batch = "all examples" if request.batch is None else f"batches of {request.batch}"
    table.add_row("steps", f"{request.steps}, with {batch}")
    table.add_row("device, dtype", f"{request.device}, {request.dtype}")
    return table


def _scores(diagnosis: Diagnosis, function: str) -> Table:
    """Return the scores of a function, each beside those of the ways that learn nothing."""
    found, beside = scores(diagnosis.rows), references(diagnosis.rows)
    metric, draws = diagnosis.setting.metric, len(diagnosis.request.seeds)
    title = f"{function}: {metric} over {draws} draw{'s' * (draws > 1)}, and how much it is above"
    table = Table("way", "median", "range", box=SIMPLE, title=title, title_justify="left", pad_edge=False)
    for way, score in beside.items():
        table.add_column(f"{_OVER[way]}\n{score:.3f}")
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for row in found[found.function == function].to_dict("records"):
        if pd.isna(row["median"]):
            table.add_row(row["what"], "diverged")
            continue
        over = [f"{row['median'] - score:+.3f}" for score in beside.values()]
        table.add_row(row["what"], f"{row['median']:.3f}", f"{row['lowest']:.3f}-{row['highest']:.3f}", *over)
    return table


def _answer(console: Console, answer: Answer) -> None:
    console.print(answer.question)
    for finding in answer.findings:
        console.print(Padding(f"{finding.function}, {finding.optimiser}: {finding.says}", (0, 0, 0, 2)))
        for line in finding.because:
            console.print(Padding(f"- {line}", (0, 0, 0, 4)))
    console.print()
