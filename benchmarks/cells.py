"""How the cost of a sweep's cell grows: its constituents measured over models, depths, tokens and methods.

    python -m benchmarks.cells

Each model is measured in a process of its own: the bundled one, and randomly initialised ones of the Llama
kind of other widths and depths with its tokeniser, so that growth with parameters is measured. Through the
points of each constituent goes a law (`lintune.studies.cell_costs.law`), and `pipeline.plan` plans with it.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from benchmarks import report
from benchmarks.cells_worker import Case, Job, Point
from benchmarks.jobs import environment
from lintune import models, records, tasks
from lintune.errors import InputError
from lintune.methods import METHODS, Norms
from lintune.models.bundled import folder_of
from lintune.prompted import PromptedModel
from lintune.records import Stopwatch
from lintune.studies.cell_costs import MEMORY, Law, fit
from lintune.studies.cell_costs.throughput import processor, throughput
from lintune.studies.cell_costs.work import TERMS
from lintune.studies.cells import Effort, cell

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
BUNDLED = "smollm2-135m"
MADE = Path("build/scaling")
# Single sentences, and passages of many tokens.
SHORT, LONG = "mr", "boolq"


@dataclass(frozen=True)
class Shape:
    """A model of the Llama kind.

    Attributes:
        width: Of the hidden states.
        blocks: Number of blocks.
    """

    width: int
    blocks: int

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"llama-{self.width}x{self.blocks}"


SHAPES = (Shape(256, 8), Shape(512, 4), Shape(1024, 6), Shape(2048, 2))
_HEAD = 64
# Methods that are measured over all sizes; each other one is measured once, for its factor.
_USUAL = {"lora": (), "weights": (), "rows": ()}


def made(shape: Shape) -> Path:
    """Return the folder of a random model with the bundled model's tokeniser, made where it is missing."""
    folder = MADE / shape.name
    if (folder / "config.json").exists():
        return folder
    tokenizer = AutoTokenizer.from_pretrained(folder_of(BUNDLED), trust_remote_code=False)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=8 * shape.width // 3 // _HEAD * _HEAD,
        num_hidden_layers=shape.blocks,
        num_attention_heads=shape.width // _HEAD,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)  # its configuration marks the folder as whole
    return folder


