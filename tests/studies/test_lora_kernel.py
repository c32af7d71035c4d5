"""LoRA's kernel against that of the weights on a tiny model: exact moments, unbiased kernels, verdicts."""

import fnmatch
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from lintune import theory
from lintune.errors import InputError
from lintune.kernels import contrasts, tangent_features, tangent_kernels
from lintune.methods import LoRA, Weights
from lintune.prompted import PromptedModel
from lintune.studies import lora_kernel as study
from lintune.tangents import tunable_layers
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

EXAMPLES = sentences(0, 5)
DISTRIBUTIONS = ("gaussian", "uniform", "signs", "sparse signs", "orthonormal")
RANKS, SEEDS = (1, 4, 16), range(25)


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    # A model that computes all in float64, whose MLP layers differ in width.
    return PromptedModel(pretrained("gpt2-conv1d"), PROMPT, longest=32)


@pytest.fixture(scope="module")
def layers(prompted: PromptedModel) -> list[str]:
    return fnmatch.filter(tunable_layers(prompted.pretrained.model), "*.1.*")


@pytest.fixture(scope="module")
def measured(prompted: PromptedModel, layers: list[str]) -> study.Measured:
    return study.measure(prompted, EXAMPLES, layers, DISTRIBUTIONS, RANKS, SEEDS)


def test_moments_are_those_of_the_gradients(
    prompted: PromptedModel, layers: list[str], measured: study.Measured
) -> None:
    features = {
        layer: list(tangent_features(prompted, EXAMPLES, method=Weights([layer]), outputs=contrasts(2)))
        for layer in layers[:2]
    }
    for layer, parts in features.items():
        place = measured.layers.index(layer)
        width = int(measured.widths[place])
        flat = np.concatenate([np.asarray(values) for _, values in parts]).reshape(len(EXAMPLES), -1)
        expected = theory.gradient_moments(flat.reshape(len(EXAMPLES), -1, width))
        found = measured.moments[place]
        for field in ("trace", "square", "transposed", "diagonal"):
            np.testing.assert_allclose(getattr(found, field), getattr(expected, field), rtol=1e-6)


def test_kernels_are_the_engines_and_their_moments_agree(measured: study.Measured) -> None:
    for kernel, moments in zip(measured.weights, measured.moments, strict=True):
        np.testing.assert_allclose(moments.trace, kernel, rtol=1e-8)


def test_projected_kernels_are_unbiased_for_layers_of_any_width(
    prompted: PromptedModel, layers: list[str], measured: study.Measured
) -> None:
    assert len(set(measured.widths)) == 2
    raw = tangent_kernels(
        prompted, EXAMPLES, methods=[LoRA(4, 4.0, layers, seed=3)], outputs=contrasts(2)
    ).train["lora-r4"]
    factors = 3 * measured.widths / 4
    expected = study.flat_blocks(raw) * factors[:, None, None]
    np.testing.assert_allclose(measured.projected["uniform", 4, 3], expected)
    for distribution in DISTRIBUTIONS:
        mean = np.mean([measured.projected[distribution, 4, seed] for seed in SEEDS], axis=0)
        deviation = np.sqrt(measured.variances(distribution, 4) / len(SEEDS))
        assert (np.abs(mean - measured.weights) / deviation).mean() < 1.5


def test_errors_are_those_predicted(measured: study.Measured) -> None:
    errors = study.summed_errors(measured)
    assert len(errors) == len(DISTRIBUTIONS) * len(RANKS) * len(SEEDS)
    ratios = study.agreement(measured)
    assert ratios.distribution.tolist() == list(DISTRIBUTIONS)
    np.testing.assert_allclose(ratios.ratio, 1, atol=0.3)
    assert ((ratios.low < ratios.ratio) & (ratios.ratio < ratios.high)).all()
    assert not errors.beyond.any()
    radii = errors[errors.outside.notna()]
    assert set(radii.distribution) == {"gaussian", "orthonormal"}
    assert radii.outside.astype(bool).mean() <= 0.05
    by_hand = measured.projected["signs", 4, 2].sum(0) - measured.weights.sum(0)
    (row,) = errors[
        (errors.distribution == "signs") & (errors["rank"] == 4) & (errors.seed == 2)
    ].itertuples()
    assert row.error == pytest.approx(np.linalg.norm(by_hand) / np.linalg.norm(measured.weights.sum(0)))
    assert row.worst == pytest.approx(np.abs(by_hand).max() / np.diag(measured.weights.sum(0)).max())


def test_bounds_fall_with_the_rank_and_lie_over_one_another(measured: study.Measured) -> None:
    found = study.bounds(measured, [1, 8, 512, 1024])
    assert (found.known[:2] == np.inf).all()
    assert (found.deviation < found.radius).all()
    assert (found.radius < found["tail"]).all()
    assert (found["tail"] <= found.known).all()
    assert (np.diff(found.radius) < 0).all()


