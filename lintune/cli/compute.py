"""The work of `lintune kernel`: load, compute, and say where it came from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import transformers

import lintune
from lintune import models, tasks
from lintune.cli.devices import usable, weights_type
from lintune.cli.methods import method_of, options_of, with_optimizer
from lintune.kernels import BlockKernel, contrast_kernels, tangent_kernels
from lintune.methods import Tangents, count_parameters
from lintune.prompted import PromptedModel


@dataclass(frozen=True)
class Request:
    """What was asked for, with the names and meanings that the command's options have."""

    task: str
    model: str
    method: str
    options: Mapping[str, object]
    optimizer: str
    shots: int
    seed: int
    test_examples: int
    outputs: str
    longest: int
    device: str
    dtype: str
    by_layer: bool
    memory: int


@dataclass(frozen=True)
class Known:
    """A kernel with its provenance, texts by name."""

    kernel: BlockKernel
    about: dict[str, str]


@dataclass(frozen=True)
class Computed:
    """What was found.

    Attributes:
        train: Kernel `(L, n, k, n, k)` of the training examples.
        cross: Kernel `(L, n, k, m, k)` between training and test examples; None where none are wanted.
        labels: `(n,)` class ids of the training examples.
        parameters: How many numbers the method trains.
    """

    train: Known
    cross: Known | None
    labels: np.ndarray
    parameters: int


def compute(request: Request) -> Computed:
    """Compute the kernels, checking first what can be checked without the model, then without a pass.

    Raises:
        InputError: Something in the request is wrong.
        FetchError: The task or the model cannot be fetched.
        CorruptFileError: Stored data are damaged.
    """
    method = method_of(request.method, request.options)
    device = usable(request.device)
    dtype = weights_type(request.dtype, device)
    task = tasks.load(request.task)
    draw = tasks.few_shot(task, request.shots, request.seed, request.test_examples or None)
    pretrained = models.load(request.model, device, dtype)
    prompted = PromptedModel(pretrained, task.prompt_for(pretrained.kind), request.longest)
    parameters = count_parameters(method, pretrained.model)
    kernels = (contrast_kernels if request.outputs == "contrasts" else tangent_kernels)(
        prompted,
        draw.train,
        draw.test if request.test_examples else None,
        methods={"one": with_optimizer(method, request.optimizer)},
        by_layer=request.by_layer,
        memory=request.memory,
    )
    about = _about(request, method, task, pretrained)
    rows = _examples("rows", "training", draw.train)
    train = Known(kernels.train["one"], about | rows | _examples("columns", "training", draw.train))
    cross = Known(kernels.cross["one"], about | rows | _examples("columns", "test", draw.test))
    return Computed(train, cross if request.test_examples else None, draw.train.labels, parameters)


def _examples(axis: str, kind: str, examples: tasks.Examples) -> dict[str, str]:
    return {axis: f"{kind} examples", f"labels of {axis}": json.dumps(examples.labels.tolist())}


def _about(
    request: Request, method: Tangents, task: tasks.Task, pretrained: models.Pretrained
) -> dict[str, str]:
    prompt = task.prompt_for(pretrained.kind)
    cuda = request.device.startswith("cuda")
    return {
        "model": request.model,
        "weights": pretrained.weights,
        "task": task.name,
        "data": task.source.sha256,
        "template": prompt.template,
        "label words": json.dumps(prompt.words),
        "method": request.method,
        "method options": options_of(method),
        "optimizer": request.optimizer,
        "outputs": request.outputs,
        "shots": str(request.shots),
        "seed": str(request.seed),
        "test examples": str(request.test_examples),
        "longest": str(request.longest),
        "device": f"{request.device} ({torch.cuda.get_device_name(request.device)})"
        if cuda
        else request.device,
        "dtype": request.dtype,
        "lintune": lintune.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
