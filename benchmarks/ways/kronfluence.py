"""kronfluence: pairwise influence scores under an identity Hessian, which are the kernel.

At its best: only the tuned layers are tracked; all query gradients are kept and the training side is
contracted against them; both sides come sorted by length in chunks padded to their own longest (the size
is tried out). Its file of scores goes to a temporary folder, as the library cannot do without.
"""

import tempfile
from typing import Any

import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task
from kronfluence.utils.dataset import DataLoaderKwargs
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from benchmarks.inputs import Inputs
from benchmarks.measure import require_room
from benchmarks.settings import Setting, tune
from benchmarks.ways import Call

_FACTORS = "identity"


def prepare(setting: Setting, inputs: Inputs, chunk: int) -> Call:
    """Wrap the model and make the factors, of which an identity has none."""
    tuned = tune(setting, inputs)
    size = 4 * len(inputs) * tuned.size
    require_room(size, f"the query gradients of {len(inputs)} texts", inputs.device)
    task = _OutputTask([*tuned.layers])
    model = prepare_model(tuned.function, task)
    folder = tempfile.TemporaryDirectory()
    analyzer = Analyzer(
        "benchmark",
        model,
        task,
        cpu=inputs.device.type == "cpu",
        disable_tqdm=True,
        output_dir=folder.name,
    )
    analyzer.set_dataloader_kwargs(DataLoaderKwargs(collate_fn=_collate))
    order = torch.cat([each.places for each in inputs.chunks(len(inputs))])
    sentences = _Sentences([inputs.sentences[place] for place in order.tolist()])
    analyzer.fit_all_factors(
        _FACTORS, sentences, per_device_batch_size=1, factor_args=FactorArguments(strategy="identity")
    )
    batches = -(-len(inputs) // chunk)

    def kernel() -> torch.Tensor:
        analyzer.compute_pairwise_scores(
            "scores",
            _FACTORS,
            sentences,
            sentences,
            per_device_query_batch_size=chunk,
            per_device_train_batch_size=chunk,
            score_args=ScoreArguments(query_gradient_accumulation_steps=batches),
            overwrite_output_dir=True,
        )
        scores = analyzer.load_pairwise_scores("scores")["all_modules"]
        found = torch.empty_like(scores)
        found[order[:, None].cpu(), order.cpu()] = scores
        folder.cleanup()
        return found

    return kernel


class _OutputTask(Task):  # type: ignore[misc]  # untyped
    """Both the measurement and the loss are the benchmark's output."""

    def __init__(self, layers: list[str]) -> None:
        self.layers = layers

    def compute_train_loss(self, batch: Any, model: nn.Module, sample: bool = False) -> torch.Tensor:
        return model(*batch).sum()

    def compute_measurement(self, batch: Any, model: nn.Module) -> torch.Tensor:
        return model(*batch).sum()

    def get_influence_tracked_modules(self) -> list[str]:
        return self.layers


class _Sentences(Dataset[torch.Tensor]):
    """Token ids by place."""

    def __init__(self, sentences: list[torch.Tensor]) -> None:
        self.sentences = sentences

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, place: int) -> torch.Tensor:
        return self.sentences[place]


def _collate(sentences: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    last = torch.tensor([len(ids) - 1 for ids in sentences], device=sentences[0].device)
    return pad_sequence(sentences, batch_first=True), last
