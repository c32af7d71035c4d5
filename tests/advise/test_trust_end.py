"""The probe's linear run goes at the pace of real training, and its end is in one group: both by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lintune.advise import PACE, Candidate, Course, Look, course, probe
from lintune.descent import Recipe
from lintune.kernels import contrasts
from tests.advise.problem import CANDIDATES, EXAMPLES, RECIPE, function, seen
from tests.attached import jacobians, logits

SOME = (CANDIDATES[0], CANDIDATES[6], CANDIDATES[8])
each_kind = pytest.mark.parametrize("candidate", SOME, ids=lambda each: each.name)


def alone(look: Look, candidate: Candidate, recipe: Recipe, whole: bool) -> Course:
    """Return the linear run on all examples, at the pace of the real one."""
    sight = look.at(candidate).whole if whole else look.at(candidate)
    places, rates = np.arange(len(look.labels)), np.array([recipe.learning_rate * PACE[candidate.kind]])
    return course(sight, look.logits, look.labels, places, np.arange(0), recipe=recipe, rates=rates)


@each_kind
@pytest.mark.parametrize("pace", [1.0, 5.0])
def test_the_linear_run_has_a_scale_for_each_group_and_goes_at_the_pace(
    candidate: Candidate, pace: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACE, candidate.kind, pace)
    recipe = replace(RECIPE, learning_rate=0.003, strength=candidate.pull, seed=4)
    found = probe(function(), EXAMPLES, seen(), candidate, recipe, steps=3)
    beside = alone(seen(), candidate, replace(recipe, steps=3), whole=False)
    assert beside.alpha.shape[1] > 1
    np.testing.assert_allclose(found.predicted, beside.batches[0], rtol=1e-12)
    end = alone(seen(), candidate, recipe, whole=True)
    assert found.predicted_end == pytest.approx(end.train[0, -1], rel=1e-9)
    assert found.rate == 0.003


@each_kind
def test_share_and_losses_at_the_end_are_those_of_the_network_there(candidate: Candidate) -> None:
    prompted, basis = function(), contrasts(2)
    recipe = replace(RECIPE, learning_rate=0.005, strength=candidate.pull)
    found = probe(prompted, EXAMPLES, seen(), candidate, recipe, steps=1)
    alpha = alone(seen(), candidate, recipe, whole=True).alpha[0, 0]
    method = candidate.method(prompted.pretrained.model)
    sites = method.sites(prompted.pretrained.model)
    start = {name: dict(method.start(site)) for name, site in sites.items()}
    there, change = {}, np.zeros((len(EXAMPLES), 2))
    for name, each in jacobians(prompted, EXAMPLES, method).items():
        moved = np.einsum("ncp,nc->p", each, alpha @ basis.T)
        change += each @ moved
        sizes = [value.numel() for value in start[name].values()]
        pieces = torch.as_tensor(moved).split(sizes)
        there[name] = {
            key: value + piece.reshape(value.shape)
            for (key, value), piece in zip(start[name].items(), pieces, strict=True)
        }
    rows = []
    for prompt in prompted.encode(EXAMPLES):
        ids = torch.tensor([prompt.ids])
        read = logits(prompted.pretrained.model, method, sites, there, ids)[0, prompt.readout]
        rows.append(read[torch.as_tensor(prompted.label_ids)].detach().numpy())
    real, linear = np.array(rows), seen().logits + change
    off, moved_by = (real - linear) @ basis, change @ basis
    # The norms of llama are computed in float32.
    assert found.share == pytest.approx(np.linalg.norm(off) / np.linalg.norm(moved_by), rel=1e-3)
    for value, outputs in ((found.real_end, real), (found.predicted_end, linear)):
        labels = torch.as_tensor(EXAMPLES.labels)
        loss = torch.nn.functional.cross_entropy(torch.as_tensor(outputs), labels)
        assert value == pytest.approx(loss.item(), rel=1e-5)
