"""Two processes share the examples of a run, and each gets the run of one process."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lintune.descent import Recipe, descend, loss_for
from lintune.finetune import Setup, finetune
from lintune.finetune.twin import FeatureTwin
from lintune.methods import DoRA, Full, LoRA, Method, Weights
from lintune.prompted import PromptedModel
from tests import torchrun
from tests.finetune.test_run import LAST, PROMPT, SPLIT, TRAIN
from tests.tiny import pretrained

# There are five training examples: three and two of them for two processes, and of a batch of one the second
# process has none.
RUNS: dict[str, tuple[str, torch.dtype, Method, Recipe]] = {
    "descent": ("llama", torch.float64, Weights(LAST), Recipe(1e-3, 3)),
    "momentum": ("llama", torch.float64, LoRA(2, targets=LAST), Recipe(1e-3, 5, momentum=0.9, batch=3)),
    "batches of one": (
        "roberta",
        torch.float64,
        LoRA(2, targets=None),
        Recipe(1e-2, 6, "cross-entropy", batch=1),
    ),
    "adam": (
        "qwen2",
        torch.float64,
        LoRA(2, targets=None),
        Recipe(1e-2, 4, "cross-entropy", "adam", batch=4),
    ),
    "all parameters": ("llama", torch.float64, Full(), Recipe(1e-3, 3, "cross-entropy", "adam")),
    "pull": ("llama", torch.float64, Weights(LAST), Recipe(1e-3, 4, strength=2.0, momentum=0.5)),
    "selective": (
        "gpt2-conv1d",
        torch.float64,
        DoRA(2, targets=None),
        Recipe(1e-3, 4, strength=2.0, pull="selective", batch=2),
    ),
    "projection": (
        "llama",
        torch.float64,
        LoRA(2, targets=LAST),
        Recipe(1e-2, 3, "cross-entropy", "adam", 0.5, "projection"),
    ),
    "penalty": ("llama", torch.float64, LoRA(2, targets=LAST, mpc="o"), Recipe(1e-3, 3)),
    "descent in float32": ("llama", torch.float32, Weights(LAST), Recipe(1e-3, 3)),
    "adam in float32": (
        "qwen2",
        torch.float32,
        LoRA(2, targets=None),
        Recipe(1e-2, 4, "cross-entropy", "adam", batch=4),
    ),
}
# On the scale of the largest number of a kind. An example is rounded otherwise beside others: by a few units
# in the last place, which Adam, dividing by small gradients, makes larger.
TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5}
# Differences of a network's outputs and its twin's, which themselves are of size one.
GAPS = ("row gap", "row train_gap", "row test_gap")

PROGRAM = """
import sys
import numpy as np
import torch.distributed as dist
from tests.finetune.test_shares import RUNS, compute, twin_by_passes

dist.init_process_group("gloo")
for number, name in enumerate(RUNS):
    np.savez(f"{sys.argv[1]}/{dist.get_rank()}-{number}.npz", **compute(name))
np.savez(f"{sys.argv[1]}/{dist.get_rank()}-passes.npz", **twin_by_passes())
dist.destroy_process_group()
"""


def setup_of(name: str) -> Setup:
    model, dtype, method, _ = RUNS[name]
    return Setup.of(PromptedModel(pretrained(model, dtype), PROMPT, longest=32), method, SPLIT)


def compute(name: str) -> dict[str, np.ndarray]:
    """Return everything of a run beside its twin: trained values, what was measured, extremes on the way."""
    found = finetune(setup_of(name), RUNS[name][3])
    values = {key: value.numpy() for key, value in found.values.items()}
    rows = {f"row {key}": found.rows[key].to_numpy(float) for key in found.rows}
    return values | rows | {"on the way": np.array([found.highest, found.farthest])}


def twin_by_passes() -> dict[str, np.ndarray]:
    """Return the end of a twin for whose features there is no room."""
    twin, recipe = FeatureTwin(setup_of("adam"), memory=0), RUNS["adam"][3]
    list(descend(twin.world, loss_for(recipe.loss, TRAIN.labels, 3), recipe))
    values = {key: value.numpy() for key, value in twin.world.values.items()}
    return values | {"train": twin.train_outputs().numpy(), "test": twin.test_outputs().numpy()}


def compare(folder: Path, name: str, expected: dict[str, np.ndarray], tolerance: float) -> None:
    first, second = (dict(np.load(folder / f"{rank}-{name}.npz")) for rank in (0, 1))
    assert first.keys() == second.keys() == expected.keys()
    for key, value in expected.items():
        scale = max(np.abs(value).max(), 1.0 if key in GAPS else 0.0)
        np.testing.assert_allclose(
            first[key], value, rtol=0, atol=tolerance * scale, err_msg=f"{name}, {key}"
        )
        # One moves as the other, to the last bit: otherwise they would train models of their own.
        np.testing.assert_array_equal(first[key], second[key], err_msg=f"{name}, {key}")


@pytest.mark.slow
def test_two_processes_run_as_one(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    running = torchrun.start(2, program, tmp_path)
    _, err = running.communicate(timeout=250)
    assert running.returncode == 0, err
    for number, (name, (_, dtype, _, _)) in enumerate(RUNS.items()):
        compare(tmp_path, str(number), compute(name), TOLERANCE[dtype])
    compare(tmp_path, "passes", twin_by_passes(), TOLERANCE[torch.float64])
