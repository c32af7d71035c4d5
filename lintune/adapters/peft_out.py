"""From an adapter to a model of huggingface peft."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from transformers import PreTrainedModel

from lintune.adapters import peft_forms
from lintune.adapters.adapter import Adapter
from lintune.adapters.fitting import by_layer, check_free, fitted
from lintune.adapters.peft_forms import Form
from lintune.errors import InputError
from lintune.methods import IA3, AdaLoRA, DoRA, LoRA, Method, VeRA
from lintune.tangents import Site, in_order

if TYPE_CHECKING:
    from peft import PeftModel

_NAME = "default"
# What peft has with the same function.
_FORMS: dict[type, Callable[..., Form]] = {
    LoRA: peft_forms.lora,
    DoRA: peft_forms.dora,
    IA3: peft_forms.ia3,
    AdaLoRA: peft_forms.adalora,
    VeRA: peft_forms.vera,
}


def check_peft(method: Method) -> None:
    """Refuse a method that peft does not have with the same function.

    Raises:
        InputError: It is none of LoRA, DoRA, IA3, AdaLoRA and VeRA.
    """
    if type(method) not in _FORMS:
        has = ", ".join(made.__name__ for made in _FORMS)
        raise InputError(
            f"method={method.name!r}: peft has no such method, only {has} compute the same there. Merge it "
            "into plain weights (lintune.adapters.merge), or keep it in lintune's own files (save)."
        )


def to_peft(adapter: Adapter, model: PreTrainedModel) -> "PeftModel":
    """Return a model of peft's that computes what the adapter does; its `save_pretrained` writes its files.

    The adapter has the dtype of the model. What a method adds to the loss in training (a pattern's penalty)
    is no part of the function and is left out.

    Args:
        adapter: Trained by LoRA, DoRA, IA3, AdaLoRA or VeRA.
        model: The pretrained model that training started from; peft puts its layers into it.

    Raises:
        InputError: peft has no such method, or the adapter does not fit the model.
    """
    method = adapter.method
    check_peft(method)
    check_free(model)
    sites = in_order(model, method.sites(model))
    given = by_layer(sites, adapter.values)
    values = {layer: fitted(method, site, given[layer]) for layer, site in sites.items()}
    form = _FORMS[type(method)](method, sites, values)
    return _filled(model, form, sites)


def _filled(model: PreTrainedModel, form: Form, sites: Mapping[str, Site]) -> "PeftModel":
    import peft

    task = "CAUSAL_LM" if model.can_generate() else None
    training = model.training
    config = getattr(peft, form.config)(task_type=task, **form.options)
    adapted: Any = peft.get_peft_model(model, config, _NAME, autocast_adapter_dtype=False)
    layers = tuner_layers(adapted)
    if layers.keys() != sites.keys():
        raise InputError(f"peft took {sorted(layers)[:3]}... for the targets {sorted(sites)[:3]}...")
    with torch.no_grad():
        for layer, here in form.values.items():
            for attribute, value in here.items():
                _fill(getattr(layers[layer], attribute)[_NAME], value)
        for attribute, value in form.shared.items():
            _fill(getattr(adapted.base_model, attribute)[_NAME], value)
    return adapted.train(training)


def _fill(place: Any, value: torch.Tensor) -> None:
    parameter = getattr(place, "weight", place)
    parameter.copy_(value.reshape(parameter.shape))


def tuner_layers(adapted: Any) -> dict[str, Any]:
    """Return the layers that peft changed, by the name of the layer in the pretrained model."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    modules = adapted.base_model.model.named_modules()
    return {name: module for name, module in modules if isinstance(module, BaseTunerLayer)}
