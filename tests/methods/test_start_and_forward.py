"""The trained parameters of methods: where they start, and what a layer computes with them."""

import copy
from collections.abc import Callable, Mapping
from typing import cast

import peft
import pytest
import torch
import transformers
from transformers.pytorch_utils import Conv1D

from lintune.errors import InputError
from lintune.methods import (
    IA3,
    METHODS,
    SSB,
    SSL,
    Biases,
    Columns,
    DoRA,
    Entries,
    FLoRA,
    Full,
    LayerMethod,
    LoRA,
    Method,
    OwnParameters,
    ParallelAdapter,
    Rows,
    SingularValues,
    TriLoRA,
    VeRA,
    Weights,
    draws,
)
from lintune.tangents import Site, all_sites, linear_weight, tunable_layers
from tests.attached import logits
from tests.kernels.test_engine import METHODS_AT_HAND
from tests.tiny import ARCHITECTURES, pretrained

IDS = torch.tensor([[5, 9, 11, 7, 20]])
Values = dict[str, torch.Tensor]


def model_of(architecture: str, dtype: torch.dtype = torch.float64) -> transformers.PreTrainedModel:
    return pretrained(architecture, dtype).model


def methods_for(architecture: str) -> list[Method]:
    """Return all methods that fit; IA3 scales the inputs of the last layer and all other outputs."""
    model = model_of(architecture)
    with_biases = any("bias" in site.parameters for site in all_sites(model).values())
    fitting = [m for m in METHODS_AT_HAND if with_biases or not isinstance(m, Biases)]
    *_, last = tunable_layers(model)
    return [*fitting, IA3(("*",), (last,)), lora_with_factors(model)]


def lora_with_factors(model: transformers.PreTrainedModel) -> LoRA:
    """Return LoRA away from its start, with factors in float32 on every layer."""
    shapes = {name: linear_weight(site).shape for name, site in tunable_layers(model).items()}
    down = {name: draws.gaussian(1, name, (2, shape[1])) for name, shape in shapes.items()}
    up = {name: draws.gaussian(2, name, (shape[0], 2)) for name, shape in shapes.items()}
    return LoRA(rank=2, alpha=3, targets=None, down=down, up=up)


def layer_methods(architecture: str) -> list[LayerMethod]:
    return [cast(LayerMethod, m) for m in methods_for(architecture) if not isinstance(m, OwnParameters)]


