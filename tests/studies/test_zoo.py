"""Methods side by side."""

import numpy as np
import pytest
import torch

from lintune.errors import InputError
from lintune.kernels import contrasts, tangent_kernels
from lintune.methods import Full, Weights
from lintune.prompted import PromptedModel
from lintune.studies.zoo import autograd_kernel, likeness, rounding, seconds_for, zoo
from tests.kernels.test_engine import PROMPT, examples, function
from tests.tiny import pretrained


def test_every_member_of_the_zoo_runs_on_a_model() -> None:
    fitting = {name: method for name, method in zoo().items() if "64" not in name}
    found = tangent_kernels(function("llama"), examples(), methods=fitting).train
    assert list(found) == list(fitting)
    assert all(np.abs(kernel.total()).max() > 0 for kernel in found.values())


def test_names_choose_and_unknown_ones_are_refused() -> None:
    assert list(zoo(["SSL", "norms"])) == ["SSL", "norms"]
    assert len(zoo([])) == len(zoo()) > 15
    with pytest.raises(InputError, match="methods='SSLL' is not known"):
        zoo(["SSLL"])


def test_likeness_is_one_with_itself_and_knows_the_labels() -> None:
    kernels = tangent_kernels(function("llama"), examples(), methods=zoo(["all weights", "SSL"])).train
    labels = np.array([0, 1, 0, 1, 1])
    table = likeness(kernels, labels)
    assert list(table.columns) == ["all weights", "SSL", "labels"]
    np.testing.assert_allclose(np.diag(table), 1)
    assert table.loc["SSL", "all weights"] == pytest.approx(table.loc["all weights", "SSL"])


def test_written_out_kernel_of_all_parameters_is_the_engines() -> None:
    prompted = function("qwen2")
    found = (
        tangent_kernels(prompted, examples(), methods=[Full()], outputs=contrasts(3)).train["full"].total()
    )
    truth = autograd_kernel(prompted, examples())
    np.testing.assert_allclose(found, truth, rtol=1e-6, atol=1e-7 * np.abs(truth).max())
    assert not any(parameter.requires_grad for parameter in prompted.pretrained.model.parameters())


def test_rounding_shrinks_with_precision() -> None:
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    others = {name: PromptedModel(pretrained("llama", kind), PROMPT, 32) for name, kind in kinds.items()}
    errors = rounding(function("llama"), others, examples(), Weights())
    assert errors["float32"] < 1e-5 < errors["bfloat16"] < 0.2


def test_seconds_are_positive() -> None:
    assert seconds_for(function("llama"), examples(), {"one": Weights()}) > 0
