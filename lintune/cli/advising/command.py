"""The `lintune finetune` command that trains a candidate as advised."""

import shlex

from lintune.advise import Candidate
from lintune.cli.advising.targets import patterns
from lintune.cli.advising.work import Done
from lintune.tangents import tunable_layers

FINETUNED = "finetuned"
_WIDTH = 78


def command(done: Done) -> str | None:
    """Return a shell command in lines of a terminal's width; None for what the command cannot express.

    That is IA3 on outputs alone: `lintune finetune` scales the inputs of some layers always.
    """
    candidate = done.advice.first
    if candidate.kind == "ia3":
        return None
    return wrapped(["lintune finetune", *_given(done), *_trains(done, candidate), *_how(done)])


def wrapped(parts: list[str]) -> str:
    """Return the parts of a command, in as many lines as it needs."""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) > _WIDTH:
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}"
    return " \\\n".join(lines)


def _given(done: Done) -> list[str]:
    request = done.request
    kind = [] if request.kind is None else [f"--kind {request.kind}"]
    return [f"--task {shlex.quote(request.task)}", f"--model {shlex.quote(request.model)}", *kind]


def _trains(done: Done, candidate: Candidate) -> list[str]:
    model = done.problem.pretrained.model
    layers = patterns(list(candidate.method(model).sites(model)), tunable_layers(model))
    targets = [f"--targets {shlex.quote(pattern)}" for pattern in layers]
    if candidate.kind == "rows":
        return ["--method rows", f"--count {candidate.rank}", *targets]
    seed = [f"--method-seed {done.request.seed}"] if done.request.seed else []
    return ["--method lora", f"--rank {candidate.rank}", f"--alpha {candidate.alpha:g}", *targets, *seed]


def _how(done: Done) -> list[str]:
    request, recipe = done.request, done.recipe
    strength = [f"--strength {recipe.strength:g}"] if recipe.strength else []
    return [
        f"--learning-rate {recipe.learning_rate:g}",
        *strength,
        f"--steps {request.steps}",
        f"--batch {request.batch or 0}",
        f"--shots {done.problem.shots}",
        f"--seed {request.seed}",
        f"--test-examples {request.test_examples}",
        f"--longest {request.longest}",
        f"--device {request.device}",
        f"--dtype {request.dtype}",
        f"--out {shlex.quote(str(done.out / FINETUNED))}",
    ]