def inputs(site: Site, seed: int = 0) -> torch.Tensor:
    d_in = linear_weight(site).shape[1]
    return torch.randn(2, 3, d_in, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moved(values: Mapping[str, torch.Tensor], by: float = 0.3, seed: int = 1) -> Values:
    """Return the values with noise."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: value + by * torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value)
        for name, value in values.items()
    }


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-12) -> None:
    assert found.shape == expected.shape
    scale = float(expected.detach().abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * scale)


def test_every_method_is_looked_at() -> None:
    assert {type(method) for method in methods_for("bert")} == set(METHODS.values())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_model_at_the_start_is_the_pretrained_one(architecture: str) -> None:
    model = model_of(architecture)
    expected = model(input_ids=IDS).logits
    for method in methods_for(architecture):
        sites = method.sites(model)
        values = {name: method.start(site) for name, site in sites.items()}
        close(logits(model, method, sites, values, IDS), expected)
        changed = {name: moved(here) for name, here in values.items()}
        assert (logits(model, method, sites, changed, IDS) - expected).abs().max() > 1e-3, method.name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_starting_values_have_the_declared_size(architecture: str) -> None:
    for method in methods_for(architecture):
        for site in method.sites(model_of(architecture)).values():
            values = method.start(site)
            assert sum(value.numel() for value in values.values()) == method.parameters(site), method.name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_starting_values_are_plain_tensors_of_the_models_dtype(dtype: torch.dtype) -> None:
    for method in methods_for("gpt2-conv1d"):
        for site in method.sites(model_of("gpt2-conv1d", dtype)).values():
            for value in method.start(site).values():
                assert type(value) is torch.Tensor
                assert value.dtype == dtype
                assert value.is_contiguous()
                assert not value.requires_grad


@pytest.mark.parametrize("architecture", ["qwen2", "gpt2-conv1d", "roberta"])
def test_changing_the_starting_values_changes_neither_model_nor_method(architecture: str) -> None:
    model = model_of(architecture)
    before = copy.deepcopy(model.state_dict())
    for method in methods_for(architecture):
        for site in method.sites(model).values():
            expected = copy.deepcopy(method.start(site))
            for value in method.start(site).values():
                value.add_(1)
            for name, value in method.start(site).items():
                assert torch.equal(value, expected[name]), (method.name, site.name, name)
    for name, parameter in model.state_dict().items():
        assert torch.equal(parameter, before[name])


def test_own_parameters_are_those_of_the_name() -> None:
    head = all_sites(model_of("bert"))["cls.predictions.decoder"]  # its weight is the embedding's
    assert head.tied
    assert list(Full().start(head)) == ["bias"]
    for site in tunable_layers(model_of("bert")).values():
        assert list(Full().start(site)) == ["weight", "bias"]
        assert list(Weights().start(site)) == ["weight"]
        assert list(Biases().start(site)) == ["bias"]


@pytest.mark.parametrize("architecture", ["llama", "gpt2-conv1d", "bert"])
def test_forward_at_the_start_equals_the_layer(architecture: str) -> None:
    for method in layer_methods(architecture):
        for site in method.sites(model_of(architecture)).values():
            x = inputs(site)
            close(method.forward(site, method.start(site), x), site.module(x))


@pytest.mark.parametrize("architecture", ["llama", "gpt2-conv1d", "bert"])
def test_forward_away_from_the_start_equals_the_changed_weight(architecture: str) -> None:
    for method in layer_methods(architecture):
        for site in method.sites(model_of(architecture)).values():
            values, x = moved(method.start(site)), inputs(site)
            close(method.forward(site, values, x), written_out(method, site, values, x))


def written_out(method: Method, site: Site, values: Values, x: torch.Tensor) -> torch.Tensor:
    """Return the layer's output by a weight that is written out and changed."""
    weight = linear_weight(site).detach().clone()
    bias = site.parameters.get("bias", torch.zeros(()))
    if isinstance(method, ParallelAdapter):
        hidden = (x @ values["A"].T).clamp(min=0)
        return x @ weight.T + bias + method.alpha / method.rank * hidden @ values["B"].T
    if isinstance(method, IA3):
        if "inputs" in values:
            return (x * values["inputs"]) @ weight.T + bias
        return (x @ weight.T + bias) * values["outputs"]
    if isinstance(method, Rows):
        weight[method.indices(site.name, weight)] = values["rows"]
    elif isinstance(method, Columns):
        weight[:, method.indices(site.name, weight.T)] = values["columns"]
    elif isinstance(method, Entries):
        places = method.places(site.name, weight)
        weight[places // weight.shape[1], places % weight.shape[1]] = values["entries"]
    elif isinstance(method, VeRA):
        d_out, d_in = weight.shape
        b, a = method.factors(d_out, d_in, weight)
        a = (6 / d_in) ** 0.5 * a
        weight += torch.diag(values["b"]) @ b @ torch.diag(values["d"]) @ a
    elif isinstance(method, SSL | SSB):
        weight = values.get("outputs", torch.ones(1))[:, None] * weight * values["inputs"]
    elif isinstance(method, SingularValues):
        u, _, v = torch.linalg.svd(weight, full_matrices=False)
        weight = u @ torch.diag(values["s"]) @ v
    elif isinstance(method, FLoRA | TriLoRA):
        middle = values["M"] if isinstance(method, FLoRA) else torch.diag(values["M"])
        weight += method.alpha / method.rank * values["B"] @ middle @ values["A"]
    else:
        assert isinstance(method, LoRA | DoRA)
        start = method.start(site)
        weight += method.alpha / method.rank * (values["B"] @ values["A"] - start["B"] @ start["A"])
        if isinstance(method, DoRA):
            weight *= (values["m"] / weight.norm(dim=1))[:, None]
    return x @ weight.T + bias


def differentiated(method: LayerMethod, site: Site, values: Values) -> tuple[Values, Callable]:
    """Return a layer's output as a function of the values, those along which differences are the derivative.

    DoRA's derivative leaves the norm of its direction constant: only its magnitudes are among them.
    """
    free = {name: value for name, value in values.items() if not isinstance(method, DoRA) or name == "m"}
    return free, lambda part: method.forward(site, values | part, inputs(site))


@pytest.mark.parametrize("architecture", ["llama", "gpt2-conv1d"])
def test_forward_mode_derivatives_equal_finite_differences(architecture: str) -> None:
    for method in layer_methods(architecture):
        site = next(iter(method.sites(model_of(architecture)).values()))
        values, function = differentiated(method, site, moved(method.start(site)))
        along = moved({name: torch.zeros_like(value) for name, value in values.items()}, by=1.0, seed=2)
        found = torch.func.jvp(function, (values,), (along,))[1]
        close(found, central_difference(function, values, along), 1e-8)


def test_second_derivatives_equal_finite_differences() -> None:
    for method in layer_methods("gpt2-conv1d"):
        site = next(iter(method.sites(model_of("gpt2-conv1d")).values()))
        values, function = differentiated(method, site, moved(method.start(site)))
        along = moved({name: torch.zeros_like(value) for name, value in values.items()}, by=1.0, seed=2)

        def slope(part: Values, function: Callable = function) -> Values:
            return torch.func.grad(lambda given: function(given).pow(3).sum())(part)

        curved = torch.func.jvp(slope, (values,), (along,))[1]
        for name in values:
            expected = central_difference(lambda part, name=name: slope(part)[name], values, along)
            close(curved[name], expected, 1e-7)


def central_difference(function: Callable, values: Values, along: Values, step: float = 1e-5) -> torch.Tensor:
    ahead, behind = (
        {name: value + sign * step * along[name] for name, value in values.items()} for sign in (1, -1)
    )
    return (function(ahead) - function(behind)) / (2 * step)


def test_forward_and_reverse_mode_agree_for_every_value() -> None:
    """DoRA's factors among them, whose norm neither mode differentiates."""
    for method in layer_methods("llama"):
        site = next(iter(method.sites(model_of("llama")).values()))
        values = moved(method.start(site))
        for name, value in values.items():

            def function(
                part: torch.Tensor,
                of: LayerMethod = method,
                site: Site = site,
                values: Values = values,
                name: str = name,
            ) -> torch.Tensor:
                return of.forward(site, values | {name: part}, inputs(site))

            along = moved({"": torch.zeros_like(value)}, by=1.0, seed=3)[""]
            output, forward = torch.func.jvp(function, (value,), (along,))[:2]
            back = moved({"": torch.zeros_like(output)}, by=1.0, seed=4)[""]
            reverse = torch.func.vjp(function, value)[1](back)[0]
            close((forward * back).sum(), (along * reverse).sum(), 1e-10)


def test_many_values_at_once_by_vmap() -> None:
    for method in [*layer_methods("llama"), LoRA(rank=2, up=lora_with_factors(model_of("llama")).up)]:
        site = next(iter(method.sites(model_of("llama")).values()))
        x, start = inputs(site), method.start(site)
        each = [moved(start, seed=seed) for seed in range(3)]
        together = {name: torch.stack([values[name] for values in each]) for name in start}
        found = torch.func.vmap(lambda values, m=method, s=site, x=x: m.forward(s, values, x))(together)
        close(found, torch.stack([method.forward(site, values, x) for values in each]))


@pytest.mark.parametrize("architecture", ["llama", "gpt2-conv1d"])
def test_singular_vectors_found_inside_a_transform_outlive_it(architecture: str) -> None:
    site = next(iter(tunable_layers(model_of(architecture)).values()))
    method, start = SingularValues(), SingularValues().start(site)
    function = lambda values: method.forward(site, values, inputs(site)).pow(2).sum()  # noqa: E731
    torch.func.jvp(torch.func.grad(function), (start,), (start,))
    assert torch.equal(copy.deepcopy(method).start(site)["s"], start["s"])
    close(
        torch.func.jvp(function, (start,), (start,))[1], (torch.func.grad(function)(start)["s"] @ start["s"])
    )


def test_nothing_is_written_over() -> None:
    for method in layer_methods("bert"):
        site = next(iter(method.sites(model_of("bert")).values()))
        values, x = moved(method.start(site)), inputs(site)
        before = [x.clone(), *(value.clone() for value in values.values())]
        weight = linear_weight(site).clone()
        method.forward(site, values, x)
        after = [x, *values.values()]
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        assert torch.equal(weight, linear_weight(site))


def test_a_patched_layer_is_not_called() -> None:
    model = copy.deepcopy(model_of("llama"))
    method = LoRA(rank=2)
    for site in method.sites(model).values():
        site.module.forward = lambda _x: pytest.fail("called")
        method.forward(site, method.start(site), inputs(site))


def peft_model(architecture: str, config: peft.PeftConfig) -> tuple[peft.PeftModel, dict[str, Values]]:
    """Return a model of peft's with noise on all that it trains, which comes by layer and short name."""
    adapted = peft.get_peft_model(copy.deepcopy(model_of(architecture)), config).double().eval()
    found: dict[str, Values] = {}
    generator = torch.Generator().manual_seed(0)
    for name, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            layer, _, kind = name.removeprefix("base_model.model.").rpartition(".default")[0].rpartition(".")
            scaled = "inputs" if len(parameter) == 1 else "outputs"  # (1, d_in) or (d_out, 1)
            short = {"lora_A": "A", "lora_B": "B", "lora_magnitude_vector": "m", "ia3_l": scaled}[kind]
            found.setdefault(layer, {})[short] = parameter
    return adapted, found


def copied(theirs: dict[str, Values]) -> dict[str, Values]:
    """Return copies of peft's values in the shapes that methods give them."""
    return {
        layer: {
            short: value.detach().clone().flatten()
            if short in ("inputs", "outputs")
            else value.detach().clone()
            for short, value in here.items()
        }
        for layer, here in theirs.items()
    }


PEFT_CASES: list[tuple[str, Method, peft.PeftConfig]] = [
    *(
        (
            architecture,
            made(rank=2, alpha=8, targets=[f"*.{name}" for name in names]),
            peft.LoraConfig(
                r=2,
                lora_alpha=8,
                target_modules=names,
                use_dora=made is DoRA,
                fan_in_fan_out=architecture == "gpt2-conv1d",
            ),
        )
        for architecture, names in (
            ("llama", ["q_proj", "v_proj"]),
            ("gpt2-conv1d", ["c_attn"]),
            ("opt", ["q_proj", "fc1"]),
        )
        for made in (LoRA, DoRA)
    ),
    *(
        (
            architecture,
            IA3([f"*.{name}" for name in names], [f"*.{last}"]),
            peft.IA3Config(
                target_modules=[*names, last],
                feedforward_modules=[last],
                fan_in_fan_out=architecture == "gpt2-conv1d",
            ),
        )
        for architecture, names, last in (
            ("llama", ["k_proj", "v_proj"], "down_proj"),
            ("gpt2-conv1d", ["c_attn"], "mlp.c_proj"),
            ("opt", ["k_proj", "v_proj"], "fc2"),
        )
    ),
]


@pytest.mark.parametrize(("architecture", "method", "config"), PEFT_CASES)
def test_away_from_the_start_outputs_and_gradients_are_those_of_peft(
    architecture: str, method: Method, config: peft.PeftConfig
) -> None:
    model = model_of(architecture)
    adapted, theirs = peft_model(architecture, config)
    values, sites = copied(theirs), method.sites(model)
    assert values.keys() == sites.keys()
    found, expected = logits(model, method, sites, tracked(values), IDS), adapted(input_ids=IDS).logits
    assert (expected - model(input_ids=IDS).logits).abs().max() > 0.01
    close(found, expected)
    found.pow(2).sum().backward()
    expected.pow(2).sum().backward()
    for layer, here in values.items():
        for short, value in here.items():
            gradient, their_gradient = value.grad, theirs[layer][short].grad
            assert gradient is not None
            assert their_gradient is not None
            close(gradient, their_gradient.reshape(gradient.shape), 1e-10)


def tracked(values: dict[str, Values]) -> dict[str, Values]:
    """Return the same values, now with gradients."""
    return {layer: {short: v.requires_grad_() for short, v in here.items()} for layer, here in values.items()}


def test_lora_with_factors_goes_on_where_a_merged_peft_model_is() -> None:
    config = peft.LoraConfig(r=2, lora_alpha=8, target_modules=["q_proj", "v_proj"])
    adapted, theirs = peft_model("llama", config)
    merged, start = copy.deepcopy(adapted).merge_and_unload(), copied(theirs)
    down, up = ({layer: here[short] for layer, here in start.items()} for short in ("A", "B"))
    method = LoRA(rank=2, alpha=8, down=down, up=up)
    now = {layer: moved(here) for layer, here in start.items()}
    for layer, here in now.items():
        for short, value in here.items():
            theirs[layer][short].data.copy_(value)
    close(logits(merged, method, method.sites(merged), now, IDS), adapted(input_ids=IDS).logits)


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [
        (LoRA(rank=2), {"A": (2, 16)}, r"values=\{'A': \(2, 16\)\} at 'model.layers.0.self_attn.q_proj'"),
        (LoRA(rank=2), {"A": (2, 16), "B": (16, 3)}, r"trains \{'B': \(16, 2\), 'A': \(2, 16\)\}"),
        (DoRA(rank=2), {"A": (2, 16), "B": (16, 2)}, r"'m': \(16,\)"),
        (SSL(), {"inputs": (1,)}, r"'inputs': \(16,\)"),
        (SSB(), {"inputs": (16,)}, r"'outputs': \(16,\)"),
        (IA3(("*.q_proj",), ("*.down_proj",)), {"inputs": (16,)}, r"'outputs': \(16,\)"),
        (Rows(2), {"rows": (1, 16)}, r"'rows': \(2, 16\)"),
        (Columns(2), {"columns": (2, 16)}, r"'columns': \(16, 2\)"),
        (SingularValues(), {"s": ()}, r"'s': \(16,\)"),
        (FLoRA(rank=2), {"M": (2,), "A": (2, 16), "B": (16, 2)}, r"'M': \(2, 2\)"),
        (TriLoRA(rank=2), {"M": (1,), "A": (2, 16), "B": (16, 2)}, r"'M': \(2,\)"),
        (ParallelAdapter(rank=2), {}, r"values=\{\}"),
    ],
)
def test_values_of_other_names_or_shapes_are_refused(
    method: LayerMethod, values: dict[str, tuple[int, ...]], message: str
) -> None:
    site = method.sites(model_of("llama"))["model.layers.0.self_attn.q_proj"]
    with pytest.raises(InputError, match=message):
        method.forward(site, {name: torch.ones(shape) for name, shape in values.items()}, inputs(site))


def test_the_transposed_layers_are_among_those_looked_at() -> None:
    assert all(isinstance(s.module, Conv1D) for s in tunable_layers(model_of("gpt2-conv1d")).values())
