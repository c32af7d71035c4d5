"""Growing kernels: what is described is what the matrices say, and no bound is broken."""

import json

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.kernels import BlockKernel, contrasts, flat, tangent_kernels
from lintune.methods import Weights
from lintune.prompted import PromptedModel
from lintune.spectrum import condition_number, eigenvalues
from lintune.studies import added_layers
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained


@pytest.fixture(scope="module")
def kernel() -> BlockKernel:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    found = tangent_kernels(prompted, sentences(0, 8), methods=[Weights()], outputs=contrasts(2))
    return found.train["weights"]


def test_layers_are_grouped_by_block_and_by_kind(kernel: BlockKernel) -> None:
    blocks = added_layers.blocks_of(kernel.layers)
    assert len(blocks) == 2
    assert [name for block in blocks for name in block] == list(kernel.layers)
    assert all(".1." in name for name in blocks[1])
    kinds = added_layers.kinds_of(kernel.layers)
    assert sorted(kinds["attention"] + kinds["MLP"]) == sorted(kernel.layers)
    assert all("mlp" in name for name in kinds["MLP"])
    assert len(kinds["attention"]) == 8
    with pytest.raises(InputError, match="no numbered block"):
        added_layers.blocks_of(["head"])


def test_grams_add_up_to_the_kernel_at_a_mean_eigenvalue_of_one(kernel: BlockKernel) -> None:
    total = added_layers.grams(kernel, added_layers.blocks_of(kernel.layers)).sum(axis=0)
    whole = flat(kernel.total())
    np.testing.assert_allclose(total, whole / np.trace(whole) * len(whole), rtol=1e-10)
    kinds = added_layers.kinds_of(kernel.layers)
    np.testing.assert_allclose(
        added_layers.grams(kernel, list(kinds.values())).sum(axis=0), total, rtol=1e-10
    )


def test_growth_describes_every_step(kernel: BlockKernel) -> None:
    parts = added_layers.grams(kernel, [[name] for name in kernel.layers])
    targets = contrasts(2)[sentences(0, 8).labels].ravel()
    steps = added_layers.growth(parts, targets, 0.05)
    assert len(steps) == len(parts) - 1
    np.testing.assert_allclose(steps[-1]["after"], eigenvalues(parts.sum(axis=0)), rtol=1e-10)
    np.testing.assert_allclose(steps[0]["before"], eigenvalues(parts[0]).clip(0))
    assert steps[-1]["condition"]["after"] == pytest.approx(condition_number(parts.sum(axis=0)))
    solved = [np.linalg.solve(part + 0.05 * np.eye(8), targets) for part in (parts[0], parts[:2].sum(axis=0))]
    expected = np.linalg.norm(solved[1]) / np.linalg.norm(solved[0])
    assert steps[0]["residual"]["ratio"] == pytest.approx(expected)
    table = added_layers.tightness(steps)
    assert (table.broken == 0).all()
    assert (table.closest > 1 - 1e-9).all()
    assert (table["median"] >= table.closest).all()
    json.dumps(steps, default=np.ndarray.tolist, allow_nan=False)


def test_a_singular_kernel_has_no_condition_number_but_a_description() -> None:
    described = added_layers.addition(np.diag([2.0, 0.0]), np.diag([1.0, 0.0]), np.ones(2), 0.5)
    assert described["condition"] == {"before": None, "after": None, "mediant": None}
    assert "condition number, mediant" not in added_layers.tightness([described]).index
    assert (added_layers.tightness([described]).broken == 0).all()


def test_a_broken_bound_is_counted() -> None:
    described = added_layers.addition(np.diag([2.0, 1.0]), np.eye(2), np.ones(2), 0.5)
    described["residual"]["bounds"] = (1.5, 0.2)
    described["weyl"] = (np.array([1.0, 5.0]), np.array([4.0, 5.0]))
    broken = added_layers.tightness([described]).broken
    assert broken["residual, by a few numbers, lower"] == 1
    assert broken["residual, by a few numbers, upper"] == 1
    assert broken["eigenvalues, Weyl, lower"] == 1
    assert broken["eigenvalues, Weyl, upper"] == 0


def test_single_layers_are_added_to_all_blocks_above(kernel: BlockKernel) -> None:
    targets = np.random.default_rng(0).normal(size=(8, 5))
    found = added_layers.single_layers(kernel, {"one": targets[:, 0], "five": targets}, 0.1)
    assert {name: counted["cases"] for name, counted in found.items()} == {
        "one": 7,
        "five": 35,
        "condition number": 7,
    }
    blocks = added_layers.blocks_of(kernel.layers)
    base = added_layers.grams(kernel, [blocks[1]])[0]
    ratios = [
        added_layers.addition(base, added, targets[:, 0], 0.1)["residual"]["ratio"]
        for added in added_layers.grams(kernel, [[name] for name in blocks[0]])
    ]
    assert found["one"]["largest"] == pytest.approx(max(ratios))
    assert found["one"]["rises"] == sum(ratio > 1 + added_layers.TOLERANCE for ratio in ratios)


def test_random_additions_break_no_bound_and_some_residuals_rise() -> None:
    found = list(added_layers.random_additions(1500, seed=1))
    table = added_layers.tightness(found)
    assert (table.broken == 0).all()
    assert any(described["residual"]["ratio"] > 1.001 for described in found)
    with pytest.raises(InputError, match="count=0"):
        list(added_layers.random_additions(0))
