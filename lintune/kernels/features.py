"""Gradients written out as features, for methods that train few parameters: their Gram is the kernel."""

from collections.abc import Iterator

import numpy as np
import torch

from lintune.errors import InputError
from lintune.kernels.optimisers import signs
from lintune.kernels.stream import Stream
from lintune.kernels.written_out import slabs
from lintune.methods import Form, Tangents, Vector
from lintune.prompted import Classifier
from lintune.tangents import HeadTap, LinearTap, NormTap, Site, TableTap, Tap, in_order, linear_weight
from lintune.tasks import Examples


def tangent_features(
    prompted: Classifier,
    examples: Examples,
    *,
    method: Tangents,
    outputs: np.ndarray | None = None,
    batch_tokens: int = 1024,
    memory: int = 6_000_000_000,
    dtype: torch.dtype = torch.float32,
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Return the gradients of all examples written out, batch by batch: the tangent features J.

    The P parameters are those that have a gradient at the method's start (of LoRA's two factors only B).
    They stand layer by layer in the model's order; `feature_layout` says where. Within a layer the
    method's parameters follow each other in the order of its `gradients`, a matrix row by row as
    `(d_out, d_in)`. The features of a layer that the model does not use are zero. J J^T is the kernel
    that `tangent_kernels` computes.

    Args:
        prompted: The function.
        examples: n examples.
        method: A method that trains no look-up table (an embedding, or a head that is not shared).
        outputs: `(C, k)` combinations of the logits; None for the C logits.
        batch_tokens: Most tokens in one forward pass; also sets how many examples come at once.
        memory: Most bytes that the features of one batch may take.
        dtype: Of the features.

    Returns:
        An iterator over `(examples, features)`: which of the examples, consecutive, and their features
        `(b, k, P)` on the model's device. Passes are made as it is advanced.

    Raises:
        InputError: No examples, outputs of the wrong shape, batch_tokens below 1, a dtype that is not
            floating, a method that does not fit, trains a look-up table or enters by signs; or one
            batch's features exceed `memory`. All before the first pass.
    """
    if not dtype.is_floating_point:
        raise InputError(f"dtype={dtype} must be a floating-point type.")
    stream = Stream(prompted, examples, method, outputs, batch_tokens)
    layout = feature_layout(prompted, method)
    size = _end(layout)
    most = max(batch.stop - batch.start for batch in stream.batches)
    needed = most * stream.outputs * size * dtype.itemsize
    if needed > memory:
        raise InputError(
            f"memory={memory}: the features of {most} examples, {stream.outputs} outputs and {size} "
            f"parameters take {needed} bytes; lower batch_tokens={batch_tokens}, or choose a method or "
            "targets with fewer parameters."
        )
    return _batches(stream, layout, dtype, prompted.device)


def feature_layout(prompted: Classifier, method: Tangents) -> dict[str, slice]:
    """Return which features belong to each layer, in the model's order; no pass is made.

    Raises:
        InputError: The method does not fit the model, trains a look-up table, or enters by signs.
    """
    if any(signs(method)):
        raise InputError(
            f"method={method.name!r} enters its kernel by signs; give the method whose gradients are wanted."
        )
    layout: dict[str, slice] = {}
    model = prompted.pretrained.model
    for name, site in in_order(model, method.sites(model)).items():
        start = _end(layout)
        size = sum(_size(form, name, method) for form in method.gradients(_empty(prompted, site)))
        layout[name] = slice(start, start + size)
    return layout


def feature_size(prompted: Classifier, method: Tangents) -> int:
    """Return the number P of features, the parameters that have a gradient at the method's start.

    Raises:
        InputError: As for `feature_layout`.
    """
    return _end(feature_layout(prompted, method))


def _batches(
    stream: Stream, layout: dict[str, slice], dtype: torch.dtype, device: torch.device
) -> Iterator[tuple[slice, torch.Tensor]]:
    for batch in stream.batches:
        shape = (batch.stop - batch.start, stream.outputs, _end(layout))
        features = torch.zeros(shape, dtype=dtype, device=device)
        for layer, forms in stream.gradients(batch):
            start = layout[layer].start
            for slab in (slab for form in forms for slab in slabs(form)):
                features[..., start : start + slab.shape[2]] = slab
                start += slab.shape[2]
        yield batch, features


def _end(layout: dict[str, slice]) -> int:
    return next(reversed(layout.values())).stop if layout else 0


def _size(form: Form, layer: str, method: Tangents) -> int:
    """Return the number of parameters of a form; refuse look-ups."""
    if isinstance(form, Vector):
        return form.v.shape[2]
    if form.x.ndim == 1:
        raise InputError(
            f"method={method.name!r} trains the look-up table {layer!r}, whose gradient written out would "
            "be as large as the table; give targets that leave it out, or use tangent_kernels."
        )
    return form.x.shape[1] * form.g.shape[2]


def _empty(prompted: Classifier, site: Site) -> Tap:
    """Return the tap of a site in a batch without examples: what a method makes of it shows its sizes."""
    weight = linear_weight(site) if site.kind == "linear" else site.module.get_parameter("weight")
    bias = site.parameters.get("bias")
    none = torch.zeros(0, dtype=torch.long, device=weight.device)
    size = weight.shape[-1]
    if site.kind == "linear":
        x, y = weight.new_empty(0, size), weight.new_empty(0, len(weight))
        return LinearTap(site.name, none, y[None], weight, bias, x, y)
    if site.kind == "norm":
        x = weight.new_empty(0, 1, size)
        return NormTap(site.name, none, x[None], weight, bias, x)
    if site.kind == "table":
        return TableTap(site.name, none, weight.new_empty(1, 0, size), weight, none)
    g = weight.new_empty(1, 0, prompted.classes)
    hidden = weight.new_empty(0, size)
    return HeadTap(site.name, none, g, weight, bias, site.tied, prompted.label_ids, hidden)
