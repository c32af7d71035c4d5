"""Each example's own block against the diagonal of the whole kernel."""

import numpy as np
import pytest
import torch

from lintune.errors import InputError
from lintune.kernels import AsymmetricSignGD, SignGD, contrasts, diagonal, ranks, tangent_kernels
from lintune.kernels.diagonal import tangent_diagonal
from lintune.methods import IA3, Biases, Full, LoRA, Norms, Outer, Tangents, Weights
from lintune.prompted import PromptedModel
from tests.kernels.test_engine import PROMPT, examples
from tests.tiny import pretrained

CASES: list[tuple[str, Tangents]] = [
    ("llama", Full()),
    ("qwen2", Full()),  # the head shares the embedding's table
    ("bert", Full()),
    ("llama", LoRA(rank=2)),
    ("llama", IA3()),
    ("qwen3-qk-norm", Norms()),
    ("bert", Biases()),
    ("llama", SignGD(Weights())),
    ("llama", AsymmetricSignGD(LoRA(rank=2))),
]


def own_blocks(blocks: np.ndarray) -> np.ndarray:
    return np.einsum("licid->licd", blocks)


@pytest.mark.parametrize(("model", "method"), CASES, ids=lambda case: getattr(case, "name", case))
def test_it_is_the_diagonal_of_the_kernel(model: str, method: Tangents) -> None:
    prompted = PromptedModel(pretrained(model), PROMPT, longest=32)
    kernel = tangent_kernels(prompted, examples(), methods=[method]).train[method.name]
    found = tangent_diagonal(prompted, examples(), method=method, batch_tokens=14)
    expected = own_blocks(kernel.blocks)
    assert found.layers == kernel.layers
    # Signs of gradients that are zero but for rounding may differ between batches.
    signed = "signgd" in method.name
    np.testing.assert_allclose(
        found.blocks, expected, rtol=1e-9, atol=(1e-3 if signed else 1e-12) * np.abs(expected).max()
    )
    np.testing.assert_allclose(found.total(), expected.sum(axis=0), rtol=1e-3 if signed else 1e-9)
    np.testing.assert_allclose(
        found.trace(), np.einsum("icc->", expected.sum(axis=0)), rtol=1e-3 if signed else 1e-9
    )


def test_of_contrasts() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    kernel = tangent_kernels(prompted, examples(), methods=[Full()], outputs=contrasts(3)).train["full"]
    found = tangent_diagonal(prompted, examples(), method=Full(), outputs=contrasts(3))
    np.testing.assert_allclose(found.blocks, own_blocks(kernel.blocks), rtol=1e-9, atol=1e-15)


def test_processes_share_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    whole = tangent_diagonal(prompted, examples(), method=Full(), batch_tokens=14)
    monkeypatch.setattr(ranks, "count", lambda: 2)
    parts = []
    for rank in range(2):
        monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
        parts.append(tangent_diagonal(prompted, examples(), method=Full(), batch_tokens=14).blocks)
    assert not (parts[0] * parts[1]).any()
    np.testing.assert_array_equal(parts[0] + parts[1], whole.blocks)


@pytest.mark.parametrize(("tokens", "size"), [((2, 1, 5), 40), ((30, 60, 31), 3)])
def test_both_ways_agree(tokens: tuple[int, ...], size: int) -> None:
    """Few tokens with large weights go by token pairs, many with small ones are written out."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(sum(tokens), size, generator=generator, dtype=torch.float64)
    g = torch.randn(2, sum(tokens), size + 1, generator=generator, dtype=torch.float64)
    outer = Outer(x, g, torch.tensor(tokens))
    assert diagonal._by_token(outer) == (size == 40)
    expected = torch.stack(
        [
            torch.einsum("ctq,tp->cqp", gi, xi).flatten(1)
            for gi, xi in zip(g.split(tokens, dim=1), x.split(tokens), strict=True)
        ]
    )
    for found in (diagonal._from_tokens(outer), diagonal._own_blocks(outer, (False, False))):
        torch.testing.assert_close(found, expected @ expected.mT)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"examples": examples(())}, "at least one example"),
        ({"batch_tokens": 0}, "batch_tokens=0"),
        ({"outputs": np.eye(2)}, "one row for each of 3 logits"),
        ({"method": LoRA(rank=99)}, "rank=99"),
    ],
)
def test_bad_arguments_are_refused(kwargs: dict, message: str) -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    given = {"examples": examples(), "method": LoRA(rank=2)} | kwargs
    with pytest.raises(InputError, match=message):
        tangent_diagonal(prompted, given.pop("examples"), **given)
