"""BackPACK: per-sample gradients from its `BatchGrad` extension.

At its best: only the tuned layers are extended. All sentences in one padded batch, a layer's gradients are
multiplied and thrown away in the extension's hook while the backward pass goes on, so that they are never
all in memory; in smaller chunks, sorted by length, less is padded but all gradients must be stored.
"""

import torch
from backpack import backpack, extend
from backpack.extensions import BatchGrad

from benchmarks.inputs import Inputs
from benchmarks.jacobian import Jacobian, products
from benchmarks.settings import Setting, Tuned, tune
from benchmarks.ways import Call


def prepare(setting: Setting, inputs: Inputs, chunk: int) -> Call:
    """Extend the tuned layers."""
    tuned = tune(setting, inputs)
    for layer in tuned.layers.values():
        extend(layer)
    return _contracting(tuned, inputs) if chunk >= len(inputs) else _storing(tuned, inputs, chunk)


def _contracting(tuned: Tuned, inputs: Inputs) -> Call:
    batch = inputs.chunk(range(len(inputs)))

    def kernel() -> torch.Tensor:
        found = torch.zeros(len(inputs), len(inputs), dtype=torch.float64, device=inputs.device)

        def contract(layer: torch.nn.Module) -> None:
            rows = _taken(layer).flatten(1)
            found.add_(products(rows, rows))

        with backpack(BatchGrad(), extension_hook=contract):
            tuned.function(batch.ids, batch.last).sum().backward()
        return found

    return kernel


def _storing(tuned: Tuned, inputs: Inputs, chunk: int) -> Call:
    jacobian = Jacobian(tuned, inputs)
    chunks = inputs.chunks(chunk)
    names: dict[torch.nn.Module, str] = {layer: f"{name}.weight" for name, layer in tuned.layers.items()}

    def kernel() -> torch.Tensor:
        for each in chunks:

            def store(layer: torch.nn.Module, places: torch.Tensor = each.places) -> None:
                jacobian.store(places, {names[layer]: _taken(layer)})

            with backpack(BatchGrad(), extension_hook=store):
                tuned.function(each.ids, each.last).sum().backward()
        return jacobian.gram()

    return kernel


def _taken(layer: torch.nn.Module) -> torch.Tensor:
    """Return the per-sample gradients of a layer's weight and remove them, and the summed one, from it."""
    weight = layer.get_parameter("weight")
    found: torch.Tensor = weight.__dict__.pop("grad_batch")
    weight.grad = None
    return found
