"""From what a site saw in the graph to its tap: rows of real tokens, in the weights' own terms."""

from collections.abc import Mapping, Sequence

import torch
from torch.func import functional_call

from lintune.errors import InputError
from lintune.prompted import Batch, Classifier
from lintune.tangents.observe import Seen
from lintune.tangents.sites import Site, linear_weight
from lintune.tangents.taps import HeadTap, LinearTap, NormTap, TableTap, Tap, owners

_Flat = dict[tuple[int, torch.Size], torch.Tensor]


class Reader:
    """Makes the taps of one batch, from the last stage to the first."""

    def __init__(self, prompted: Classifier, batch: Batch, sites: Mapping[str, Site]) -> None:
        """Read taps of these sites."""
        self._prompted = prompted
        self._batch = batch
        self._sites = sites
        self._head: HeadTap | None = None

    def taps(self, seen: Mapping[str, Seen], grads: Sequence[Sequence[torch.Tensor]]) -> dict[str, Tap]:
        """Return the taps of one stage.

        Args:
            seen: What the stage's sites saw.
            grads: For each of the k outputs, the gradients at the sites' outputs in their order, then at
                their entries in the order of those that have one.
        """
        flat: _Flat = {}  # q, k and v are given the same tensor: flatten it once
        entries = iter(range(len(seen), len(grads[0])))
        made = {}
        for place, (name, saw) in enumerate(seen.items()):
            slabs = [found[place] for found in grads]
            entry = None if saw.entry is None else next(entries)
            back = None if entry is None else [found[entry] for found in grads]
            made[name] = self._tap(self._sites[name], saw, slabs, back, flat)
        return made

    def _tap(
        self,
        site: Site,
        saw: Seen,
        slabs: list[torch.Tensor],
        back: list[torch.Tensor] | None,
        flat: _Flat,
    ) -> Tap:
        if site.kind == "head":
            return self._head_tap(site, saw, slabs)
        self._check(site, saw.given)
        g = self._rows(slabs)
        if site.kind == "linear":
            return self._linear_tap(site, saw, g, None if back is None else self._rows(back), flat)
        return self._norm_tap(site, saw, g) if site.kind == "norm" else self._table_tap(site, saw, g)

    def _rows(self, slabs: list[torch.Tensor]) -> torch.Tensor:
        """Return gradients for each output as rows of real tokens, `(k, N, d)`."""
        return _stacked([self._batch.flatten(slab) for slab in slabs])

    def _linear_tap(
        self, site: Site, saw: Seen, g: torch.Tensor, back: torch.Tensor | None, flat: _Flat
    ) -> Tap:
        key = (saw.given.data_ptr(), saw.given.shape)
        if key not in flat:
            flat[key] = _wide(self._batch.flatten(saw.given))
        return LinearTap(
            site.name,
            self._batch.lengths,
            g,
            weight=_wide(linear_weight(site)),
            bias=site.parameters.get("bias"),
            x=flat[key],
            y=_wide(self._batch.flatten(saw.y.detach())) if saw.y._version == saw.version else None,
            back=back,
        )

    def _norm_tap(self, site: Site, saw: Seen, g: torch.Tensor) -> Tap:
        weight = site.parameters["weight"]
        x = self._batch.flatten(_normalised(site, saw.given))
        return NormTap(
            site.name,
            self._batch.lengths,
            g.unflatten(-1, (-1, len(weight))),
            weight=weight,
            bias=site.parameters.get("bias"),
            x=_wide(x).unflatten(-1, (-1, len(weight))),
        )

    def _table_tap(self, site: Site, saw: Seen, g: torch.Tensor) -> Tap:
        rows, lengths = self._batch.flatten(saw.given)[:, 0], self._batch.lengths
        padding = getattr(site.module, "padding_idx", None)
        if padding is not None:  # its row is never trained
            g = g * (rows != padding)[:, None]
        is_input = site.module is self._prompted.pretrained.model.get_input_embeddings()
        if is_input and self._head is not None:
            head_rows, head_g, head_lengths = self._head.lookups()
            order = torch.cat([owners(lengths), owners(head_lengths)]).argsort(stable=True)
            rows = torch.cat([rows, head_rows])[order]
            g = torch.cat([g, head_g], dim=1)[:, order]
            lengths = lengths + head_lengths
        return TableTap(site.name, lengths, g, weight=site.parameters["weight"], rows=rows)

    def _head_tap(self, site: Site, saw: Seen, slabs: list[torch.Tensor]) -> Tap:
        batch, labels = self._batch, self._prompted.label_ids
        tap = HeadTap(
            site.name,
            torch.ones_like(batch.lengths),
            _stacked([batch.at_readout(slab)[:, labels] for slab in slabs]),
            weight=site.module.get_parameter("weight"),
            bias=site.parameters.get("bias"),
            tied=site.tied,
            labels=labels,
            hidden=_wide(batch.at_readout(saw.given)),
        )
        self._head = tap if site.tied else None
        return tap

    def _check(self, site: Site, given: torch.Tensor) -> None:
        """Refuse a site that is not applied to each token of the batch."""
        layout = self._batch.ids.shape
        per_token = given.shape[: len(layout)] == layout or given.shape[0] == layout.numel()
        if not per_token or (site.kind == "table" and given.numel() != layout.numel()):
            raise InputError(
                f"{site.name!r} is given {tuple(given.shape)}, not one row per token of a batch "
                f"{tuple(layout)}; leave it out."
            )


def _normalised(site: Site, given: torch.Tensor) -> torch.Tensor:
    """Return what a norm multiplies by its gains.

    Norms are affine in their gains (some multiply by 1 + w): the difference between gains one and zero.
    """
    ends = []
    with torch.no_grad():
        for gain in (1.0, 0.0):
            values = {name: torch.zeros_like(value) for name, value in site.parameters.items()}
            values["weight"] = torch.full_like(site.parameters["weight"], gain)
            ends.append(functional_call(site.module, values, (given,)))
    return ends[0] - ends[1]


def _stacked(slabs: list[torch.Tensor]) -> torch.Tensor:
    """Return the slabs as one tensor `(k, ...)`, a single one without a copy."""
    return _wide(torch.stack(slabs) if len(slabs) > 1 else slabs[0][None])


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor in float32 at least: a model in half precision is no reason to sum in it."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
