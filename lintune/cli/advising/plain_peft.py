"""What peft and transformers alone train a candidate with: its configuration, settings, texts, a script."""

import json
import shutil
from pathlib import Path
from typing import Any

from lintune import adapters
from lintune.advise import Candidate
from lintune.cli.advising import train_with_peft
from lintune.cli.advising.work import Done
from lintune.cli.finetuning.save import save_plain
from lintune.models import BUNDLED
from lintune.tangents import in_order
from lintune.tasks import Examples

CONFIG, PLAN, TRAIN, TEST, SCRIPT, MODEL = (
    "adapter_config.json", "plan.json", "train.jsonl", "test.jsonl", "train.py", "model",
)  # fmt: skip
FILES = (CONFIG, PLAN, TRAIN, TEST, SCRIPT, MODEL)


def has(candidate: Candidate) -> bool:
    """Return whether peft has a candidate's method."""
    return candidate.kind != "rows"


def write(done: Done, folder: Path) -> None:
    """Write the files for the first candidate.

    The script is a file of this package, as it stands; all that it needs to know is in the others.
    A bundled model, which has no name that transformers knows, is written as well.
    """
    problem = done.problem
    bundled = done.request.model in BUNDLED
    if bundled:
        save_plain(problem.pretrained.model, folder / MODEL)
        problem.pretrained.tokenizer.save_pretrained(folder / MODEL)
    _config(done, folder)
    _json(folder / PLAN, _plan(done, MODEL if bundled else _base(done)))
    for name, examples in ((TRAIN, problem.examples), (TEST, problem.test)):
        _texts(done, examples, folder / name)
    shutil.copyfile(train_with_peft.__file__, folder / SCRIPT)


def _base(done: Done) -> str:
    """Return where transformers finds the model: its hub id, or its folder."""
    name = done.request.model
    if name in BUNDLED:
        return str((done.out / MODEL).resolve())
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def _config(done: Done, folder: Path) -> None:
    """Write peft's configuration, by putting the untrained adapter into the model and taking it out again."""
    pretrained, candidate = done.problem.pretrained, done.advice.first
    method = candidate.method(pretrained.model, done.request.seed)
    start = {
        f"{layer}:{name}": value
        for layer, site in in_order(pretrained.model, method.sites(pretrained.model)).items()
        for name, value in method.start(site).items()
    }
    adapted = adapters.to_peft(adapters.Adapter.of(pretrained, method, start), pretrained.model)
    config: Any = adapted.peft_config["default"]
    config.base_model_name_or_path = _base(done)
    if not isinstance(config.target_modules, str):  # a set, which has no order of its own
        config.target_modules = sorted(config.target_modules)
    config.save_pretrained(str(folder))
    adapted.unload()


def _plan(done: Done, model: str) -> dict[str, Any]:
    problem, recipe = done.problem, done.recipe
    prompt = problem.prompted.prompt
    return {
        "candidate": done.advice.first.name,
        "task": problem.task.title,
        "model": model,
        "revision": getattr(problem.pretrained.model.config, "_commit_hash", None),
        "kind": problem.pretrained.kind,
        "dtype": done.request.dtype,
        "template": prompt.template,
        "classes": problem.task.classes,
        "words": prompt.words,
        "longest": problem.prompted.longest,
        "learning_rate": recipe.learning_rate,
        "strength": recipe.strength,
        "steps": recipe.steps,
        "batch": recipe.batch,
        "seed": recipe.seed,
    }


def _texts(done: Done, examples: Examples, path: Path) -> None:
    fields = done.problem.prompted.prompt.fields
    lines = [
        json.dumps(
            {name: texts[name] for name in fields} | {"label": done.problem.task.classes[label]},
            ensure_ascii=False,
        )
        for texts, label in zip(examples.fields, examples.labels.tolist(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
