"""Jacobians of models with a method's parameters in them, by automatic differentiation.

The slow, obvious way: one example at a time, unpacked, with each layer's output replaced by what the method
says it is. It shares no code with the gradients that the library's kernels are made of.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch.func import functional_call

from lintune.methods import LayerMethod, Method, OwnParameters
from lintune.prompted import Classifier
from lintune.tangents import Site
from lintune.tasks import Examples

Values = Mapping[str, Mapping[str, torch.Tensor]]


def jacobians(prompted: Classifier, few: Examples, method: Method) -> dict[str, np.ndarray]:
    """Return each logit's gradient for the parameters of each targeted site, `(n, C, P)` by site."""
    sites = method.sites(prompted.pretrained.model)
    values: Values = {name: method.start(site) for name, site in sites.items()}
    leaves = [value.requires_grad_() for here in values.values() for value in here.values()]
    rows = []
    for prompt in prompted.encode(few):
        ids = torch.tensor([prompt.ids])
        read = logits(prompted.pretrained.model, method, sites, values, ids)[0, prompt.readout]
        for label in prompted.label_ids:
            grads = torch.autograd.grad(read[label], leaves, retain_graph=True, materialize_grads=True)
            rows.append(torch.cat([gradient.flatten() for gradient in grads]))
    jacobian = torch.stack(rows).reshape(len(few), -1, sum(leaf.numel() for leaf in leaves))
    sizes = [sum(value.numel() for value in here.values()) for here in values.values()]
    return {name: part.numpy() for name, part in zip(values, jacobian.split(sizes, dim=2), strict=True)}


def logits(
    model: torch.nn.Module, method: Method, sites: Mapping[str, Site], values: Values, ids: torch.Tensor
) -> torch.Tensor:
    """Return the model's logits `(1, T, V)` for tokens `(1, T)`, with given values at the method's sites."""
    if isinstance(method, OwnParameters):
        own = {f"{name}.{key}": value for name, here in values.items() for key, value in here.items()}
        return functional_call(model, own, kwargs={"input_ids": ids}).logits
    forward = cast(LayerMethod, method).forward
    handles = [
        site.module.register_forward_hook(
            lambda _module, given, _output, site=site: forward(site, values[site.name], given[0])
        )
        for site in sites.values()
    ]
    try:
        return model(input_ids=ids).logits
    finally:
        for handle in handles:
            handle.remove()


def gram(jacobian: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Return the kernel `(n, C, n, C)` of gradients `(n, C, P)`."""
    return np.einsum("icp,jdp->icjd", jacobian, jacobian if other is None else other)
