"""One frame: every kernel is that of the weights in another metric, whose mean is often the identity."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lintune.errors import InputError
from lintune.kernels import BlockKernel, contrasts, flat, tangent_kernels
from lintune.methods import Columns, Entries, LoRA, Method, ParallelAdapter, Rows, Weights
from lintune.prompted import PromptedModel
from lintune.studies.comparison import bound, compared, directions, family, inclusions, mean_factor, stated
from lintune.tangents import linear_weight
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

LAYER = "model.layers.1.self_attn.k_proj"  # (8, 16)
METHODS = compared(pretrained("llama").model, 1, rank=2, count=2)
# Not functions of a weight; and DoRA, whose training takes a norm for constant.
OTHERS = ("norms", "parallel adapter", "DoRA")


def at(name: str) -> Method:
    return replace(METHODS[name], targets=(LAYER,))  # type: ignore[type-var]


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    return PromptedModel(pretrained("llama"), PROMPT, longest=32)


@pytest.fixture(scope="module")
def jacobian(prompted: PromptedModel) -> torch.Tensor:
    """The gradients of the outputs for the layer's weight, `(N, q p)`, by autograd."""
    model = prompted.pretrained.model
    weight = dict(model.named_parameters())[f"{LAYER}.weight"].requires_grad_(True)
    basis = torch.as_tensor(contrasts(2))
    found = []
    for prompt in prompted.encode(sentences(0, 5)):
        output = (prompted.logits(prompted.lay_out([prompt]))[0] @ basis)[0]
        found.append(torch.autograd.grad(output, weight)[0].flatten())
    weight.requires_grad_(False)
    return torch.stack(found)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in OTHERS])
def test_the_kernel_is_that_of_the_weights_in_the_methods_metric(
    prompted: PromptedModel, jacobian: torch.Tensor, name: str
) -> None:
    method = at(name)
    kernel = tangent_kernels(prompted, sentences(0, 5), methods={"it": method}, outputs=contrasts(2))
    (site,) = method.sites(prompted.pretrained.model).values()
    found = jacobian @ directions(method, site)
    np.testing.assert_allclose(flat(kernel.train["it"].total()), found @ found.T, rtol=1e-6, atol=1e-10)


DRAWN = ["entries", "LoRA", "TriLoRA", "AdaLoRA", "FLoRA", "VeRA"]


@pytest.mark.parametrize("name", DRAWN)
def test_the_mean_metric_is_a_multiple_of_the_identity(prompted: PromptedModel, name: str) -> None:
    method = at(name)
    (site,) = method.sites(prompted.pretrained.model).values()
    draws = 600
    total = torch.zeros(128, 128, dtype=torch.float64)
    for seed in range(draws):
        d = directions(replace(method, seed=seed), site)  # type: ignore[type-var]
        total += d @ d.T / draws
    factor = mean_factor(method, *linear_weight(site).shape)
    assert factor is not None
    diagonal = total.diagonal() / factor
    assert float(diagonal.mean()) == pytest.approx(1, abs=0.08)
    assert float((total / factor - torch.diag(diagonal)).mean()) == pytest.approx(0, abs=0.01)
    # Every entry, by its own spread: 600 draws leave at most a third of it for the worst of 128.
    assert float((diagonal - 1).abs().max()) < 0.8


def test_rows_and_columns_have_their_share_of_every_direction(prompted: PromptedModel) -> None:
    site = Weights((LAYER,)).sites(prompted.pretrained.model)[LAYER]
    for made, size in ((Rows, 8), (Columns, 16)):
        whole = sum(
            (d @ d.T for k in range(size) for d in [directions(made(1, {LAYER: [k]}, (LAYER,)), site)]),
            torch.zeros(128, 128, dtype=torch.float64),
        )
        torch.testing.assert_close(whole, torch.eye(128, dtype=torch.float64))
        assert mean_factor(made(3, targets=(LAYER,)), 8, 16) == 3 / size
    assert mean_factor(Entries(5), 8, 16) == 5 / 128


def test_what_depends_on_the_weight_has_no_such_mean() -> None:
    assert {name for name, method in METHODS.items() if mean_factor(method, 8, 16) is None} == {
        *("norms", "parallel adapter", "DoRA", "IA3", "SSL", "SSB", "singular values")
    }
    down = {LAYER: torch.ones(2, 16)}
    assert mean_factor(LoRA(2, down=down), 8, 16) is None


def test_a_parallel_adapter_is_no_weight() -> None:
    method = at("parallel adapter")
    assert isinstance(method, ParallelAdapter)
    (site,) = method.sites(pretrained("llama").model).values()
    with pytest.raises(InputError, match="which no weight does"):
        directions(method, site)


@pytest.fixture(scope="module")
def kernels(prompted: PromptedModel) -> dict[str, BlockKernel]:
    return tangent_kernels(
        prompted, sentences(0, 12), methods=METHODS, outputs=contrasts(2), by_layer=False
    ).train


def test_stated_inclusions_hold(kernels: dict[str, BlockKernel]) -> None:
    found = inclusions(kernels, stated(2))
    assert len(found) == len(stated(2))
    assert found.holds.all()
    # float64 throughout: equal to rounding.
    assert found[found.equal].apart.max() < 1e-10
    assert found.smallest.min() > -1e-10


def test_what_is_not_included_is_found_out(kernels: dict[str, BlockKernel]) -> None:
    from lintune.studies.comparison import Inclusion

    wrong = (
        Inclusion("rows 2", ("weights",)),
        Inclusion("SSB", ("SSL", "SSL"), equal=True),
        Inclusion("TriLoRA", ("FLoRA",)),
        Inclusion("weights", ("not there",)),
    )
    found = inclusions(kernels, wrong)
    assert list(found.statement) == ["weights ≤ rows 2", "SSL + SSL = SSB", "FLoRA ≤ TriLoRA"]
    assert not found.holds.any()


def test_loras_kernel_is_bounded_by_that_of_the_weights(prompted: PromptedModel) -> None:
    method, weights = at("LoRA"), Weights((LAYER,))
    assert isinstance(method, LoRA)
    (site,) = method.sites(prompted.pretrained.model).values()
    d = directions(method, site)
    assert float(torch.linalg.eigvalsh(d @ d.T)[-1]) == pytest.approx(bound(method, site))
    found = tangent_kernels(
        prompted, sentences(0, 12), methods={"it": method, "all": weights}, outputs=contrasts(2)
    ).train
    rest = bound(method, site) * flat(found["all"].total()) - flat(found["it"].total())
    assert np.linalg.eigvalsh(rest)[0] > -1e-10 * np.trace(rest)


def test_every_method_is_of_a_family_and_a_new_one_of_none() -> None:
    class New:
        name = "new"

    assert "others" not in {family(method) for method in METHODS.values()}
    assert family(New()) == "others"  # type: ignore[arg-type]
