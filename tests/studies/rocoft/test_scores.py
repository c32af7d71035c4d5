"""Scores of rows and columns are what they say, and choose what `Rows` and `Columns` then train."""

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.kernels import contrasts, tangent_features, tangent_kernels
from lintune.methods import Columns, Rows, Weights
from lintune.methods.attached import Attached
from lintune.studies import rocoft as study
from tests.studies.rocoft.shared import TEXTS, layers, prompted


def gradients(name: str) -> np.ndarray:
    parts = tangent_features(prompted(), TEXTS, method=Weights([name]), outputs=contrasts(2))
    flat = np.concatenate([np.asarray(values) for _, values in parts])
    return flat.reshape(len(TEXTS), *layers()[name].shape)


def test_gradient_scores_are_sums_of_squares_and_shares_of_the_trace() -> None:
    for name, layer in layers().items():
        written = gradients(name)
        np.testing.assert_allclose(layer.rows["gradient"], (written**2).sum((0, 2)), rtol=1e-6)
        np.testing.assert_allclose(layer.columns["gradient"], (written**2).sum((0, 1)), rtol=1e-6)
        assert layer.products is not None
        total = np.trace(layer.products.total)
        assert layer.rows["gradient"].sum() == pytest.approx(total)


def test_wanda_scores_weigh_weights_by_the_norm_of_their_input() -> None:
    import torch

    name, layer = next(iter(layers().items()))
    model = prompted().pretrained.model
    seen = []
    handle = model.get_submodule(name).register_forward_pre_hook(lambda _m, given: seen.append(given[0]))
    try:
        for prompt in prompted().encode(TEXTS):
            with torch.no_grad():
                model(input_ids=torch.tensor([prompt.ids]))
    finally:
        handle.remove()
    norms = torch.cat([each[0] for each in seen]).square().sum(0).sqrt()
    weight = model.get_parameter(f"{name}.weight").T  # Conv1D keeps the transpose
    np.testing.assert_allclose(layer.rows["wanda"], (weight.abs() * norms).sum(1), rtol=1e-9)
    np.testing.assert_allclose(layer.columns["wanda"], (weight.abs() * norms).sum(0), rtol=1e-9)


def test_the_selected_go_into_the_methods_and_carry_the_most_trace() -> None:
    names = list(layers())
    traces = {}
    for largest in (True, False):
        best = study.selected(prompted(), TEXTS, "columns", "gradient", 2, names, largest=largest)
        assert set(best) == set(names)
        method = Columns(2, best, names)
        found = tangent_kernels(prompted(), TEXTS, methods=[method], outputs=contrasts(2), by_layer=False)
        traces[largest] = np.einsum("icic", found.train[method.name].total())
    other = Columns(2, "random", names)
    found = tangent_kernels(prompted(), TEXTS, methods=[other], outputs=contrasts(2), by_layer=False)
    assert traces[False] < np.einsum("icic", found.train[other.name].total()) < traces[True]


def test_prepared_examples_change_nothing() -> None:
    names = list(layers())
    prepared = Attached(prompted(), Weights(names)).prepare(TEXTS)
    assert prepared.depth == 1
    again = study.look(prompted(), TEXTS, names, prepared=prepared)
    for name in names:
        np.testing.assert_allclose(again[name].rows["gradient"], layers()[name].rows["gradient"], rtol=1e-8)
        assert again[name].products is None


def test_bad_input_is_refused() -> None:
    names = list(layers())
    with pytest.raises(InputError, match="kind='heads'"):
        study.selected(prompted(), TEXTS, "heads", "wanda", 1, names)
    with pytest.raises(InputError, match="score='norm'"):
        study.selected(prompted(), TEXTS, "rows", "norm", 1, names)
    with pytest.raises(InputError, match="count=99 must be from 1 to"):
        study.selected(prompted(), TEXTS, "rows", "wanda", 99, names)
    with pytest.raises(InputError, match="count=0"):
        layers()[names[0]].best("rows", "wanda", 0)
    assert Rows(1, study.selected(prompted(), TEXTS, "rows", "wanda", 1, names)).count == 1
