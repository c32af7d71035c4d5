"""A head instead of a prompt: logits by hand, kernels by autograd, fine-tuning, and the model left alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tokenizers import processors

from lintune.descent import Recipe
from lintune.errors import CorruptFileError, InputError
from lintune.finetune import Curvature, Setup, finetune
from lintune.kernels import tangent_kernels
from lintune.methods import Full, LoRA, Method, Weights
from lintune.methods.attached import Attached
from lintune.prompted import HeadedModel, contrasts, probed
from lintune.prompted.with_head import WithHead
from lintune.tangents import Sweep, all_sites
from lintune.tasks import Examples, FewShot
from tests.attached import gram, jacobians
from tests.prompted.heads import NAMES, PADDED, TEST, TRAIN, WIDTH, head, headed, tiny
from tests.tiny import tokenizer

# Soft-capped and ALiBi attention take their softmax in float32 always.
TOLERANCE = {"gemma2-softcap": 1e-5, "bloom-alibi": 1e-5}
SPLIT = FewShot(TRAIN, TEST)
PAIRS = Examples.from_columns({"a": ["the film", "a plot"], "b": ["was good", "was not"]}, [0, 1])


def top(name: str) -> list[str]:
    """Return the names of the last block's linear layers."""
    sites = all_sites(headed(name).pretrained.model).values()
    last = max(site.block for site in sites if site.block is not None)
    return [site.name for site in sites if site.block == last and site.kind == "linear"]


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_the_head_on_the_last_hidden_state_of_each_text_alone(name: str) -> None:
    found, (weight, bias) = headed(name), head()
    assert found.packs == (name not in PADDED)
    place = -1 if found.pretrained.kind == "causal" else 0
    model, words = tiny(name).model, found.pretrained.tokenizer
    for fields, row in zip(TRAIN.fields, found.predict(TRAIN), strict=True):
        with torch.no_grad():
            ids = torch.tensor([words(fields["text"])["input_ids"]])
            hidden = model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0, place]
        torch.testing.assert_close(row, weight @ hidden.double() + bias, rtol=0, atol=1e-5)


def test_the_hidden_state_is_that_after_the_final_norm() -> None:
    model = tiny("llama").model
    seen = []
    handle = model.model.norm.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        found = headed("llama").states(TRAIN.take([0]))
    finally:
        handle.remove()
    torch.testing.assert_close(found[0], seen[-1][0, -1].double())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PADDED])
def test_packed_is_padded(name: str) -> None:
    found = headed(name)
    packed = found.predict(TRAIN), found.states(TRAIN)
    found.packs = False
    for padded, other in zip((found.predict(TRAIN), found.states(TRAIN)), packed, strict=True):
        torch.testing.assert_close(padded, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_kernels_are_those_of_autograd(name: str) -> None:
    found = headed(name)
    methods: list[Method] = [Weights(), LoRA(2, 6, targets=None), Full(), Full(["head"], name="head")]
    kernels = tangent_kernels(found, TRAIN, methods=methods).train
    for method in methods:
        expected = jacobians(found, TRAIN, method)
        kernel = kernels[method.name]
        assert kernel.layers == tuple(expected)
        assert ("head" in expected) == isinstance(method, Full)
        scale = max(np.abs(gram(part)).max() for part in expected.values())
        for layer, block in zip(kernel.layers, kernel.blocks, strict=True):
            atol = TOLERANCE.get(name, 1e-10) * scale
            np.testing.assert_allclose(block, gram(expected[layer]), rtol=0, atol=atol, err_msg=layer)


def test_the_kernel_of_the_head_is_that_of_the_probe() -> None:
    found, basis = headed("opt"), contrasts(3)
    kernel = tangent_kernels(found, TRAIN, methods=[Full(["head"])], outputs=basis).train["full"].total()
    states = found.states(TRAIN).numpy()
    expected = np.einsum("ij,kl->ikjl", states @ states.T + 1, np.eye(2))
    np.testing.assert_allclose(kernel, expected, rtol=1e-10, atol=1e-12)


def test_weights_hold_the_head_where_it_is_named() -> None:
    model = headed("llama").pretrained.model
    assert "head" not in Weights().sites(model)
    assert "head" not in Weights(["*"]).sites(model)
    found = Weights(["*.layers.1.*", "head"])
    assert "head" in found.sites(model)
    kernel = tangent_kernels(headed("llama"), TRAIN, methods=[found]).train["weights"]
    expected = jacobians(headed("llama"), TRAIN, found)
    assert kernel.layers[-1] == "head"
    np.testing.assert_allclose(kernel.blocks[-1], gram(expected["head"]), rtol=1e-10, atol=1e-12)


def test_nothing_below_the_head_is_differentiated_for_the_head_alone() -> None:
    found = headed("llama")
    sites = Full(["head"]).sites(found.pretrained.model)
    sweep = Sweep(found, found.lay_out(found.encode(TRAIN)), sites)
    assert sweep.stages == 1
    assert [list(taps) for taps in sweep] == [["head"]]


@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "bert", "roberta", "encoder", "falcon-in-place"])
def test_the_given_model_stays_as_it_was_and_shares_its_weights(name: str) -> None:
    given = tiny(name).model
    before = {key: value.clone() for key, value in given.state_dict().items()}
    modules, attention = list(given.modules()), given.config._attn_implementation
    found = probed(tiny(name), TRAIN, 3, longest=32)
    finetune(Setup.of(found, Full([*top(name), "head"]), SPLIT), Recipe(1e-3, 2))
    assert all(torch.equal(value, before[key]) for key, value in given.state_dict().items())
    assert list(given.modules()) == modules
    assert given.config._attn_implementation == attention
    assert not any(parameter.requires_grad for parameter in given.parameters())
    own = {id(parameter) for parameter in found.pretrained.model.parameters()}
    assert len(own - {id(parameter) for parameter in given.parameters()}) == 2  # the head's


