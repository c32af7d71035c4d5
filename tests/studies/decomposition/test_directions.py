"""The kernels of the forms at the start have as many directions as parameters that move first."""

import fnmatch

import numpy as np
import pytest
import torch

from lintune.descent import Recipe
from lintune.methods import Weights
from lintune.prompted import PromptedModel
from lintune.studies.decomposition import Change, capture, directions, forms, real_changes, spectra
from lintune.studies.decomposition.directions import moving_first
from lintune.tangents import linear_weight, tunable_layers
from lintune.tasks import FewShot
from tests.attached import jacobians
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

RANK = 2
EXAMPLES = sentences(0, 12)


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    return PromptedModel(pretrained("gpt2-conv1d"), PROMPT, longest=32)


@pytest.fixture(scope="module")
def layers(prompted: PromptedModel) -> list[str]:
    return fnmatch.filter(tunable_layers(prompted.pretrained.model), "*.1.attn.*")


def test_ranks_are_bounded_by_what_moves_first(prompted: PromptedModel, layers: list[str]) -> None:
    kernels = capture(prompted, EXAMPLES, RANK, layers)
    table = directions(kernels, prompted, EXAMPLES.labels, RANK).set_index(["form", "layer"])
    for layer in layers:
        ranks = {form: table.loc[(form, layer), "rank"] for form in ("LoRA", "FLoRA", "TriLoRA")}
        assert ranks == {"LoRA": 12, "FLoRA": RANK**2, "TriLoRA": RANK}
        # A kernel of fewer directions reaches less; FLoRA's contain those of TriLoRA, and LoRA's FLoRA's.
        reach = [table.reach.to_dict()[(form, layer)] for form in ("TriLoRA", "FLoRA", "LoRA", "weights")]
        assert (np.diff(reach) > -1e-9).all()
        assert reach[-1] == pytest.approx(1)
    assert (table["rank"] <= table.bound).all()
    assert table.loc[("TriLoRA", "all"), "parameters"] == RANK * len(layers)
    assert table.loc[("weights", "all"), "trace"] == pytest.approx(1)


def test_spectra_are_over_the_largest_and_fall(prompted: PromptedModel, layers: list[str]) -> None:
    kernels = capture(prompted, EXAMPLES, RANK, layers)
    for values in (*spectra(kernels).values(), *spectra(kernels, layers[0]).values()):
        assert values.shape == (12,)
        assert values[0] == 1
        assert (np.diff(values) <= 0).all()
    assert (spectra(kernels, layers[0])["TriLoRA"][RANK:] < 1e-10).all()


def test_only_what_moves_first_has_a_gradient(prompted: PromptedModel, layers: list[str]) -> None:
    few = EXAMPLES.take([0, 1, 2])
    for form, method in forms(RANK, layers).items():
        sites = method.sites(prompted.pretrained.model)
        for layer, gradients in jacobians(prompted, few, method).items():
            d_out, d_in = linear_weight(sites[layer]).shape
            moving = int((np.abs(gradients).max((0, 1)) > 0).sum())
            assert moving == moving_first(form, (d_out, d_in), RANK)


def test_real_changes_are_what_training_made_of_the_weights(
    prompted: PromptedModel, layers: list[str]
) -> None:
    split = FewShot(EXAMPLES, sentences(1, 4))
    changes, row = real_changes(prompted, split, Recipe(0.01, 3), layers)
    assert [each.layer for each in changes] == layers
    length = sum(float(each.change.square().sum()) for each in changes) ** 0.5
    assert length == pytest.approx(row["drift"], rel=1e-6)
    sites = Weights(layers).sites(prompted.pretrained.model)
    for each in changes:
        torch.testing.assert_close(each.weight, linear_weight(sites[each.layer]).detach())
        assert isinstance(each, Change)
        assert 0 < each.floor(1) < 1
