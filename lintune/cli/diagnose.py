"""`lintune diagnose`: does kernel behaviour hold for this model and this task?"""

from pathlib import Path

from lintune.cli import options
from lintune.cli.files import check_report
from lintune.errors import InputError, unknown_name

_DRAWS = 3
_OPTIMIZERS = ("sgd", "signgd", "adam")


def command(
    task: options.Task,
    model: options.Model = "smollm2-135m",
    optimizer: options.Trainers = None,
    prompt: options.AskPrompt = True,
    head: options.FreshHead = True,
    shots: options.Shots = 16,
    seeds: options.Draws = None,
    seed: options.DrawSeeds = None,
    test_examples: options.TestExamples = 200,
    depth: options.Depth = 2,
    steps: options.Steps = 24,
    batch: options.BatchSize = 8,
    longest: options.Longest = 256,
    kind: options.Kind = None,
    device: options.Device = "cpu",
    dtype: options.FullDtype = "float32",
    out: options.Report = Path("diagnose.json"),
    force: options.Force = False,
) -> None:
    """Train a model on a few examples of a task, and say what a kernel would have told.

    On several draws of training examples the model is fine-tuned, its
    linearisation is trained, and kernel regression is fitted. The report answers
    three questions: does kernel behaviour hold, which kernel fits which
    optimiser, and how far does linearised training get. All numbers, with where
    they come from, go to a file.
    """
    drawn = _seeds(seeds, seed or [])
    functions = _functions(prompt, head, optimizer or ["sgd", "adam"], kind)
    check_report(out, force)

    from lintune.cli.diagnosis import report, request, save, study
    from lintune.records import Stopwatch

    asked = request.Request(
        task=task,
        model=model,
        kind=kind,
        functions=functions,
        shots=shots,
        seeds=drawn,
        test_examples=test_examples,
        depth=depth,
        steps=steps,
        batch=batch or None,
        longest=longest,
        device=device,
        dtype=dtype,
    )
    stopwatch = Stopwatch()
    diagnosis = study.diagnose(asked)
    save.save(diagnosis, out, stopwatch)
    report.show(diagnosis, out)


def _seeds(count: int | None, given: list[int]) -> tuple[int, ...]:
    """Return the seeds of the draws: those given, or the first ones."""
    if not given:
        return tuple(range(_DRAWS if count is None else count))
    if count is not None:
        raise InputError(
            f"seeds={count} and seed={given}: say how many draws, or the seed of each, not both."
        )
    if len(set(given)) < len(given):
        raise InputError(f"seed={given} must be distinct: the same seed gives the same draw.")
    return tuple(given)


def _functions(
    prompt: bool, head: bool, optimizers: list[str], kind: str | None
) -> dict[str, tuple[str, ...]]:
    """Return by function, under the names that the study has for them, what trains it."""
    if not (prompt or head):
        raise InputError("--no-prompt and --no-head leave nothing to study; leave one of them out.")
    if prompt and kind == "encoder":
        raise InputError(
            "kind='encoder' cannot answer a prompt; --no-prompt studies it with a fresh head alone."
        )
    for name in optimizers:
        if name not in _OPTIMIZERS:
            raise unknown_name("optimizer", name, _OPTIMIZERS)
    asked = tuple(dict.fromkeys(optimizers))
    of_prompt = {"prompt": asked} if prompt else {}
    of_head = {"fresh head": ("sgd",) if prompt else asked} if head else {}
    return of_prompt | of_head