def test_layers_keep_their_names() -> None:
    for name in ("llama", "gpt-neox", "bert"):
        known = dict(tiny(name).model.named_modules())
        mine = dict(headed(name).pretrained.model.named_modules())
        assert all(known[key] is module for key, module in mine.items() if key not in ("", "head"))


def test_a_pooler_is_left_out() -> None:
    model = headed("encoder").pretrained.model
    assert tiny("encoder").model.pooler is not None
    assert not any("pooler" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize("name", ["opt", "gpt2-conv1d", "bert", "encoder"])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "signgd"])
def test_fine_tuning_starts_from_the_head_beside_a_twin(name: str, optimiser: str) -> None:
    found = headed(name)
    setup = Setup.of(found, Weights([*top(name), "head"]), SPLIT)
    assert setup.attached.frozen_blocks == 1
    weight, _ = head()
    assert torch.equal(setup.attached.start["head:weight"], weight)
    at_start = setup.attached.outputs(setup.attached.start, setup.train)
    torch.testing.assert_close(at_start, found.predict(TRAIN) @ setup.attached.basis, rtol=1e-9, atol=1e-9)
    recipe = Recipe(1e-5, 4, loss="cross-entropy", optimiser=optimiser)  # type: ignore[arg-type]
    run = finetune(setup, recipe, curvature=Curvature(setup.attached, setup.train))
    assert run.rows.loss.iloc[-1] < run.rows.loss.iloc[0]
    assert (run.rows.gap[1:] < 0.1 * run.rows.drift[1:]).all()
    assert not torch.equal(run.values["head:weight"], weight)


def test_the_head_alone_is_linear() -> None:
    setup = Setup.of(headed("bert"), Full(["head"]), SPLIT)
    last = finetune(setup, Recipe(1e-2, 20, loss="cross-entropy")).rows.iloc[-1]
    assert last.drift > 0.1
    assert last.gap < 1e-10 * last.drift
    assert last.test_gap < 1e-10


def test_the_head_of_the_classes_is_computed_whole() -> None:
    found = headed("llama")
    attached = Attached(found, Weights(top("llama")))
    assert len(found.label_ids) == len(found.pretrained.model.get_output_embeddings().weight)
    values = {key: value + 0.1 for key, value in attached.start.items()}
    prepared = attached.prepare(TRAIN)
    rows = torch.cat([attached.outputs(values, prepared, [row]) for row in range(5)])
    torch.testing.assert_close(attached.outputs(values, prepared), rows, rtol=0, atol=1e-6)


