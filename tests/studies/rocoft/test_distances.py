"""Kernels of choices and their distances on a tiny model: partitions, budgets, variances, chance."""

import itertools

import numpy as np
import pandas as pd
import pytest

from lintune.errors import InputError
from lintune.kernels import BlockKernel, TangentKernels, contrasts, tangent_kernels
from lintune.methods import Columns, Rows, Weights, count_parameters
from lintune.studies import rocoft as study
from tests.studies.rocoft.shared import TEXTS, layers, prompted

SEEDS = range(60)
CHOSEN = study.choices(["rows", "columns", "entries", "lora"], [2], ["first", "random"], SEEDS)


@pytest.fixture(scope="module")
def found() -> TangentKernels:
    return study.captured(prompted(), TEXTS, None, layers(), CHOSEN)


@pytest.fixture(scope="module")
def table(found: TangentKernels) -> pd.DataFrame:
    return study.table(found, CHOSEN, layers())


@pytest.mark.parametrize("kind", [Rows, Columns])
def test_over_a_partition_kernels_add_up_to_the_whole(kind: type[Rows] | type[Columns]) -> None:
    name, layer = next(iter(layers().items()))
    size = layer.shape[0 if kind is Rows else 1]
    parts = {
        str(start): kind(4, {name: range(start, start + 4)}, [name]) for start in range(0, size - size % 4, 4)
    }
    assert size % 4 == 0
    whole = tangent_kernels(
        prompted(), TEXTS, methods={**parts, "full": Weights([name])}, outputs=contrasts(2)
    ).train
    total = sum(whole[part].total() for part in parts)
    np.testing.assert_allclose(total, whole["full"].total(), rtol=1e-9)


def test_budgets_are_those_of_the_methods() -> None:
    model = prompted().pretrained.model
    for choice in study.choices(["rows", "columns", "entries", "lora"], [2], ["first"], [0]):
        trained = sum(count_parameters(method, model) for method in study.methods_of(choice, layers()))
        assert trained == study.parameters(choice, layers())
    rows = study.parameters(study.Choice("rows", 2, "first"), layers())
    assert study.parameters(study.Choice("entries", 2), layers()) == rows
    lora = study.parameters(study.Choice("lora", 2), layers())
    step = study.parameters(study.Choice("lora", 1), layers()) // study.equal_rank(layers(), 1)
    assert abs(lora - rows) <= step / 2 or study.equal_rank(layers(), 2) == 1


def test_unbiased_kernels_of_random_choices_have_the_predicted_spread(table: pd.DataFrame) -> None:
    drawn = table[table.rule == "random"]
    for _kind, own in drawn.groupby("kind"):
        assert own.predicted.nunique() == 1
        assert np.sqrt((own.unbiased**2).mean()) == pytest.approx(own.predicted.iloc[0], rel=0.35)
    assert table[table.rule == "first"].predicted.isna().all()


@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_over_all_choices_of_one_the_mean_square_is_exactly_the_predicted_one(kind: str) -> None:
    name, layer = next(iter(layers().items()))
    size = layer.shape[0 if kind == "rows" else 1]
    method = Rows if kind == "rows" else Columns
    each = {str(place): method(1, {name: [place]}, [name]) for place in range(size)}
    whole = tangent_kernels(
        prompted(), TEXTS, methods={**each, "full": Weights([name])}, outputs=contrasts(2)
    ).train
    full = whole["full"].total()
    squares = [np.linalg.norm(size * whole[place].total() - full) ** 2 for place in each]
    own = study.predicted(study.Choice(kind, 1), layers(), whole["full"]) * np.linalg.norm(full)
    assert np.sqrt(np.mean(squares)) == pytest.approx(own, rel=1e-5)


