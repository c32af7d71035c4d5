"""Fine-tuning beside its linear twin, on tiny models in float64."""

import copy

import numpy as np
import pytest
import torch

from lintune.descent import Recipe, difference, norm
from lintune.errors import DivergedError, InputError
from lintune.finetune import Curvature, Setup, Trajectory, finetune
from lintune.kernels import contrasts, tangent_kernels
from lintune.methods import Biases, DoRA, Full, LoRA, Method, Norms, Rows, Weights
from lintune.prompted import PromptedModel
from lintune.tangents import tunable_layers
from lintune.tasks import Examples, FewShot, Prompt
from tests.tiny import pretrained

PROMPT = Prompt("{text} . it was {label} .", ("terrible", "great", "dull"))
TEXTS = ["a good film", "the plot was very long", "dull", "one great story", "sad music"]
TRAIN = Examples.from_columns({"text": TEXTS}, [1, 0, 2, 1, 0])
TEST = Examples.from_columns({"text": ["very good music", "a bad plot", "not funny"]}, [1, 0, 2])
SPLIT = FewShot(TRAIN, TEST)
LAST = ("*.layers.1.*",)


def function(name: str = "llama") -> PromptedModel:
    return PromptedModel(pretrained(name), PROMPT, longest=32)


def run(recipe: Recipe, method: Method | None = None, **more: object) -> Trajectory:
    chosen = method or Weights(LAST)
    return finetune(Setup.of(function(), chosen, SPLIT), recipe, **more)  # type: ignore[arg-type]


def test_gradient_descent_equals_a_plain_torch_loop() -> None:
    prompted = function()
    found = run(Recipe(1e-3, 4, loss="cross-entropy", strength=0.5))
    model = copy.deepcopy(prompted.pretrained.model).requires_grad_(False)
    layers = {name: layer for name, layer in tunable_layers(model).items() if ".layers.1." in name}
    weights = [site.parameters["weight"].requires_grad_() for site in layers.values()]
    start = [weight.detach().clone() for weight in weights]
    optimiser = torch.optim.SGD(weights, lr=1e-3)
    for _ in range(4):
        optimiser.zero_grad()
        total = torch.zeros((), dtype=torch.float64)
        for prompt, label in zip(prompted.encode(TRAIN), TRAIN.labels, strict=True):
            logits = model(torch.tensor([prompt.ids])).logits[0, prompt.readout, prompted.label_ids]
            total = total + torch.nn.functional.cross_entropy(logits, torch.tensor(int(label)))
        for weight, old in zip(weights, start, strict=True):
            total = total + 0.25 * ((weight - old) ** 2).sum()
        total.backward()
        optimiser.step()
    for name, weight in zip(layers, weights, strict=True):
        torch.testing.assert_close(found.values[f"{name}:weight"], weight.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "method",
    [Weights(LAST), LoRA(2, targets=LAST), Norms(), Rows(2, targets=LAST), Full()],
    ids=lambda method: method.name,
)
def test_the_model_stays_as_it_was(method: Method) -> None:
    prompted = function()
    before = {name: value.clone() for name, value in prompted.pretrained.model.state_dict().items()}
    finetune(Setup.of(prompted, method, SPLIT), Recipe(1e-3, 2, strength=1.0))
    after = prompted.pretrained.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("method", [Weights(LAST), LoRA(2, targets=LAST), Norms()], ids=lambda m: m.name)
def test_a_strong_pull_makes_real_and_linear_one(method: Method) -> None:
    rows = {
        strength: run(Recipe(0.5 / strength, 20, strength=strength), method).rows.iloc[-1]
        for strength in (1e4, 1e5)
    }
    assert rows[1e5].drift / rows[1e4].drift == pytest.approx(0.1, rel=0.05)
    assert rows[1e5].gap / rows[1e4].gap == pytest.approx(0.01, rel=0.1)