def test_another_head_on_the_same_model() -> None:
    found = headed("opt")
    before, (weight, bias) = found.predict(TRAIN), head(2, seed=5)
    other = found.with_head(weight, bias)
    assert other.classes == 2
    torch.testing.assert_close(other.predict(TRAIN), found.states(TRAIN) @ weight.T + bias)
    assert torch.equal(found.predict(TRAIN), before)
    with pytest.raises(InputError, match=r"weight of shape \(2, 15\) must be \(C, 16\)"):
        found.with_head(weight[:, :-1], bias)


def test_fields_are_joined_by_a_space_and_read_at_the_last_token() -> None:
    words = tokenizer()
    for fields, text in ((("a", "b"), "the film was good"), (("b", "a"), "was good the film")):
        found = HeadedModel(tiny("llama"), *head(2), fields, 32)
        prompt = found.encode(PAIRS)[0]
        assert words.decode(list(prompt.ids)) == text
        assert prompt.readout == 3


def test_two_fields_are_a_pair_where_the_tokeniser_makes_pairs() -> None:
    given = tiny("bert")
    joined = HeadedModel(given, *head(2), ("a", "b"), 32).encode(PAIRS)[0]
    assert given.tokenizer.decode(list(joined.ids)) == "[CLS] the film was good [SEP]"
    makes_pairs = type(given.tokenizer)(
        tokenizer_object=type(given.tokenizer.backend_tokenizer).from_str(
            given.tokenizer.backend_tokenizer.to_str()
        ),
        pad_token="[PAD]",
        mask_token="[MASK]",
    )
    makes_pairs.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    paired = HeadedModel(replace(given, tokenizer=makes_pairs), *head(2), ("a", "b"), 32)
    prompt = paired.encode(PAIRS)[0]
    assert makes_pairs.decode(list(prompt.ids)) == "[CLS] the film [SEP] was good [SEP]"
    assert prompt.readout == 0
    long = Examples.from_columns({"a": ["the film"], "b": ["good " * 40]}, [0])
    (cut,) = HeadedModel(replace(given, tokenizer=makes_pairs), *head(2), ("a", "b"), 8).encode(long)
    assert makes_pairs.decode(list(cut.ids)) == "[CLS] the film [SEP] good good good [SEP]"


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_a_long_text_is_cut(name: str) -> None:
    found = headed(name, longest=6)
    (prompt,) = found.encode(Examples.from_fields([{"text": "film " * 40}]))
    assert len(prompt.ids) == 6
    assert prompt.readout == (5 if name == "llama" else 0)


def test_a_text_without_a_token_is_refused() -> None:
    with pytest.raises(InputError, match="hold no token to read"):
        headed("llama").encode(Examples.from_fields([{"text": " "}]))


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="'text'"):
        headed("llama").encode(Examples.from_fields([{"sentence": "good"}]))


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        ((3, WIDTH + 1), (3,), r"weight of shape \(3, 17\) must be \(C, 16\)"),
        ((1, WIDTH), (1,), "at least two classes"),
        ((WIDTH,), (3,), r"weight of shape \(16,\)"),
        ((3, WIDTH), (2,), r"bias of shape \(2,\) must be \(3,\)"),
    ],
)
def test_a_head_of_the_wrong_shape_is_refused(
    weight: tuple[int, ...], bias: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        HeadedModel(tiny("llama"), torch.zeros(weight), torch.zeros(bias), ("text",), 32)


def test_other_arguments_that_are_refused() -> None:
    weight, bias = head()
    with pytest.raises(InputError, match="must be finite"):
        HeadedModel(tiny("llama"), weight * torch.inf, bias, ("text",), 32)
    for fields in ("text", (), ("text", "text")):
        with pytest.raises(InputError, match="must be names in a list"):
            HeadedModel(tiny("llama"), weight, bias, fields, 32)
    with pytest.raises(InputError, match="from 1 to 64"):
        HeadedModel(tiny("llama"), weight, bias, ("text",), 65)


def test_weights_that_are_not_finite_are_refused() -> None:
    broken = replace(tiny("llama"), model=WithHead(tiny("llama").model, *head()))  # type: ignore[arg-type]
    with torch.no_grad():
        found = headed("llama")
        found.pretrained.model.get_parameter("head.weight")[0, 0] = torch.nan
    assert broken.model.get_parameter("head.weight").isfinite().all()
    with pytest.raises(CorruptFileError, match="not finite"):
        found.predict(TRAIN)
