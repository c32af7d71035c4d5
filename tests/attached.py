"""Methods attached to a model as trainable parameters, and their Jacobians by automatic differentiation.

The slow, obvious way: one example at a time, unpacked, parameters in the forward pass. It shares no code
with the library's kernels beyond the drawn factors.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear
from transformers.pytorch_utils import Conv1D

from lintune.methods import (
    IA3,
    SSB,
    SSL,
    Biases,
    Columns,
    DoRA,
    FLoRA,
    Full,
    LoRA,
    Method,
    Norms,
    ParallelAdapter,
    Rows,
    SingularValues,
    TriLoRA,
    Weights,
)
from lintune.prompted import PromptedModel
from lintune.tasks import Examples

Forward = Callable[[torch.Tensor], torch.Tensor]


def jacobians(prompted: PromptedModel, few: Examples, method: Method) -> dict[str, np.ndarray]:
    """Return each logit's gradient for the parameters of each targeted site, `(n, C, P)` by site."""
    model = prompted.pretrained.model
    sites = method.sites(model)
    trained: dict[str, list[torch.Tensor]] = {}
    handles = []
    own = isinstance(method, Full | Biases | Norms)
    for name, site in sites.items():
        if own:
            named = dict(site.module.named_parameters(recurse=False))
            chosen = {key: p for key, p in named.items() if key == "bias" or not isinstance(method, Biases)}
            trained[name] = [parameter.requires_grad_() for parameter in chosen.values()]
        else:
            trained[name], forward = attach(method, name, site.module)
            handles.append(
                site.module.register_forward_hook(lambda _m, given, _y, forward=forward: forward(given[0]))
            )
    unique = {id(p): p for parameters in trained.values() for p in parameters}
    rows = []
    for prompt in prompted.encode(few):
        logits = model(input_ids=torch.tensor([prompt.ids])).logits[0, prompt.readout]
        for label in prompted.label_ids:
            grads = torch.autograd.grad(
                logits[label], list(unique.values()), retain_graph=True, materialize_grads=True
            )
            rows.append(dict(zip(unique, grads, strict=True)))
    model.requires_grad_(False)
    for handle in handles:
        handle.remove()
    n = len(few)
    found = {}
    claimed: set[int] = set()
    for name, parameters in trained.items():  # a shared weight belongs to the first site that has it
        mine = [id(p) for p in parameters if id(p) not in claimed]
        claimed |= set(mine)
        stacked = [torch.cat([row[key].flatten() for key in mine]).numpy() for row in rows]
        found[name] = np.array(stacked).reshape(n, len(rows) // n, -1)
    return found


def gram(jacobian: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Return the kernel `(n, C, n, C)` of gradients `(n, C, P)`."""
    return np.einsum("icp,jdp->icjd", jacobian, jacobian if other is None else other)


def attach(method: Method, name: str, module: nn.Module) -> tuple[list[torch.Tensor], Forward]:
    """Return a method's trainable parameters at a linear layer, and the layer's forward with them."""
    assert isinstance(module, nn.Linear | Conv1D)
    weight = (module.weight.T if isinstance(module, Conv1D) else module.weight).detach()
    bias = None if module.bias is None else module.bias.detach()
    d_out, d_in = weight.shape

    def free(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().clone().to(weight).requires_grad_()

    if isinstance(method, Weights):
        w = free(weight)
        return [w], lambda x: linear(x, w, bias)
    if isinstance(method, Rows | Columns):
        of_rows = isinstance(method, Rows)
        where = method.indices(name, weight if of_rows else weight.T)
        part = free(torch.zeros(len(where), d_in if of_rows else d_out))
        spread = torch.eye(d_out if of_rows else d_in, dtype=weight.dtype)[where]
        change = (lambda: spread.T @ part) if of_rows else (lambda: (spread.T @ part).T)
        return [part], lambda x: linear(x, weight + change(), bias)
    if isinstance(method, LoRA):
        scale = method.alpha / method.rank
        a = free(method.a(name, d_in))
        b = free(torch.zeros(d_out, method.rank) if method.up is None else method.up[name])
        base = weight - scale * b.detach() @ a.detach()
        return [a, b], lambda x: linear(x, base + scale * b @ a, bias)
    if isinstance(method, DoRA):
        scale = method.alpha / method.rank
        drawn = LoRA(method.rank, method.alpha, method.targets, method.seed)
        a, b, m = free(drawn.a(name, d_in)), free(torch.zeros(d_out, method.rank)), free(weight.norm(dim=1))
        direction = lambda: (weight + scale * b @ a) / weight.norm(dim=1)[:, None]  # noqa: E731
        return [a, b, m], lambda x: linear(x, m[:, None] * direction(), bias)
    if isinstance(method, IA3):
        if any(name.endswith(pattern.lstrip("*")) for pattern in method.feedforward):
            inputs = free(torch.ones(d_in))
            return [inputs], lambda x: linear(x * inputs, weight, bias)
        outputs = free(torch.ones(d_out))
        return [outputs], lambda x: linear(x, weight, bias) * outputs
    if isinstance(method, SSL):
        inputs = free(torch.ones(d_in))
        return [inputs], lambda x: linear(x, weight * inputs, bias)
    if isinstance(method, SSB):
        inputs, outputs = free(torch.ones(d_in)), free(torch.ones(d_out))
        return [inputs, outputs], lambda x: linear(x, outputs[:, None] * weight * inputs, bias)
    if isinstance(method, SingularValues):
        u, s, v = torch.linalg.svd(weight, full_matrices=False)
        values = free(s)
        return [values], lambda x: linear(x, u @ torch.diag(values) @ v, bias)
    if isinstance(method, FLoRA | TriLoRA):
        scale = method.alpha / method.rank
        a, b = method.a(name, d_in).to(weight), method.b(name, d_out).to(weight)
        shape = (method.rank, method.rank) if isinstance(method, FLoRA) else (method.rank,)
        middle = free(torch.zeros(shape))
        square = (lambda: middle) if middle.ndim == 2 else (lambda: torch.diag(middle))
        a, b = free(a), free(b)
        return [a, b, middle], lambda x: linear(x, weight + scale * b @ square() @ a, bias)
    assert isinstance(method, ParallelAdapter)
    scale = method.alpha / method.rank
    drawn = LoRA(method.rank, method.alpha, method.targets, method.seed)
    a, b = free(drawn.a(name, d_in)), free(torch.zeros(d_out, method.rank))
    return [a, b], lambda x: linear(x, weight, bias) + scale * linear(torch.relu(linear(x, a)), b)