def test_what_is_measured_is_what_it_says() -> None:
    prompted, method = function(), Weights(LAST)
    setup = Setup.of(prompted, method, SPLIT)
    attached, train, test = setup.attached, setup.train, setup.test
    recipe = Recipe(1e-3, 3, strength=2.0)
    found = finetune(setup, recipe, curvature=Curvature(attached, train))
    last = found.rows.iloc[-1]
    basis = contrasts(3)
    outputs = attached.outputs(found.values, train).detach().numpy()
    loss = ((outputs - basis[TRAIN.labels]) ** 2).sum() / 2
    drift = norm(difference(found.values, attached.start))
    assert last.loss == pytest.approx(loss, rel=1e-10)
    assert last.drift == pytest.approx(drift, rel=1e-10)
    assert last.objective == pytest.approx(loss + drift**2, rel=1e-10)
    assert found.farthest == pytest.approx(found.rows.drift.max())
    assert found.highest == pytest.approx(found.rows.objective.max())
    scores = attached.outputs(found.values, test).detach().numpy() @ basis.T
    assert last.test_accuracy == pytest.approx((scores.argmax(axis=1) == TEST.labels).mean())
    kernels = tangent_kernels(prompted, TRAIN, methods=[method], outputs=basis).train["weights"].total()
    assert last.kernel_change / last.kernel_drift <= np.linalg.norm(kernels) * (1 + 1e-9)
    assert found.rows.iloc[0].linearisation_error == 0
    assert found.rows.iloc[0].gap == 0


def test_what_leaves_the_span_of_the_gradients_has_a_twin_on_features() -> None:
    for recipe in (
        Recipe(1e-3, 3, optimiser="adam", loss="cross-entropy"),
        Recipe(1e-4, 3, optimiser="signgd", loss="cross-entropy"),
        Recipe(1e-3, 3, optimiser="adam", strength=0.5, pull="projection"),
        Recipe(1e-4, 3, strength=0.5, anchor="zero"),
    ):
        last = run(recipe, LoRA(2, targets=LAST)).rows.iloc[-1]
        assert last.drift > 0
        assert last.gap < last.drift


def test_batches_are_the_same_for_both() -> None:
    rows = run(Recipe(1e-5, 6, batch=2, momentum=0.9, strength=1.0)).rows
    assert (rows.gap[1:] < 1e-2 * rows.drift[1:]).all()


def test_without_a_twin_nothing_of_it_is_measured() -> None:
    rows = run(Recipe(1e-3, 3), at=(1,), twin=False).rows
    assert rows.step.tolist() == [1, 3]
    assert "gap" not in rows


def test_a_run_that_diverges_says_where_and_with_what() -> None:
    with pytest.raises(DivergedError, match=r"at step \d+ of Recipe\(learning_rate=1e\+30, steps=9\)"):
        run(Recipe(1e30, 9), twin=False)


def test_one_class_is_refused_before_training() -> None:
    alone = Examples.from_columns({"text": ["a", "the film"]}, [1, 1])
    with pytest.raises(InputError, match="train holds the class 1 alone"):
        finetune(Setup.of(function(), Weights(LAST), FewShot(alone, TEST)), Recipe(1e-3, 1))


@pytest.mark.parametrize("at", [(-1,), (4,)])
def test_steps_that_are_not_made_cannot_be_measured(at: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="must be steps from 0 to 3"):
        run(Recipe(1e-3, 3), at=at)


def test_a_model_without_what_is_trained_is_refused() -> None:
    with pytest.raises(InputError, match="no biases"):
        run(Recipe(1e-3, 1), Biases())


def test_kernels_of_something_else_are_refused() -> None:
    setup = Setup.of(function(), Weights(LAST), SPLIT)
    basis, recipe = contrasts(3), Recipe(1e-3, 1)
    reversed_train = TRAIN.take([4, 3, 2, 1, 0])
    for method, train, others, message in (
        (LoRA(2), TRAIN, TEST, "not 'weights', which is trained"),
        (Weights(LAST), TRAIN, None, r"for the test examples it is \(5, 2, 3, 2\)"),
        (Weights(LAST), reversed_train, TEST, "other training examples, or in another order"),
    ):
        kernels = tangent_kernels(function(), train, others, methods=[method], outputs=basis)
        with pytest.raises(InputError, match=message):
            finetune(setup, recipe, twin=kernels)


def test_half_precision_is_refused() -> None:
    half = PromptedModel(pretrained("llama", torch.bfloat16), PROMPT, longest=32)
    with pytest.raises(InputError, match="bfloat16, in which small updates are lost"):
        finetune(Setup.of(half, Weights(LAST), SPLIT), Recipe(1e-3, 1), twin=False)


def test_curvature_of_gradients_that_are_no_derivatives_is_refused() -> None:
    setup = Setup.of(function(), DoRA(2, targets=LAST), SPLIT)
    with pytest.raises(InputError, match="'dora-r2' takes a norm for constant"):
        Curvature(setup.attached, setup.train)
