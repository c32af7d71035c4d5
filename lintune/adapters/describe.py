"""What an adapter's file says in words, for a reader without lintune."""

from collections.abc import Mapping
from typing import Any

import torch

from lintune.adapters.adapter import Adapter
from lintune.methods import Columns, Entries, Method, OwnParameters, Rows

_DRAWN = (
    "What the method draws follows from its seed: numbers of torch.Generator('cpu'), seeded with the first "
    "seven bytes, big-endian, of the SHA-256 of '<seed> <name>'; lintune.methods.draws says which of them, "
    "and the name is the layer's unless the method shares its draw among layers."
)
_PICKED = {
    Rows: "picked/LAYER: the indices of the rows of the weight (d_out, d_in) that the tensor 'rows' replaces",
    Columns: "picked/LAYER: the indices of the columns of the weight (d_out, d_in) that 'columns' replaces",
    Entries: "picked/LAYER: the places in the flattened weight (d_out, d_in) that 'entries' replaces",
}


def said(adapter: Adapter) -> dict[str, Any]:
    """Return sentences: what is trained, where it starts, what a layer computes, what is drawn or chosen."""
    method: Any = adapter.method
    words = {"trains": _first_line(type(method)), "starts": _first_line(method.start)}
    if isinstance(method, OwnParameters):
        words["computes"] = (
            "The trained tensors take the places of the layer's own parameters of their names."
        )
    else:
        words["computes"] = _first_line(method.forward)
    if hasattr(method, "seed"):
        words["draws"] = _DRAWN
    if type(method) in _PICKED:
        known = "" if adapter.picks else "; not here: they follow from the rule and the model's weights"
        words["picks"] = _PICKED[type(method)] + known
    return words


def listed(method: Method, values: Mapping[str, torch.Tensor]) -> list[dict[str, Any]]:
    """Return, for each trained tensor, its layer, its short name, its shape and what it is for."""
    rows = []
    for name, value in values.items():
        layer, _, short = name.rpartition(":")
        use = _use(method, layer, short)
        rows.append(
            {"layer": layer, "name": short, "shape": list(value.shape), "dtype": _dtype(value), "use": use}
        )
    return rows


def _use(method: Method, layer: str, short: str) -> str:
    if isinstance(method, OwnParameters):
        return f"takes the place of {layer}.{short}"
    return f"{short} in: {_first_line(method.forward)}"  # type: ignore[attr-defined]


def _dtype(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _first_line(thing: Any) -> str:
    lines = (thing.__doc__ or "").strip().splitlines()
    return lines[0].strip() if lines else ""
