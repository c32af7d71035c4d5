"""What `lintune advise` leaves: the record, the figure, and what trains the first candidate."""

from pathlib import Path
from typing import Any

from lintune import records
from lintune.cli.advising import plain_peft
from lintune.cli.advising.cautions import cautions
from lintune.cli.advising.command import command
from lintune.cli.advising.found import Found, found
from lintune.cli.advising.trust import trust
from lintune.cli.advising.work import Done
from lintune.cli.finetuning import folder

RECORD, FIGURE, SCRIPT = "advice.json", "advice.png", "finetune.sh"
OURS = (RECORD, FIGURE, SCRIPT, *plain_peft.FILES)


def save(done: Done, out: Path, stopwatch: records.Stopwatch) -> None:
    """Write everything, or nothing where an error comes in between.

    Raises:
        FetchError: The folder cannot be written.
    """
    numbers = found(done)
    with folder.filling(out, OURS) as scratch:
        if plain_peft.has(done.advice.first):
            plain_peft.write(done, scratch)
        same = command(done)
        if same is not None:
            (scratch / SCRIPT).write_text(f"# Run this where `lintune advise` was run.\n{same}\n")
        _draw(numbers, scratch / FIGURE)
        _record(done, numbers, scratch / RECORD, stopwatch)


def _draw(numbers: Found, path: Path) -> None:
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from lintune.plots import use_style
    from lintune.plots.advice import advice

    with mpl.rc_context():
        use_style()
        plt.switch_backend("agg")
        figure = advice(numbers)
        figure.savefig(path)
        plt.close(figure)


def _record(done: Done, numbers: Found, path: Path, stopwatch: records.Stopwatch) -> None:
    request, problem = done.request, done.problem
    said: dict[str, Any] = {
        "trust": trust(numbers),
        "cautions": cautions(numbers),
        "finetune command": command(done),
    }
    prompt = problem.prompted.prompt
    records.write(
        "advise",
        numbers | said,
        parameters=vars(request)
        | {
            "budget": numbers["budget"],
            "shots_taken": problem.shots,
            "test_examples": len(problem.test),
            "test_examples_asked": request.test_examples,
            "template": prompt.template,
            "words": prompt.words,
        },
        inputs={
            f"model {request.model}": problem.pretrained.weights,
            f"task {request.task}": problem.task.source.sha256,
        },
        device=request.device,
        dtype=request.dtype,
        stopwatch=stopwatch,
        path=path,
    )
