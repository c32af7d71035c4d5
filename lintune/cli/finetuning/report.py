"""What `lintune finetune` prints: what was trained, the scores before and after, the files."""

import math
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from lintune.cli.finetuning.work import Done


def show(done: Done, out: Path) -> None:
    """Print what was found, and where it was saved."""
    console = Console(highlight=False, markup=False)
    console.print(_ran_on(done))
    console.print(_scores(done))
    console.print(_side(done), soft_wrap=True)
    for caution in _cautions(done):
        console.print(f"- {caution}")
    written = ", ".join(sorted(path.name for path in out.iterdir()))
    console.print(f"wrote {out}: {written}", soft_wrap=True)


def _ran_on(done: Done) -> Table:
    request, problem = done.request, done.problem
    table = Table(box=SIMPLE, show_header=False)
    table.add_row("model", request.model)
    table.add_row("task", f"{problem.task.title}: {', '.join(problem.task.classes)}")
    layers = len({name.rpartition(":")[0] for name in done.run.values})
    table.add_row("method", f"{problem.method.name}, in {layers} layers")
    share = problem.trained / problem.total
    table.add_row("trained parameters", f"{problem.trained:,} of {problem.total:,} ({share:.3%})")
    validation = "" if problem.validation is None else f", {len(problem.validation.examples)} validation"
    counts = f"{len(problem.train.examples)} training{validation}, {len(problem.test.examples)} test"
    table.add_row("examples", counts)
    batch = "all examples" if request.batch is None else f"batches of {request.batch}"
    pull = f", pull of strength {request.strength:g}" if request.strength else ""
    table.add_row("training", f"{request.optimizer}, {request.steps} steps with {batch}{pull}")
    table.add_row("learning rate", _rate(done))
    table.add_row("seconds per step", f"{done.run.seconds:.3g}")
    return table


def _rate(done: Done) -> str:
    if not done.trials:
        return f"{done.run.rate:.3g}, given"
    tried = ", ".join(f"{trial.rate:.3g}" for trial in done.trials)
    return f"{done.run.rate:.3g}, the best on the validation examples of {tried}"


def _scores(done: Done) -> Table:
    table = Table("", "before", "after", box=SIMPLE, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    metric = f"test {done.problem.task.metric} (chance {done.chance:.3f})"
    table.add_row(metric, f"{done.before.score:.3f}", f"{done.after.score:.3f}")
    table.add_row("mean loss, test", f"{done.before.test:.3f}", f"{done.after.test:.3f}")
    table.add_row("mean loss, training", f"{done.before.train:.3f}", f"{done.after.train:.3f}")
    return table


def _side(done: Done) -> str:
    """Say whether the run went a linear way."""
    if done.side is None:
        return "whether the run is linear was not measured: method or model has no forward-mode derivative."
    if not math.isfinite(done.side.share):
        return f"the run is beyond its linearisation: its outputs on {done.judged} test examples overflow."
    where = "linear" if done.side.side == "linear" else "beyond its linearisation"
    return (
        f"the run is {where}: of the change of the outputs of {done.judged} test examples, "
        f"{done.side.share:.1%} is not linear (linear up to {done.side.threshold:.0%})."
    )


def _cautions(done: Done) -> list[str]:
    """Return what a reader should know before believing the scores."""
    found = []
    asked, there = done.request.test_examples, len(done.problem.test.examples)
    if there < asked:
        found.append(f"there are {there} test examples; {asked} were asked for.")
    diverged = [trial for trial in done.trials if trial.score is None]
    if diverged:
        found.append(f"training diverged with {len(diverged)} of {len(done.trials)} learning rates.")
    rates = [trial.rate for trial in done.trials]
    if rates and done.run.rate in (min(rates), max(rates)):
        edge = "smallest" if done.run.rate == min(rates) else "largest"
        found.append(f"the chosen learning rate is the {edge} of those tried; one beyond may be better.")
    if done.after.score <= done.chance:
        found.append("the score is not above chance.")
    return found