def test_single_layers_are_held_against_theory_and_a_wrong_scale_is_found(found: TangentKernels) -> None:
    single = study.by_layer(found, CHOSEN, layers())
    assert set(single.part) == {name.rsplit(".", 1)[-1] for name in layers()}
    columns = single[single.kind == "columns"]
    assert study.agreement(columns)["ratio"] == pytest.approx(1, abs=0.5)
    assert study.agreement(columns.assign(unbiased=3 * columns.unbiased))["verdict"] == "above"


def test_rows_are_as_good_as_their_design_effect_says(table: pd.DataFrame) -> None:
    effects = study.design_effects(layers())
    assert len(effects) == 2 * len(layers())
    variances = {
        kind: sum(
            (study.table(found_layer, [study.Choice(kind, 2)], layers()).predicted[0] * size) ** 2
            for found_layer, size in [(_only(name), _size(name)) for name in layers()]
        )
        for kind in ("rows", "entries")
    }
    by_hand = {}
    for name, layer in layers().items():
        assert layer.products is not None
        by_hand[name] = float(effects[(effects.layer == name) & (effects.kind == "rows")]["all"].iloc[0])
    assert min(by_hand.values()) <= variances["rows"] / variances["entries"] <= max(by_hand.values())


def _only(name: str) -> TangentKernels:
    return study.captured(
        prompted(), TEXTS, None, {name: layers()[name]}, [study.Choice("rows", 2), study.Choice("entries", 2)]
    )


def _size(name: str) -> float:
    products = layers()[name].products
    assert products is not None
    return float(np.linalg.norm(products.total))


def kernel(matrix: np.ndarray) -> BlockKernel:
    return BlockKernel(("all",), matrix[None, :, None, :, None])


def test_distances_are_those_of_known_kernels() -> None:
    one, other = np.diag([1.0, 1.0, 2.0]), np.diag([2.0, 2.0, 4.0])
    same = study.distances(kernel(one), kernel(other), kernel(other))
    assert same["none"] == pytest.approx(0.5)
    for norm in ("unbiased", "trace", "frobenius", "centred"):
        assert same[norm] == pytest.approx(0, abs=1e-7)
    apart = study.distances(kernel(np.diag([1.0, 0, 0])), kernel(one), kernel(np.diag([0, 1.0, 0])))
    assert apart["frobenius"] == pytest.approx(np.sqrt(2))
    assert apart["trace"] == pytest.approx(np.sqrt(2))
    nothing = study.distances(kernel(np.zeros((3, 3))), kernel(one), kernel(other))
    assert nothing["none"] == 1
    assert np.isnan(nothing["centred"])


def test_the_constant_kernel_is_the_mean_of_all_permutations() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 2, 7))
    full = np.einsum("icp,jdp->icjd", root, root)
    orders = list(itertools.permutations(range(4)))
    mean = np.mean([full[list(order)][:, :, list(order)] for order in orders], axis=0)
    whole = BlockKernel(("all",), full[None])
    (row,) = study.chance(whole, 0).to_dict("records")
    assert row["rule"] == "constant"
    assert row["none"] == pytest.approx(np.linalg.norm(mean - full) / np.linalg.norm(full))
    shuffled = study.chance(whole, 5)
    assert shuffled.rule.tolist() == ["shuffled"] * 5 + ["constant"]
    # A mean is nearer in the mean than what it is the mean of.
    assert study.chance(whole, 100).none[:100].pow(2).mean() > row["none"] ** 2


def test_spectra_are_shares(found: TangentKernels) -> None:
    rows = study.spectra(found, [study.Choice("rows", 2)])
    assert list(rows.groupby("kind", sort=False).share.sum()) == pytest.approx([1, 1])
    assert (rows[rows.kind == "full"].share.diff().dropna() <= 0).all()


def test_bad_choices_are_refused() -> None:
    with pytest.raises(InputError, match="kind='heads'"):
        study.methods_of(study.Choice("heads", 1), layers())
    with pytest.raises(InputError, match="rule='best'"):
        study.methods_of(study.Choice("rows", 1, "best"), layers())
    with pytest.raises(InputError, match="at least two"):
        study.chance(kernel(np.ones((1, 1))), 1)
