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
FullDtype = Annotated[
    Literal["float32", "float64"],
    typer.Option(help="Type of the model's weights; what is trained needs at least float32."),
]
Memory = Annotated[str, typer.Option(help="What the examples may take beside the model, such as 6GB.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Report = Annotated[Path, typer.Option(help="File of the report, ending in .json.")]
Out = Annotated[Path, typer.Option(help="File to write, ending in .safetensors.")]

Kind = Annotated[
    Literal["causal", "masked", "encoder"] | None,
    typer.Option(help="What the model is, where its configuration does not say so.", show_default=False),
]
AskPrompt = Annotated[bool, typer.Option("--prompt/--no-prompt", help="Ask the model by the task's prompt.")]
FreshHead = Annotated[
    bool,
    typer.Option(
        "--head/--no-head",
        help="Also put a fresh head on the model, without a prompt, and train it by sgd; "
        "with --no-prompt by every --optimizer.",
    ),
]
Trainers = Annotated[
    list[str] | None,
    typer.Option(
        help="What trains the model: sgd, signgd or adam; give it again for more.", show_default="sgd, adam"
    ),
]
Draws = Annotated[
    int | None,
    typer.Option(min=1, help="How many draws of training examples: seeds 0, 1, ...", show_default="3"),
]
DrawSeeds = Annotated[
    list[int] | None,
    typer.Option(
        min=0, help="Seed of a draw, instead of --seeds; give it again for more.", show_default=False
    ),
]
TestExamples = Annotated[
    int, typer.Option(min=1, help="Test examples; if there are fewer, all of them are taken.")
]
Depth = Annotated[int, typer.Option(min=1, help="How many blocks are trained, from the top.")]
Steps = Annotated[int, typer.Option(min=1, help="Updates of a training run.")]
BatchSize = Annotated[int, typer.Option(min=0, help="Training examples in a step; 0 for all.")]

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
Extra = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="Any other option of the method, such as mpc=o or distribution=signs; give it again for more.",
        rich_help_panel=_METHOD,
    ),
]

Folder = Annotated[Path, typer.Option(help="Folder to write; it must not be there yet.")]
Trainer = Annotated[Literal["adam", "sgd", "signgd"], typer.Option(help="What trains.")]
LearningRate = Annotated[
    float | None,
    typer.Option(
        help="Step size; the loss is summed over the training examples. Without it five are tried.",
        show_default=False,
    ),
]
ValidationShots = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Validation examples per class, to choose the learning rate by.",
        show_default="as many as --shots",
    ),
]
Strength = Annotated[
    float, typer.Option(min=0, help="Of the pull to the start: strength / 2 times the squared distance.")
]
TopBlocks = Annotated[
    int | None,
    typer.Option(min=1, help="Train in this many blocks from the top alone.", show_default=False),
]
AsPeft = Annotated[
    bool, typer.Option("--peft", help="Also write the adapter for huggingface peft, in peft/.")
]
Merged = Annotated[
    bool, typer.Option("--merged", help="Also write the merged model with its tokeniser, in merged/.")
]
PromptKind = Annotated[
    Literal["causal", "masked"] | None,
    typer.Option(help="What the model is, where its configuration does not say so.", show_default=False),
]

Budgets = Annotated[
    list[str] | None,
    typer.Option(
        help="What training may cost: parameters (500k, 2M), a time (90s, 10min), or both with a comma.",
        show_default=False,
    ),
]
Ranks = Annotated[
    list[int] | None,
    typer.Option(min=1, help="Rank of LoRA; give it again for more.", show_default="2, 8, 32"),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        help="lora, ia3 or rows (3 of each weight); give it again for more.",
        show_default="lora, ia3",
    ),
]
WhichLayers = Annotated[
    Literal["usual", "all"] | None,
    typer.Option(
        help="Linear layers of the blocks: peft's usual ones, or all.", show_default="usual and all"
    ),
]
Depths = Annotated[
    list[int] | None,
    typer.Option(
        "--depth",
        min=1,
        help="Train in this many blocks from the top; give it again for more.",
        show_default="six runs of blocks",
    ),
]
ProbeSteps = Annotated[
    int, typer.Option(min=0, help="Real steps to hold the prediction against; 0 for none.")
]
