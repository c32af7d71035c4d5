"""Options that commands share: their names, help texts and cheap bounds."""

from pathlib import Path
from typing import Annotated, Literal

import typer

_METHOD = "Options of the method; each method has some of them"

Task = Annotated[str, typer.Option(help="Bundled task, or the path of a task file (.yml).")]
Model = Annotated[str, typer.Option(help="Bundled model, hub id owner/name, or local folder.")]
Shots = Annotated[int, typer.Option(min=1, help="Training examples per class.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the draw of training examples.")]
Longest = Annotated[int, typer.Option(min=1, help="Prompts are cut to this many tokens.")]
Device = Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1, mps.")]
Dtype = Annotated[
    Literal["float32", "float64", "bfloat16", "float16", "tf32"],
    typer.Option(
        help="Type of the model's weights; tf32 is float32 with the GPU's fast products. "
        "Kernels are summed in float64 always."
    ),
]
Memory = Annotated[str, typer.Option(help="What the examples may take beside the model, such as 6GB.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Out = Annotated[Path, typer.Option(help="File to write, ending in .safetensors.")]

Method = Annotated[str, typer.Option(help="Which parameters are trained, such as full, lora, rows or ia3.")]
Optimizer = Annotated[
    Literal["sgd", "signgd", "asymmetric-signgd"], typer.Option(help="Whose kernel; SignGD stands for Adam.")
]
Rank = Annotated[int | None, typer.Option(help="Rank of the factors.", rich_help_panel=_METHOD)]
Alpha = Annotated[
    float | None, typer.Option(help="Scale; updates enter as alpha / rank.", rich_help_panel=_METHOD)
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        help="Pattern of layer names, '*' for all; give it again for more.", rich_help_panel=_METHOD
    ),
]
Feedforward = Annotated[
    list[str] | None,
    typer.Option(help="Pattern of layers whose inputs are scaled.", rich_help_panel=_METHOD),
]
Count = Annotated[int | None, typer.Option(help="How many rows or columns.", rich_help_panel=_METHOD)]
Rule = Annotated[
    str | None,
    typer.Option(
        help="Which rows or columns: first, last, even, random, largest, smallest.", rich_help_panel=_METHOD
    ),
]
MethodSeed = Annotated[
    int | None, typer.Option(help="Seed of what the method draws.", rich_help_panel=_METHOD)
]
