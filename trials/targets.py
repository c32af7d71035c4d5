"""What is fuzzed: bytes become files, which load to something valid or are refused by name.

Whatever else happens, another exception above all, is a finding and raised. The property tests
(`tests/fuzz`) and the fuzzer led by coverage (`trials.fuzz`) call the same functions.
"""

import ast
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from papermill.translators import PythonTranslator
from safetensors import safe_open
from safetensors.numpy import save_file

from lintune import records
from lintune.errors import CorruptFileError, FetchError, InputError
from lintune.kernels import BlockKernel, store
from lintune.tasks.files import load_file, read_task_file
from pipeline import parameters, profiles

REFUSALS = (InputError, CorruptFileError, FetchError)
CUT = b"\n====\n"  # between the files that one input holds

NOTEBOOK = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

```{code-cell} ipython3
:tags: [parameters]

%s
```
"""
CELL = """shots: int = 16
rate: float = 0.1
name: str = "a"
exact: bool = True
seeds: list[int] = [0, 1]
anything: list = []
by_name: dict = {}
limit: int | None = None"""
TASK = """train: train.csv
text: body
label: mood
template: "{text} It was {label}."
words: {bad: terrible, good: great}
"""
ROWS = "body,mood\n" + "".join(f"ticket {place},{'good' if place % 2 else 'bad'}\n" for place in range(12))
LINES = ROWS.splitlines()[1:]
JSON_ROWS = "\n".join(json.dumps(dict(zip(("body", "mood"), line.split(","), strict=True))) for line in LINES)


class Finding(AssertionError):
    """Something came out that is neither valid nor refused by the name of its file."""


@contextmanager
def refused(*names: str) -> Iterator[list[str]]:
    """Yield a list that holds the message afterwards if the project refused what was done inside.

    Args:
        *names: Of these the message must hold one.

    Raises:
        Finding: Another exception, or a message that names none.
    """
    message: list[str] = []
    try:
        yield message
    except Finding:
        raise
    except REFUSALS as error:
        message.append(str(error))
        if not any(name in message[0] for name in names):
            raise Finding(f"names none of {names}: {message[0][:500]}") from error
    except Exception as error:
        raise Finding(f"{type(error).__name__}: {str(error)[:500]}") from error


def read_record(data: bytes, folder: Path) -> bool:
    """Read a record; return whether it was taken."""
    path = folder / "record.json"
    path.write_bytes(data)
    with refused(path.name) as message:
        record = records.read(path)
        if set(record) != {"name", "data", "parameters", "inputs", "environment", "run"}:
            raise Finding(f"keys {sorted(record)}")
    return not message


def load_kernel(data: bytes, folder: Path) -> bool:
    """Load a kernel, as it is and with the hash that its content should have; return whether it was taken."""
    path = folder / "kernel.safetensors"
    path.write_bytes(data)
    if _rehash(path):
        _load_kernel(path)
    path.write_bytes(data)
    return _load_kernel(path)


def _rehash(path: Path) -> bool:
    """Give a kernel the right hash, so that what is behind that check is met; say whether it can have one."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, blocks = file.metadata() or {}, file.get_tensor("blocks")
    except Exception:  # refused as it is
        return False
    save_file({"blocks": blocks}, path, metadata | {"sha256": json.dumps(store._digest(blocks, metadata))})
    return True


def _load_kernel(path: Path) -> bool:
    with refused(path.name) as message:
        kernel = store.load(path)
        if kernel.blocks.dtype != np.float64 or not np.isfinite(kernel.blocks).all():
            raise Finding(f"blocks of {kernel.blocks.dtype}, not all finite")
        if kernel.blocks.ndim != 5 or len(kernel.layers) != len(kernel.blocks):
            raise Finding(f"blocks {kernel.blocks.shape} of {len(kernel.layers)} layers")
    return not message


