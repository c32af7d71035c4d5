"""The linear probe that a head starts from, against scikit-learn's own decisions."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from lintune.errors import InputError
from lintune.prompted import probe, probed
from lintune.prompted.probe import fit_probe
from lintune.tasks import Examples
from tests.prompted.heads import NAMES, TEST, TRAIN, headed, tiny


def separable(classes: int, each: int = 8, d: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return features on very different scales whose classes lie apart, and labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    features = 4 * rng.normal(size=(classes, d))[labels] + rng.normal(size=(len(labels), d))
    return features * 10.0 ** np.arange(-2, d - 2) + 100, labels


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_logits_are_the_decisions_of_the_probe_up_to_a_number_per_example(
    classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_PENALTIES", (0.3,))
    features, labels = separable(classes)
    weight, bias = fit_probe(features, labels, classes)
    scaler = StandardScaler().fit(features)
    known = LogisticRegression(C=0.3, max_iter=5000).fit(scaler.transform(features), labels)
    scores = known.decision_function(scaler.transform(features))
    expected = np.stack([np.zeros_like(scores), scores], axis=1) if classes == 2 else scores
    logits = features @ weight.T + bias
    assert weight.shape == (classes, 5)
    apart = logits - expected
    np.testing.assert_allclose(apart - apart.mean(axis=1, keepdims=True), 0, atol=1e-9)
    np.testing.assert_allclose(weight.sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 4])
def test_classes_that_lie_apart_are_told_apart(classes: int) -> None:
    weight, bias = fit_probe(*separable(classes), classes)
    features, labels = separable(classes, each=50)
    assert ((features @ weight.T + bias).argmax(axis=1) == labels).mean() > 0.9


def test_noise_gets_a_strong_penalty_and_signal_a_weak_one() -> None:
    features, labels = separable(2, each=20)
    noise = np.random.default_rng(0).normal(size=features.shape)
    steep, flat = (np.ptp(x @ fit_probe(x, labels, 2)[0][0]) for x in (features, noise))
    assert flat < 0.1 * steep


def test_a_class_with_a_single_example_is_fitted_without_folds() -> None:
    features, labels = separable(2)
    weight, _ = fit_probe(features[:9], labels[:9], 2)
    assert np.isfinite(weight).all()


def test_a_feature_that_never_changes_has_no_weight() -> None:
    features, labels = separable(2)
    features[:, 1] = 3.0
    np.testing.assert_allclose(fit_probe(features, labels, 2)[0][:, 1], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("labels", "classes"), [([0, 0, 0], 2), ([0, 2, 2], 3), ([0, 1, 1], 3), ([0, 1, 2], 2), ([0, 0, 0], 1)]
)
def test_labels_without_an_example_of_each_class_are_refused_before_any_pass(
    labels: list[int], classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=f"a probe for classes={classes} needs at least two"):
        fit_probe(np.eye(3), np.array(labels), classes)
    monkeypatch.setattr(tiny("llama").model, "forward", None)
    with pytest.raises(InputError, match="needs at least two"):
        probed(
            tiny("llama"), TRAIN.take([0, 1, 2]).__class__.from_columns({"text": ["a"] * 3}, labels), classes
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_probed_model_has_the_probe_of_its_frozen_states_as_its_head(name: str) -> None:
    found = probed(tiny(name), TRAIN, 3, longest=32, seed=1)
    states = headed(name).states(TRAIN).numpy()
    weight, bias = fit_probe(states, TRAIN.labels, 3, seed=1)
    head = found.pretrained.model.get_output_embeddings()
    torch.testing.assert_close(head.weight.data, torch.as_tensor(weight))
    np.testing.assert_allclose(found.predict(TRAIN), states @ weight.T + bias, rtol=0, atol=1e-6)
    assert found.predict(TRAIN).argmax(dim=1).tolist() == TRAIN.labels.tolist()


def test_a_probed_model_beats_chance_on_texts_that_a_word_tells_apart() -> None:
    rng = np.random.default_rng(0)
    words = np.array("film was very plot story actor music text".split())
    labels = np.arange(120) % 2
    texts = [" ".join([*rng.choice(words, 2), ("bad", "good")[label]]) for label in labels]
    both = Examples.from_columns({"text": texts}, labels)
    found = probed(tiny("llama"), both.take(range(60)), 2, longest=32)
    right = found.predict(both.take(range(60, 120))).argmax(dim=1).numpy() == labels[60:]
    assert right.mean() > 0.9


def test_the_head_is_in_the_models_own_precision() -> None:
    found = probed(tiny("opt", torch.float32), TRAIN, 3, longest=32)
    assert found.pretrained.model.get_output_embeddings().weight.dtype == torch.float32
    assert found.predict(TEST).dtype == torch.float64
