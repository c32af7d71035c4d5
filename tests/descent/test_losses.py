"""Losses of contrasts: values by hand, slopes by automatic differentiation, bad labels refused."""

import numpy as np
import pytest
import torch

from lintune.descent import CrossEntropy, Squared, loss_for
from lintune.errors import InputError
from lintune.prompted import contrasts

LABELS = np.array([2, 0, 1, 1, 2])


def some_outputs(rows: int = 5, classes: int = 3, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(rows, classes - 1, generator=draw, dtype=torch.float64)


@pytest.mark.parametrize("name", ["squared", "cross-entropy"])
@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [4, 1], [3]])
def test_slope_is_the_derivative_of_the_value(name: str, rows: list[int]) -> None:
    loss = loss_for(name, LABELS, 3)
    chosen = torch.tensor(rows)
    outputs = some_outputs(len(rows)).requires_grad_()
    (expected,) = torch.autograd.grad(loss.value(outputs, chosen), outputs)
    torch.testing.assert_close(loss.slope(outputs.detach(), chosen), expected, rtol=1e-12, atol=1e-12)


def test_squared_is_half_the_squared_distance_to_the_contrasts_of_one_hot_labels() -> None:
    outputs = some_outputs()
    wanted = np.eye(3)[LABELS] @ contrasts(3)
    expected = 0.5 * ((outputs.numpy() - wanted) ** 2).sum()
    assert float(Squared(LABELS, 3).value(outputs, torch.arange(5))) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(Squared(LABELS, 3).targets(torch.arange(5)).numpy(), wanted)


def test_cross_entropy_is_that_of_any_logits_with_these_contrasts() -> None:
    draw = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 3, generator=draw, dtype=torch.float64)
    outputs = logits @ torch.as_tensor(contrasts(3))
    expected = -logits.log_softmax(dim=1)[torch.arange(5), torch.tensor(LABELS)].sum()
    found = CrossEntropy(LABELS, 3).value(outputs, torch.arange(5))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["squared", "cross-entropy"])
def test_losses_of_parts_add_up_to_that_of_the_whole(name: str) -> None:
    loss, outputs = loss_for(name, LABELS, 3), some_outputs()
    parts = sum(float(loss.value(outputs[[row]], torch.tensor([row]))) for row in range(5))
    assert float(loss.value(outputs, torch.arange(5))) == pytest.approx(parts, rel=1e-12)


@pytest.mark.parametrize("name", ["squared", "cross-entropy"])
def test_the_dtype_of_the_outputs_is_kept(name: str) -> None:
    loss, outputs = loss_for(name, LABELS, 3), some_outputs().float()
    assert loss.value(outputs, torch.arange(5)).dtype == torch.float32
    assert loss.slope(outputs, torch.arange(5)).dtype == torch.float32


def test_bad_labels_and_names_are_refused() -> None:
    with pytest.raises(InputError, match=r"labels=\[0, 3\] must be classes from 0 to 2"):
        loss_for("squared", np.array([0, 3]), 3)
    with pytest.raises(InputError, match=r"labels=\[-1, 1\]"):
        loss_for("cross-entropy", np.array([-1, 1]), 2)
    with pytest.raises(InputError, match=r"labels=\[\]"):
        loss_for("squared", np.array([], dtype=int), 2)
    with pytest.raises(InputError, match="loss='cross entropy' is not known. Did you mean 'cross-entropy'"):
        loss_for("cross entropy", LABELS, 3)
