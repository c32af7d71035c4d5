"""What a method computes: the pretrained function at the start, another one elsewhere."""

import torch

from lintune.checks.result import Property
from lintune.checks.subject import Subject, changes_layers, in_dtype, moved, relative
from lintune.methods.attached import Attached


def pretrained(subject: Subject) -> Property:
    """Ask that the attached model at the start is the pretrained one, in float64."""
    apart = _from_pretrained(subject.attached, subject)
    return Property(apart, 1e-10, note="float64, relative to the logits")


def pretrained_single(subject: Subject) -> Property:
    """Ask the same in float32."""
    attached = Attached(in_dtype(subject.prompted, torch.float32), subject.method)
    apart = _from_pretrained(attached, subject)
    return Property(apart, 1e-6, note="relative to the logits")


def matters(subject: Subject) -> Property:
    """Ask that changing the values of any one name changes the function, from values that are no zeros.

    The model's own parameters are not asked: attention does not see the bias of its keys, for one.
    """
    if not changes_layers(subject.method):
        return Property(note="the values take the places of the model's parameters")
    start, prepared = subject.attached.start, subject.prepared
    here = moved(start)
    outputs = subject.attached.outputs_on(here, prepared)
    found = {}
    for short in {key.rpartition(":")[2] for key in start}:
        mine = {key: value for key, value in here.items() if key.rpartition(":")[2] == short}
        change = subject.attached.outputs_on(here | moved(mine, seed=1), prepared) - outputs
        found[short] = float(change.abs().max() / outputs.abs().max())
    least = min(found, key=lambda short: found[short])
    note = f"relative change of the outputs when {least!r} changes, which does least"
    return Property(found[least], 1e-8, at_least=True, note=note)


def _from_pretrained(attached: Attached, subject: Subject) -> float:
    found = attached.outputs_on(attached.start, attached.prepare(subject.examples)).double().cpu()
    logits = attached.prompted.predict(subject.examples)
    return relative(found, logits @ attached.basis.cpu(), logits)