def load_task(data: bytes, folder: Path) -> bool:
    """Load a task file with its rows, as CSV and as JSONL; return whether it was taken."""
    description, cut, rows = data.partition(CUT)
    if not cut:
        description, rows = TASK.encode(), data
    path = folder / "task.yml"
    path.write_bytes(description)
    names = ("train.csv", "train.jsonl")
    for name in names:
        (folder / name).write_bytes(rows)
    with refused(path.name, *names, str(folder)) as message:  # what the task file names lies below the folder
        if "hub" in read_task_file(path).settings:  # what comes from a hub is not ours to fuzz
            return True
        task = load_file(path)
        texts = [
            text for part in (task.train, task.test) for fields in part.fields for text in fields.values()
        ]
        if not len(task.test) or not all(text.strip() and text.encode() for text in texts):
            raise Finding("a task without test examples, or with an empty text")
        for fields in task.train.fields:
            task.prompt.render(fields)
    return not message


def check_parameters(data: bytes, folder: Path) -> bool:
    """Take parameters from a file, the command line and a notebook's cell; return whether all were taken."""
    content, _, rest = data.partition(CUT)
    assignments, cut, cell = rest.decode(errors="replace").partition(CUT.decode())
    source, given, chosen = (folder / name for name in ("one.md", "given.yml", "profiles.yml"))
    source.write_text(NOTEBOOK % (cell if cut else CELL), encoding="utf-8")
    given.write_bytes(content)
    chosen.write_bytes(b"smoke: {one: " + content + b"}")
    with refused(chosen.name, source.name):
        profiles.checked("smoke", folder)
    with refused("NAME=VALUE", given.name, source.name) as message:
        typed = parameters.from_command_line(source, assignments.splitlines())
        values = parameters.read_yaml(given)
        values = typed | (values if isinstance(values, dict) else {})
        parameters.check(source, values)
        _check_injected(values)
    return not message


def _check_injected(values: Mapping[str, Any]) -> None:
    """Refuse values that papermill would write into the notebook as something else, or as code."""
    written = ast.parse(PythonTranslator.codify(values)).body
    found = {}
    for line in written:
        if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
            raise Finding(f"papermill would execute `{ast.unparse(line)}`")
        found[line.targets[0].id] = ast.literal_eval(line.value)
    if found != dict(values):
        raise Finding(f"papermill would hand on {found!r} for {values!r}")


def _record() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = records.write(
            "seed",
            {"rows": [{"accuracy": 0.5, "text": "ä"}, {"accuracy": None}]},
            parameters={"seeds": [0, 1]},
            inputs={"task mr": "ab"},
            device="cpu",
            dtype="float32",
            stopwatch=records.Stopwatch(),
            path=Path(folder) / "seed.json",
        )
        return path.read_bytes()


def _kernel() -> bytes:
    blocks = np.arange(16.0).reshape(2, 2, 1, 4, 1) / 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed.safetensors"
        store.save(BlockKernel(("a.q", "b.v"), blocks), path, about={"model": "tiny"})
        return path.read_bytes()


def seeds(target: str) -> list[bytes]:
    """Return inputs of a target that are valid, to start from."""
    if target == "records":
        whole = _record()
        bare = {key: value for key, value in json.loads(whole).items() if key != "sha256"}
        return [whole, json.dumps(bare).encode()]
    if target == "kernels":
        return [_kernel()]
    if target == "tasks":
        jsonl = TASK.replace("csv", "jsonl").encode()
        return [TASK.encode() + CUT + ROWS.encode(), jsonl + CUT + JSON_ROWS.encode()]
    return [
        b"{shots: 4, seeds: [1, 2], anything: [a], by_name: {a: 1}}"
        + CUT
        + b"rate=1e-4\nname='x'\nlimit=None",
        b"{shots: 4}"
        + CUT
        + b"shots=3"
        + CUT
        + b"shots: int = 1\nmany: dict[str, list[float]] = {'a': [1.0]}",
    ]


TARGETS: dict[str, Callable[[bytes, Path], bool]] = {
    "records": read_record,
    "kernels": load_kernel,
    "tasks": load_task,
    "parameters": check_parameters,
}
