"""Measure one way to train once: `python -m benchmarks.training_worker JOB`, a process of its own.

Prints one line of JSON. Loading, the first step (it makes Adam's moments) and the optimiser's set-up are
not timed.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch.nn import functional

from benchmarks.inputs import Inputs, load
from benchmarks.measure import measured, resident
from benchmarks.training_ways import WAYS, Trainable


@dataclass(frozen=True)
class Batch:
    """Sentences padded on the right, as a tokeniser of transformers pads them.

    Attributes:
        ids: `(n, T)`.
        mask: `(n, T)`, 1 for tokens of the sentences.
        last: `(n,)` place of the last token, where the class is read.
        labels: `(n,)` which token is right there.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    last: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class Job:
    """What a worker is to do.

    Attributes:
        way: Name of the way.
        texts: Sentences of the batch.
        steps: Steps that are timed.
        rate: Learning rate of Adam.
        threads: Threads of torch.
        device: Where the model goes.
    """

    way: str
    texts: int
    steps: int
    rate: float = 1e-3
    threads: int = 1
    device: str = "cpu"


def batch_of(inputs: Inputs) -> Batch:
    """Return all sentences as one padded batch."""
    chunk = inputs.chunk(range(len(inputs)))
    mask = (torch.arange(chunk.ids.shape[1], device=inputs.device) <= chunk.last[:, None]).long()
    labels = inputs.prompted.label_ids[torch.as_tensor(inputs.examples.labels, device=inputs.device)]
    return Batch(chunk.ids, mask, chunk.last, labels)


def step(trainable: Trainable, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
    """Make one step of training and return its loss."""
    optimiser.zero_grad()
    value = loss(trainable, batch)
    value.backward()
    optimiser.step()
    return value.item()


def loss(trainable: Trainable, batch: Batch) -> torch.Tensor:
    """Return the cross-entropy of the label words over the vocabulary, with the head where it is read."""
    model: Any = trainable.model
    hidden = body(model)(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).last_hidden_state
    read = hidden[torch.arange(len(batch.ids), device=hidden.device), batch.last]
    return functional.cross_entropy(model.get_output_embeddings()(read), batch.labels)


def body(model: Any) -> Any:
    """Return the blocks without the head, adapters included."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    return whole.base_model


@contextmanager
def saved_bytes(trainable: Trainable) -> Iterator[list[int]]:
    """Count in the context what graphs keep for the backward pass, parameters and buffers left out."""
    own = {value.untyped_storage().data_ptr() for value in trainable.model.state_dict().values()}
    kept: dict[int, torch.UntypedStorage] = {}
    total = [0]

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own and storage.data_ptr() not in kept:
            kept[storage.data_ptr()] = storage  # kept alive: its address stays its own
            total[0] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield total


def work(job: Job, inputs: Inputs) -> dict[str, Any]:
    """Return what training costs: seconds of a step (medians), memory, bytes kept, losses."""
    batch, loaded = batch_of(inputs), resident()
    trainable = WAYS[job.way](inputs.prompted.pretrained.model)
    optimiser = torch.optim.Adam(trainable.parameters, lr=job.rate)
    with saved_bytes(trainable) as kept:
        loss(trainable, batch)
    losses, costs = [step(trainable, optimiser, batch)], []
    for _ in range(job.steps):
        found, cost = measured(lambda: step(trainable, optimiser, batch), inputs.device)
        losses.append(found)
        costs.append(cost)
    peaks = [cost.peak for cost in costs if cost.peak is not None]
    return {
        "count": trainable.count,
        "cpu": median(cost.cpu for cost in costs),
        "wall": median(cost.wall for cost in costs),
        "peak": max(peaks, default=None),
        "loaded": loaded,
        "device_peak": max(
            (cost.device_peak for cost in costs if cost.device_peak is not None), default=None
        ),
        "kept": kept[0],
        "tokens": [int(batch.mask.sum()), batch.ids.numel()],
        "losses": losses,
        "costs": [asdict(cost) for cost in costs],
    }


def main(job: Job) -> None:
    """Do the job and print what came of it."""
    torch.set_num_threads(job.threads)
    print(json.dumps(work(job, load(job.texts, job.device))))


if __name__ == "__main__":
    main(Job(**json.loads(sys.argv[1])))
