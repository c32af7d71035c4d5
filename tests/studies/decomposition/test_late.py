"""A parameter that is replaced after the optimiser was made is never updated; singular values here are."""

import pytest
import torch

from lintune.descent import Recipe
from lintune.finetune import Setup, finetune
from lintune.methods import SingularValues
from lintune.prompted import PromptedModel
from lintune.studies.decomposition import LateParameter, trained
from lintune.tasks import FewShot
from tests.studies.decomposition.test_equality import drawn
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained


def test_a_replaced_parameter_has_a_gradient_and_never_moves() -> None:
    kept, late = trained(replaced=False), trained(replaced=True)
    assert late["moved"] == 0
    assert late["loss"] == pytest.approx(1)
    assert late["gradient"] > 0
    assert kept["moved"] > 0.1
    assert kept["loss"] < 0.95


def test_both_layers_compute_the_weight_at_first() -> None:
    weight, x = drawn(0, 5, 4).float(), drawn(1, 3, 4).float()
    for replaced in (False, True):
        layer = LateParameter(weight, replaced=replaced)
        before = layer.s
        torch.testing.assert_close(layer(x), x @ weight.T)
        assert (layer.s is before) is not replaced


def test_the_librarys_singular_values_learn() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    method = SingularValues(targets=["model.layers.1.self_attn.q_proj"])
    setup = Setup.of(prompted, method, FewShot(sentences(0, 6), sentences(1, 4)))
    found = finetune(setup, Recipe(0.01, 5), twin=False, at=[0])
    assert found.rows.drift.iloc[-1] > 0
    assert found.rows.loss.iloc[-1] < found.rows.loss.iloc[0]
