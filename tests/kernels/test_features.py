"""Written-out gradients: their Gram is the kernel, and their columns are where the layout says."""

import numpy as np
import pytest
import torch

from lintune.errors import InputError
from lintune.kernels import SignGD, tangent_kernels
from lintune.kernels.features import feature_layout, feature_size, tangent_features
from lintune.methods import (
    IA3,
    Biases,
    DoRA,
    Full,
    LoRA,
    Method,
    Norms,
    Rows,
    SingularValues,
    TriLoRA,
    Weights,
)
from lintune.prompted import PromptedModel
from tests.attached import jacobians
from tests.kernels.test_engine import PROMPT, examples
from tests.tiny import pretrained

FACTORS = {
    f"model.layers.{block}.self_attn.{layer}_proj": (torch.randn(2, 16), torch.randn(size, 2))
    for block in range(2)
    for layer, size in (("q", 16), ("v", 8))
}
CASES: list[tuple[str, Method]] = [
    ("llama", LoRA(rank=2, targets=None)),
    (
        "llama",  # away from the start: both factors have gradients
        LoRA(
            rank=2, down={n: a for n, (a, _) in FACTORS.items()}, up={n: b for n, (_, b) in FACTORS.items()}
        ),
    ),
    ("llama", DoRA(rank=3)),
    ("llama", TriLoRA(rank=3)),
    ("llama", IA3()),
    ("llama", Rows(count=2)),
    ("llama", SingularValues()),
    ("qwen3-qk-norm", Norms()),
    ("bert", Biases()),
    ("gpt2-conv1d", Weights(targets=("*.attn.*",))),
]


def features(prompted: PromptedModel, method: Method) -> np.ndarray:
    parts = list(tangent_features(prompted, examples(), method=method, batch_tokens=14, dtype=torch.float64))
    places = [place for batch, _ in parts for place in range(batch.start, batch.stop)]
    assert len(parts) > 1
    assert places == list(range(5))
    return torch.cat([found for _, found in parts]).numpy()


@pytest.mark.parametrize(("model", "method"), CASES, ids=lambda case: getattr(case, "name", case))
def test_their_gram_is_the_kernel_layer_by_layer(model: str, method: Method) -> None:
    prompted = PromptedModel(pretrained(model), PROMPT, longest=32)
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train[method.name]
    found, layout = features(prompted, method), feature_layout(prompted, method)
    assert tuple(layout) == kernel.layers
    assert found.shape == (5, 3, feature_size(prompted, method))
    for (layer, columns), block in zip(layout.items(), kernel.blocks, strict=True):
        gram = np.einsum("icp,jdp->icjd", found[..., columns], found[..., columns])
        np.testing.assert_allclose(
            gram, block, rtol=1e-9, atol=1e-11 * np.abs(kernel.blocks).max(), err_msg=layer
        )


@pytest.mark.parametrize(("model", "method"), [("bert", Biases()), ("llama", Norms()), ("llama", Weights())])
def test_columns_are_in_the_order_of_the_parameters(model: str, method: Method) -> None:
    prompted = PromptedModel(pretrained(model), PROMPT, longest=32)
    found, layout = features(prompted, method), feature_layout(prompted, method)
    for layer, expected in jacobians(prompted, examples(), method).items():
        here = expected
        if layer.endswith("decoder"):  # of the head's biases only those of the label words
            here = expected[..., prompted.label_ids.numpy()]
        np.testing.assert_allclose(found[..., layout[layer]], here, rtol=1e-6, atol=1e-9, err_msg=layer)


def test_dtype_is_as_asked() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    (_, found), *_ = tangent_features(prompted, examples(), method=LoRA(rank=2))
    assert found.dtype == torch.float32


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"method": Full()}, "look-up table 'model.embed_tokens'"),
        ({"method": Full(targets=("lm_head",))}, "look-up table 'lm_head'"),
        ({"method": SignGD(Weights())}, "by signs"),
        ({"memory": 10}, "memory=10: the features of 5 examples, 3 outputs and 96 parameters take 5760"),
        ({"dtype": torch.int32}, "dtype=torch.int32"),
        ({"batch_tokens": 0}, "batch_tokens=0"),
    ],
)
def test_bad_arguments_are_refused_before_any_pass(
    kwargs: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    monkeypatch.setattr(prompted.pretrained.model, "forward", None)
    with pytest.raises(InputError, match=message):
        tangent_features(prompted, examples(), **{"method": LoRA(rank=2)} | kwargs)
