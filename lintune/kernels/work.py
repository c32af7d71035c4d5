"""What is computed at each stage of a walk: the share of every kernel that this stage's sites have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from tqdm.auto import tqdm

from lintune.kernels import ranks
from lintune.kernels.contract import Region, Sum, contract, mirrored
from lintune.kernels.optimisers import signs
from lintune.kernels.plan import Pass
from lintune.kernels.result import Result
from lintune.kernels.walk import Walk
from lintune.methods import Tangents
from lintune.prompted import Classifier
from lintune.tangents import Tap, in_order


@dataclass
class _Totals:
    """Inner products of one pass, by method and block, until they are stored.

    Attributes:
        shape: `(rows, k, examples, k)`.
        device: Where they are summed.
        by_key: Sums by method, block, and whether rows and columns have exchanged their signs.
    """

    shape: tuple[int, int, int, int]
    device: torch.device
    by_key: dict[tuple[str, str, bool], torch.Tensor] = field(default_factory=dict)

    def at(self, method: str, block: str, exchanged: bool) -> torch.Tensor:
        """Return a sum, zero at first."""
        key = (method, block, exchanged)
        if key not in self.by_key:
            self.by_key[key] = torch.zeros(self.shape, dtype=torch.float64, device=self.device)
        return self.by_key[key]


class Work:
    """The methods of one computation, and the sites that they look at.

    Attributes:
        sites: All sites of interest by name, in the model's order.
        blocks: Names of the blocks of each method's kernel.
    """

    def __init__(
        self, prompted: Classifier, methods: Mapping[str, Tangents], outputs: int, by_layer: bool
    ) -> None:
        """Find the sites.

        Raises:
            InputError: A method targets nothing, or does not fit what it targets.
        """
        model = prompted.pretrained.model
        self._methods = methods
        self._outputs = outputs
        self._by_layer = by_layer
        self._device = prompted.device
        targets = {name: method.sites(model) for name, method in methods.items()}
        self.sites = in_order(model, *targets.values())
        self._targets = {name: [n for n in self.sites if n in chosen] for name, chosen in targets.items()}
        self.blocks = {name: chosen if by_layer else ["all"] for name, chosen in self._targets.items()}

    def contract(self, walk: Walk, each: Pass, result: Result, bar: "tqdm[Any]") -> None:
        """Add the inner products of one walk to the result."""
        rows, examples = each.rows.stop - each.rows.start, len(walk.lengths)
        region = Region(rows, 0 if each.corner else rows, (ranks.rank(), ranks.count()))
        totals = _Totals((rows, self._outputs, examples, self._outputs), self._device)
        for taps in walk:
            contract(
                [total for tap in taps.values() for total in self._sums(tap, each, totals)],
                walk.lengths,
                region,
            )
            if self._by_layer:
                self._store(totals, each, result)
            bar.update()
            del taps
        self._store(totals, each, result)

    def _sums(self, tap: Tap, each: Pass, totals: _Totals) -> list[Sum]:
        """Return what a site adds to the kernels of all methods."""
        sums = []
        for name, method in self._methods.items():
            if tap.name not in self._targets[name]:
                continue
            forms, signed = method.gradients(tap), signs(method)
            block = tap.name if self._by_layer else "all"
            sums.append(Sum(forms, totals.at(name, block, False), signed))
            if signed[0] != signed[1] and each.columns_are_rows_too:
                # The other half of an asymmetric kernel is no mirror image: it is computed as well.
                sums.append(Sum(forms, totals.at(name, block, True), signed[::-1]))
        return sums

    def _store(self, totals: _Totals, each: Pass, result: Result) -> None:
        """Hand finished sums over to the result."""
        for (name, block, exchanged), total in totals.by_key.items():
            signed = signs(self._methods[name])
            symmetric = signed[0] == signed[1]
            ranks.summed_over_ranks(total)
            if symmetric and each.corner:
                mirrored(total)
            found = total.cpu().numpy()
            if not exchanged:
                result.add(name, block, found, each)
            if symmetric or exchanged:
                result.add_transposed(name, block, found, each)
        totals.by_key.clear()
