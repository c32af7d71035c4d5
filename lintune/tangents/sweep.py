"""One forward pass and one backward pass per output: what every site of a model sees, stage by stage.

For a linear layer y = W x inside the network, the gradient of a logit f_c of one example for W is the
sum over its tokens t of g_t x_t^T with g_t = df_c / dy_t. So inputs x and output gradients g are all
that is needed; no gradient of a weight is ever formed, and weights stay frozen.

Examples of a packed batch share nothing, so the gradient of the sum of f_c over the batch holds each
example's own gradient in the rows of its own tokens.
"""

from collections.abc import Iterator, Mapping

import torch

from lintune.prompted import Batch, Classifier
from lintune.tangents.chain import Chain, Stage, hidden_of
from lintune.tangents.observe import observing
from lintune.tangents.reading import Reader
from lintune.tangents.sites import Site, blocks_of, is_tied
from lintune.tangents.taps import Tap


class Sweep:
    """A forward pass of one batch whose sites can be read off from the output down to the input.

    Attributes:
        batch: The batch.
        logits: `(n, C)` label-word logits, detached.
    """

    def __init__(
        self,
        prompted: Classifier,
        batch: Batch,
        sites: Mapping[str, Site],
        outputs: torch.Tensor | None = None,
        *,
        recompute: bool = False,
    ) -> None:
        """Run the forward pass.

        Args:
            prompted: The function whose tangents are wanted.
            batch: Its prompts, laid out.
            sites: The sites to look at, at least one.
            outputs: `(C, k)` combinations of the C logits to differentiate; None for the logits themselves.
            recompute: Keep only the inputs of the blocks, and run each block again in the backward walk:
                a small part of the memory for a third more work.

        Raises:
            InputError: A site is used more than once in a forward pass, or the blocks are no plain chain.
        """
        self.batch = batch
        self._prompted = prompted
        self._sites = with_tied_head(prompted, sites)
        blocks = blocks_of(prompted.pretrained.model)
        lowest = min(_lowest_stage(site, len(blocks)) for site in self._sites.values())
        self._chain = Chain(blocks, lowest, recompute)
        with observing(self._sites.values(), self._chain.notes), self._chain.cutting():
            f = prompted.logits(batch)
        self.logits = f.detach()
        with torch.enable_grad():
            combined = f if outputs is None else f @ outputs.to(f)
            self._totals = list(combined.sum(dim=0))
        self._wanted = set(sites)

    def __iter__(self) -> Iterator[dict[str, Tap]]:
        """Yield each stage's taps by site, from the last stage to the lowest that has any; once only.

        Sites that the forward pass did not use have no tap.
        """
        reader = Reader(self._prompted, self.batch, self._sites)
        above: list[torch.Tensor] = self._totals
        cotangents: list[torch.Tensor | None] = [None] * len(above)
        lowest = self._lowest()
        for number in range(max(self._chain.stages), lowest - 1, -1):
            stage = self._chain.stages[number]
            self._restore(number, stage)
            if stage.above is not None:
                above = [stage.above] * len(above)
            below = [stage.below] if number > lowest and stage.below is not None else []
            ends = [seen.y for seen in stage.seen.values()]
            entries = [seen.entry for seen in stage.seen.values() if seen.entry is not None]
            grads = _gradients(above, cotangents, ends + entries + below)
            taps = reader.taps(stage.seen, grads)
            cotangents = [found[-1] for found in grads] if below else []
            # The graph of this stage, and later its taps, are free from here on.
            stage = self._chain.stages[number] = Stage()
            del grads, ends, entries
            yield {name: taps.pop(name) for name in list(taps) if name in self._wanted}
            del taps

    def _restore(self, number: int, stage: Stage) -> None:
        """Run a stage again if its graph was not kept."""
        if stage.again is None:
            return
        self._chain.now = number
        here = [site for site in self._sites.values() if site.block == number - 1]
        attending = self._prompted.attending(self.batch)
        with observing(here, self._chain.notes), attending, torch.enable_grad():
            stage.above = hidden_of(stage.again())

    @property
    def stages(self) -> int:
        """How many stages there are from the model's output down to the lowest site."""
        return max(self._chain.stages) - self._lowest() + 1

    def _lowest(self) -> int:
        """Return the lowest stage with a site; where one outside the blocks lies, the pass has shown."""
        again = [
            site.block + 1
            for site in self._sites.values()
            if site.block is not None and self._chain.stages[site.block + 1].again is not None
        ]
        seen = [number for number, stage in self._chain.stages.items() if stage.seen]
        return min(again + seen, default=max(self._chain.stages))


def _lowest_stage(site: Site, blocks: int) -> int:
    """Return the lowest stage in which a site may lie; one outside the blocks may lie before them."""
    if site.kind == "head":
        return blocks + 1
    return 0 if site.block is None else site.block + 1


def with_tied_head(prompted: Classifier, sites: Mapping[str, Site]) -> dict[str, Site]:
    """Return the sites, and the head too where it shares the weight of an embedding among them."""
    model = prompted.pretrained.model
    head = model.get_output_embeddings()
    table = model.get_input_embeddings()
    if is_tied(model) and any(site.module is table for site in sites.values()):
        name = next(name for name, module in model.named_modules() if module is head)
        return {**sites, name: Site(name, "head", head, None, tied=True)}
    return dict(sites)


def _gradients(
    above: list[torch.Tensor], cotangents: list[torch.Tensor | None], wanted: list[torch.Tensor]
) -> list[tuple[torch.Tensor, ...]]:
    """Return the gradients of each output at each wanted place; zeros where it has no influence."""
    last = len(above) - 1
    if not wanted:
        return [() for _ in above]
    return [
        torch.autograd.grad(output, wanted, cotangent, retain_graph=place < last, materialize_grads=True)
        for place, (output, cotangent) in enumerate(zip(above, cotangents, strict=True))
    ]
