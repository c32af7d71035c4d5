"""What `lintune finetune` leaves: the adapter, the record, and what other libraries read."""

import copy
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from lintune import adapters, records
from lintune.cli.finetuning import folder
from lintune.cli.finetuning.work import Done
from lintune.kernels import ranks


def save(done: Done, out: Path, stopwatch: records.Stopwatch) -> None:
    """Write everything, or nothing where an error comes in between.

    Raises:
        InputError: A number is not finite.
        FetchError: The folder cannot be written.
    """
    problem, request = done.problem, done.request
    adapter = adapters.Adapter.of(problem.pretrained, problem.method, done.run.values)
    with folder.filling(out) as scratch:
        adapters.save(adapter, scratch)
        _record(done, scratch / folder.RUN, stopwatch)
        if request.peft:
            adapted = adapters.to_peft(adapter, problem.pretrained.model)
            adapted.save_pretrained(str(scratch / folder.PEFT))
            adapted.unload()  # the layers are the model's own again
        if request.merged:
            adapters.merge(problem.pretrained.model, problem.method, done.run.values)
            save_plain(problem.pretrained.model, scratch / folder.MERGED)
            problem.pretrained.tokenizer.save_pretrained(scratch / folder.MERGED)


def save_plain(model: PreTrainedModel, path: Path) -> None:
    """Save a model; one read from GGUF, which transformers refuses to save, as a fresh one of its weights."""
    if getattr(model, "hf_quantizer", None) is None:
        model.save_pretrained(path)
        return
    config = copy.deepcopy(model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = type(model)(config).to(model.dtype)  # type: ignore[arg-type]  # its decorator hides the signature
    fresh.load_state_dict(model.state_dict())
    fresh.save_pretrained(path)


def _record(done: Done, path: Path, stopwatch: records.Stopwatch) -> None:
    request, problem = done.request, done.problem
    records.write(
        "finetune",
        _found(done),
        parameters=vars(request) | {"options": dict(request.options)} | _came_to(done),
        inputs={
            f"model {request.model}": problem.pretrained.weights,
            f"task {request.task}": problem.task.source.sha256,
        },
        device=request.device,
        dtype=request.dtype,
        stopwatch=stopwatch,
        path=path,
    )


def _found(done: Done) -> dict[str, Any]:
    return {
        "trained": done.problem.trained,
        "total": done.problem.total,
        "before": asdict(done.before),
        "after": asdict(done.after),
        "chance": done.chance,
        "side": _side(done),
        "metric": done.problem.task.metric,
        "rate": done.run.rate,
        "trials": [asdict(trial) for trial in done.trials],
        "losses": done.run.losses,
        "seconds_per_step": done.run.seconds,
    }


def _side(done: Done) -> dict[str, Any] | None:
    """Return on which side the run ended; a share that is not finite is None, which a record can hold."""
    if done.side is None:
        return None
    share = done.side.share if math.isfinite(done.side.share) else None
    return asdict(done.side) | {"share": share, "examples": done.judged}


def _came_to(done: Done) -> dict[str, Any]:
    """Return what the request came to on this task and model."""
    problem = done.problem
    prompt = problem.task.prompt_for(problem.pretrained.kind)
    return {
        "template": prompt.template,
        "words": prompt.words,
        "layers": sorted({name.rpartition(":")[0] for name in done.run.values}),
        "train_examples": len(problem.train.examples),
        "validation_examples": 0 if problem.validation is None else len(problem.validation.examples),
        "test_examples": len(problem.test.examples),
        "test_examples_asked": done.request.test_examples,
        "processes": ranks.count(),
    }