def cases_of(blocks: int, every: bool) -> list[Case]:
    """Return what is measured with a model of so many blocks.

    Args:
        blocks: Of the model.
        every: Whether each registered method is measured as well.
    """
    depths = sorted({1, max(1, blocks // 6), blocks // 2, blocks})
    found = [
        Case(name, options, depth, SHORT, texts, 256)
        for name, options in _USUAL.items()
        for depth in depths
        for texts in ((4, 12) if depth < blocks else (6,))
        if name == "lora" or depth <= max(1, blocks // 6)
    ]
    found += [Case("lora", (), max(1, blocks // 6), LONG, texts, 160) for texts in (3, 8)]
    if every:
        found += [Case(name, (), 2, SHORT, 4, 256) for name in METHODS if name not in (*_USUAL, "biases")]
    return found


def measure(model: str, cases: Sequence[Case], threads: int, device: str, limit: float) -> list[Point]:
    """Return the points of a model, measured in a process of its own.

    Raises:
        InputError: The process failed or took longer than the limit.
    """
    job = Job(model, tuple(cases), threads, device, time.time())
    command = [sys.executable, "-m", "benchmarks.cells_worker", json.dumps(asdict(job))]
    settings = {**environment(threads), "TQDM_DISABLE": "1"}
    try:
        ended = subprocess.run(
            command, env=settings, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"limit={limit} seconds were not enough for {model}.") from error
    if ended.returncode:
        raise InputError(f"{model}: the process ended with {ended.returncode}: {ended.stderr[-2000:]}")
    points: list[Point] = json.loads(ended.stdout.splitlines()[-1])
    return [{"model": model, **point} for point in points]


def laws(points: Sequence[Point], device: str) -> dict[str, Law]:
    """Return the law of each constituent's seconds, and that of the peak memory, in bytes.

    Seconds are the processor's on a CPU, with one thread; on a GPU those of the clock.
    """
    clock, peak = ("cpu", "peak") if device == "cpu" else ("wall", "device_peak")
    found = {}
    for name, terms in TERMS.items():
        mine = [point for point in points if point["constituent"] == name]
        kinds = None if name in ("load", "prefix") else [point["kind"] for point in mine]
        found[name] = fit(
            terms,
            [point["terms"] for point in mine],
            [point[clock] for point in mine],
            kinds,
            [point["model"] for point in mine],
        )
    full = [point for point in points if point["held"] and point[peak]]
    found["memory"] = fit(
        MEMORY,
        [point["held"] for point in full],
        [point[peak] for point in full],
        None,
        [point["model"] for point in full],
    )
    return found


def cell_bytes(folder: Path) -> int:
    """Return what a cell finds takes in a record, from a cell of a few short runs on a model."""
    task, pretrained = tasks.load(SHORT), models.load(str(folder))
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind))
    found = cell(prompted, task, Norms(), 0, Effort(4, 4, 4, steps=1, batch=2, rates=(1e-4, 1e-3)))
    return len(json.dumps(found, indent=1))


@app.command()
def main(
    threads: Annotated[int, typer.Option(min=1, help="threads of each process")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    shape: Annotated[list[str] | None, typer.Option(help="WIDTHxBLOCKS of a random model")] = None,
    limit: Annotated[float, typer.Option(help="seconds after which a process is stopped")] = 1200,
    again: Annotated[Path | None, typer.Option(help="fit the points of this record anew")] = None,
    out: Annotated[Path | None, typer.Option(help="the record (.json)")] = None,
) -> None:
    """Measure, print the laws, write the record."""
    stopwatch = Stopwatch()
    shapes = [Shape(*map(int, text.split("x"))) for text in shape or ()] or list(SHAPES)
    if again is None:
        points = list(_measured(shapes, threads, device, limit))
    else:
        points = records.read(again)["data"]["points"]
    found = laws(points, device)
    print(table(found))
    path = out or Path(f"results/scaling.{device.partition(':')[0]}.json")
    report.write(
        path,
        {
            "laws": {name: law.plain() for name, law in found.items()},
            "processor": processor(device),
            "throughput": throughput(device),
            "cell_bytes": cell_bytes(made(shapes[0])),
            "points": points,
        },
        {"threads": threads, "device": device, "shapes": [each.name for each in shapes]},
        stopwatch,
        inputs={f"task {name}": tasks.load(name).source.sha256 for name in (SHORT, LONG)},
    )
    print(path)


def _measured(shapes: Sequence[Shape], threads: int, device: str, limit: float) -> Iterator[Point]:
    names = {BUNDLED: cases_of(_blocks(folder_of(BUNDLED)), True)}
    names |= {str(made(each)): cases_of(each.blocks, False) for each in shapes}
    for name, cases in names.items():
        points = measure(name, cases, threads, device, limit)
        print(f"{name}: {len(points)} points", flush=True)
        yield from points


def table(found: dict[str, Law]) -> str:
    """Return the laws as lines of text."""
    lines = [f"{'what':<12}{'points':>7}{'spread':>9}{'across':>9}  coefficients"]
    for name, law in found.items():
        each = ", ".join(
            f"{coefficient:.3g} x {term}"
            for coefficient, term in zip(law.coefficients, law.terms, strict=True)
        )
        spreads = "".join(f"{math.exp(value) - 1:>8.0%} " for value in (law.spread, law.across))
        lines.append(f"{name:<12}{law.points:>7}{spreads}  {each}")
    return "\n".join(lines)


def _blocks(folder: Path) -> int:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return int(config["num_hidden_layers"])


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    app()