def test_layers_have_their_own_errors(measured: study.Measured) -> None:
    found = study.layer_errors(measured, "uniform", 4)
    assert list(found.layer) == list(measured.layers)
    assert (found.block == 1).all()
    assert found.share.sum() == pytest.approx(1)
    assert set(found.kind) == {"c_attn", "c_proj", "c_fc"}
    np.testing.assert_allclose(found.error, found.predicted, rtol=0.6)


def test_standard_errors_have_variance_one(measured: study.Measured) -> None:
    standard = study.standard_errors(measured, "gaussian", 4)
    assert standard.shape == (len(SEEDS) * len(measured.layers) * 15,)
    assert np.mean(standard**2) == pytest.approx(1, abs=0.4)
    law = study.error_law(measured, "gaussian", 4)
    assert (np.diff(law["edges"]) * law["density"]).sum() == pytest.approx(1)
    last = (standard >= law["edges"][-2]).mean() / (law["edges"][1] - law["edges"][0])
    assert law["density"][-1] == pytest.approx(last)
    assert law["negative"] == pytest.approx(np.mean(np.sign(standard) == -1))
    assert law["far"] == pytest.approx(np.mean(standard > 3) + np.mean(standard < -3))


def test_slopes_have_their_verdicts() -> None:
    def table(power: float, factor: float) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        rows = [
            {"distribution": "signs", "rank": rank, "seed": seed, "predicted": rank**-0.5}
            | {"error": factor * rank**power * np.exp(0.01 * rng.normal())}
            for rank in (1, 4, 16)
            for seed in range(5)
        ]
        return pd.DataFrame(rows)

    (right,) = study.slopes(table(-0.5, 1.0)).to_dict("records")
    assert right["slope"] == pytest.approx(-0.5, abs=0.02)
    assert right["predicted"] == pytest.approx(-0.5)
    assert right["verdict"] == "as predicted"
    assert study.slopes(table(-0.3, 1.0)).verdict.tolist() == ["above"]
    assert study.slopes(table(-0.7, 1.0)).verdict.tolist() == ["below"]
    one = table(-0.5, 1.0)
    assert study.slopes(one[one.seed == 0]).verdict.tolist() == ["one draw only"]


def test_wrong_predictions_of_the_error_are_found(measured: study.Measured) -> None:
    # As if fair signs had the moments of Gaussian entries, and the other way round.
    signs = {key: value for key, value in measured.projected.items() if key[0] == "signs"}
    renamed = {("gaussian", *key[1:]): value for key, value in signs.items()}
    found = study.agreement(replace(measured, projected=renamed))
    own = study.agreement(replace(measured, projected=signs))
    assert found.ratio[0] < own.ratio[0]
    tripled = {
        key: measured.weights + 3 * (value - measured.weights) for key, value in signs.items() if key[1] == 4
    }
    (wrong,) = study.agreement(replace(measured, projected=tripled)).to_dict("records")
    assert wrong["verdict"] == "above"


def test_regressions_agree_with_the_weights_more_at_high_rank(
    prompted: PromptedModel, layers: list[str]
) -> None:
    found = study.regressions(prompted, sentences(0, 10), sentences(1, 12), layers, [1, 16], range(6))
    assert found.kernel.tolist() == ["weights", "zero-shot", *["lora"] * 12]
    assert found.same[0] == 1
    assert found.accuracy.between(0, 1).all()
    same = found[found.kernel == "lora"].groupby("rank").same.mean()
    assert same[16] >= same[1]


def test_the_mean_at_the_usual_scale_weighs_layers_by_their_width(measured: study.Measured) -> None:
    found = study.at_usual_scale(measured, 16.0, 4)
    factors = 256 / (12 * measured.widths)
    assert (found["smallest"], found["largest"]) == pytest.approx((factors.min(), factors.max()))
    assert found["smallest"] < found["factor"] < found["largest"]
    assert 0 < found["cosine"] < 1


def test_what_was_not_measured_is_refused(measured: study.Measured) -> None:
    with pytest.raises(InputError, match="rank=7 was not measured"):
        study.layer_errors(measured, "uniform", 7)


def test_bad_input_is_refused_before_a_pass(prompted: PromptedModel, layers: list[str]) -> None:
    with pytest.raises(InputError, match="distribution='normal'"):
        study.measure(prompted, EXAMPLES, layers, ["normal"], [2], [0])
    with pytest.raises(InputError, match="rank=99"):
        study.measure(prompted, EXAMPLES, layers, ["signs"], [99], [0])


def test_moments_need_no_gradient_tensors(prompted: PromptedModel, layers: list[str]) -> None:
    found = study.layer_moments(prompted, EXAMPLES, layers, batch_tokens=8)
    again = study.layer_moments(prompted, EXAMPLES, layers)
    for layer in layers:
        np.testing.assert_allclose(found[layer].square, again[layer].square, rtol=1e-6)
    assert not any(parameter.requires_grad for parameter in prompted.pretrained.model.parameters())
    assert torch.is_grad_enabled()
