"""Each family's least squares find what it can write, and are no better than a search."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lintune.errors import InputError
from lintune.studies.decomposition import Change, reconstructions
from lintune.studies.decomposition import reconstruction as families
from lintune.studies.decomposition.reconstruction import Fit
from tests.studies.decomposition.test_equality import drawn

WEIGHT = drawn(0, 8, 6)


def change(of: torch.Tensor) -> Change:
    return Change("layer", WEIGHT, of)


def test_each_family_meets_a_change_of_its_own() -> None:
    u, _, v = torch.linalg.svd(WEIGHT, full_matrices=False)
    rows, columns = drawn(1, 8)[:, None], drawn(2, 6)
    three = torch.zeros(8, 6, dtype=torch.float64)
    three[[0, 3]] = drawn(3, 2, 6)
    for family, own, count in (
        (families.singular_values, u @ drawn(4, 6).diag() @ v, 6),
        (families.outputs_scaled, rows * WEIGHT, 8),
        (families.inputs_scaled, columns * WEIGHT, 6),
        (families.both_scaled, (1 + 0.1 * rows) * WEIGHT * (1 + 0.1 * columns) - WEIGHT, 14),
        (lambda each: families.low_rank(each, 2), drawn(5, 8, 2) @ drawn(6, 2, 6), 28),
        (lambda each: families.rows(each, 2), three, 12),
        (lambda each: families.entries(each, 12), three, 12),
        (lambda each: families.columns(each, 6), three, 48),
    ):
        parameters, left = family(change(own))
        assert parameters == count
        assert left < 1e-9 * float(own.square().sum())
        assert family(change(drawn(7, 8, 6)))[1] > 1e-3 or count == 48


@pytest.mark.parametrize(
    "family", [families.singular_values, families.outputs_scaled, families.inputs_scaled]
)
def test_least_squares_leave_what_lstsq_leaves(family: Callable[[Change], Fit]) -> None:
    target = drawn(8, 8, 6)
    u, _, v = torch.linalg.svd(WEIGHT, full_matrices=False)
    made: dict[Callable[[Change], Fit], torch.Tensor] = {
        families.singular_values: torch.einsum("iq,qj->ijq", u, v),
        families.outputs_scaled: torch.einsum("ij,ik->ijk", WEIGHT, torch.eye(8, dtype=torch.float64)),
        families.inputs_scaled: torch.einsum("ij,jk->ijk", WEIGHT, torch.eye(6, dtype=torch.float64)),
    }
    basis = made[family].reshape(48, -1)
    best = torch.linalg.lstsq(basis, target.reshape(48, 1)).solution
    left = float((basis @ best - target.reshape(48, 1)).square().sum())
    assert family(change(target))[1] == pytest.approx(left)


def test_the_table_pools_layers_and_falls_with_the_rank() -> None:
    two = [change(drawn(9, 8, 6)), Change("other", drawn(10, 4, 6), 3 * drawn(11, 4, 6))]
    table = reconstructions(two, [1, 2, 4])
    whole = sum(float(each.change.square().sum()) for each in two)
    for rank in (1, 2, 4):
        here = table[(table.family == "any change of rank r") & (table["rank"] == rank)].iloc[0]
        rest = sum(float(torch.linalg.svdvals(each.change)[rank:].square().sum()) for each in two)
        assert here.error == pytest.approx(np.sqrt(rest / whole))
        assert here.parameters == rank * (14 + 10)
        others = table[table["rank"] == rank].set_index("family").error
        assert others.drop("best entries").min() == others["any change of rank r"]
    for _, errors in table[table["rank"] > 0].groupby("family"):
        assert errors.sort_values("rank").error.is_monotonic_decreasing
    assert table.error.between(0, 1).all()


def test_no_change_and_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="nothing was learnt"):
        change(torch.zeros(8, 6, dtype=torch.float64))
    with pytest.raises(InputError, match="one shape"):
        Change("layer", WEIGHT, WEIGHT.T)
