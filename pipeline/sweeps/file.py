"""A sweep as somebody writes it: `sweeps/NAME.yml`, checked for names and types of its keys."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lintune.errors import InputError, unknown_name

FOLDER = Path("sweeps")
_Count = Annotated[int, Field(ge=1)]
_Seed = Annotated[int, Field(ge=0)]
_Name = Annotated[str, Field(min_length=1)]
_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Option = bool | int | float | str | list[str] | None


class Sweep(BaseModel):
    """What a sweep asks for.

    Attributes:
        models: Bundled names, hub ids, or local folders.
        tasks: Bundled names, hub names, or task files.
        methods: Registered names, as `lintune finetune --method` takes them, alone or with options:
            `lora` or `lora: {rank: 8}`.
        seeds: Of the draws.
        depth: In how many blocks from the top the methods are put; null for all that their targets name.
        examples: Training examples of a draw, at most, the same number of each class.
        validation_examples: To choose the learning rate by; null for as many as to train on.
        test_examples: Test examples.
        steps: Steps of Adam.
        batch: Examples in a step; null for all.
        rates: Learning rates that every method tries, ascending; two more around the best follow.
        finer: The factor by which these two lie above and below.
        longest: Prompts are cut to this many tokens.
        device: Where the models run.
        dtype: Type of the weights.
        threads: Of each cell.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    models: Annotated[list[_Name], Field(min_length=1)]
    tasks: Annotated[list[_Name], Field(min_length=1)]
    methods: Annotated[list[_Name | dict[str, dict[str, Option] | None]], Field(min_length=1)]
    seeds: Annotated[list[_Seed], Field(min_length=1)]
    rates: Annotated[list[_Rate], Field(min_length=1)]
    depth: _Count | None = None
    examples: _Count = 32
    validation_examples: _Count | None = None
    test_examples: _Count = 200
    steps: _Count = 24
    batch: _Count | None = 8
    finer: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 10**0.5
    longest: _Count = 256
    device: _Name = "cpu"
    dtype: Literal["float32", "float64"] = "float32"
    threads: _Count = 1


@dataclass(frozen=True)
class Written:
    """A sweep with the file it was read from.

    Attributes:
        name: Its name.
        path: The file.
        sweep: What it asks for.
        sha256: Hash of the file's text.
    """

    name: str
    path: Path
    sweep: Sweep
    sha256: str

    @cached_property
    def methods(self) -> list[tuple[str, dict[str, Option]]]:
        """The methods as registered names with options."""
        return [_method(entry) for entry in self.sweep.methods]


def load(name: str, folder: Path = FOLDER) -> Written:
    """Read a sweep by its name.

    Raises:
        InputError: There is no such file, or a key or value that is none; the message names the key.
    """
    path = folder / f"{name}.yml"
    if not path.is_file():
        raise unknown_name("sweep", name, (known.stem for known in folder.glob("*.yml")))
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} is not readable YAML: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected `key: value` lines; {', '.join(Sweep.model_fields)}.")
    for key in content:
        if key not in Sweep.model_fields:
            raise unknown_name(f"{path}: key", key, Sweep.model_fields)
    try:
        sweep = Sweep.model_validate(content)
    except ValidationError as error:
        raise InputError("\n".join(_refusals(path, error))) from error
    _check(path, sweep)
    return Written(name, path, sweep, hashlib.sha256(text.encode()).hexdigest())


def label(method: str, options: dict[str, Option]) -> str:
    """Return what a method with options is called in tables, such as `lora rank=8`."""
    return " ".join([method, *(f"{name}={spelled(value)}" for name, value in options.items())])


def spelled(value: Option) -> str:
    """Return an option as one types it on the command line."""
    if isinstance(value, list):
        return ",".join(value)
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _method(entry: Any) -> tuple[str, dict[str, Option]]:
    if isinstance(entry, str):
        return entry, {}
    ((name, options),) = entry.items()
    return name, options or {}


def _check(path: Path, sweep: Sweep) -> None:
    """Refuse what a type cannot say: methods of several names, repetitions, rates that do not ascend."""
    for place, entry in enumerate(sweep.methods):
        if isinstance(entry, dict) and len(entry) != 1:
            raise InputError(f"{path}: methods.{place}={entry!r} must be one name with its options.")
    lists: dict[str, list[Any]] = {key: getattr(sweep, key) for key in ("models", "tasks", "seeds")}
    for key, values in (lists | {"methods": [label(*_method(entry)) for entry in sweep.methods]}).items():
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise InputError(f"{path}: {key} has {twice[0]!r} twice.")
    if sweep.rates != sorted(set(sweep.rates)):
        raise InputError(f"{path}: rates={sweep.rates} must ascend.")


def _refusals(path: Path, error: ValidationError) -> list[str]:
    """Return a line for each value that is refused, by the YAML key; of a union one line is enough."""
    said: dict[str, str] = {}
    for each in error.errors():
        key = ".".join(str(part) for part in each["loc"][:2] if not str(part).startswith("function"))
        given = f"={each['input']!r}" if each["type"] != "missing" else ""
        hint = ""
        if isinstance(each["input"], str) and "float" in each["type"]:
            hint = " (YAML reads 1e-4 as text: write 1.0e-4)"
        said.setdefault(key, f"{path}: {key}{given}: {each['msg']}{hint}.")
    return list(said.values())
