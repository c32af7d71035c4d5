"""What comes of training with a method: weights that stay, weights to merge, values to keep."""

import hashlib
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.func import functional_call

from lintune.adapters import Adapter, load, merge, save
from lintune.checks.result import Property
from lintune.checks.subject import Subject, changes_layers, in_dtype, inputs_of, relative
from lintune.errors import InputError
from lintune.methods import METHODS
from lintune.methods.attached import Attached


def frozen(subject: Subject) -> Property:
    """Ask that training leaves the model bit for bit as it was."""
    model = subject.prompted.pretrained.model
    before = _digests(model)
    _ = subject.trained
    after = _digests(model)
    changed = [name for name in before if before[name] != after.get(name)]
    changed += [name for name, value in model.named_parameters() if value.grad is not None]
    note = "tensors of the model that training changed" + (f": {', '.join(changed[:3])}" if changed else "")
    return Property(len(changed), note=note)


def moves(subject: Subject) -> Property:
    """Ask that training moves some value: factors that are all zero hold one another still."""
    start = subject.attached.start
    farthest = max(float((subject.trained[name] - start[name]).abs().max()) for name in start)
    return Property(farthest, 1e-6, at_least=True, note="largest change of a value in three steps of Adam")


def merged(subject: Subject) -> Property:
    """Ask that each layer with the trained values merged computes what `forward` does, or a refusal."""
    method = subject.method
    worst, before = 0.0, _digests(subject.prompted.pretrained.model)
    try:
        for layer, site in subject.sites.items():
            values = _at(subject, layer)
            own = method.merged(site, values)
            _check_layout(own, site.parameters)
            if changes_layers(method):
                x = inputs_of(site)
                apart = relative(functional_call(site.module, own, (x,)), method.forward(site, values, x))
                worst = max(worst, apart)
    except InputError as refusal:
        return Property(note=f"refused: {refusal}")
    if _digests(subject.prompted.pretrained.model) != before:
        raise TypeError("merged writes into the model; it must return new tensors")
    return Property(worst, 1e-10, note="relative to `forward` with the trained values")


def merged_model(subject: Subject) -> Property:
    """Ask that the model with all trained values merged gives the outputs of the attached one."""
    attached = subject.attached
    copied = in_dtype(subject.prompted, torch.float64)
    try:
        merge(copied.pretrained.model, subject.method, subject.trained)
    except InputError as refusal:
        return Property(note=f"refused: {refusal}")
    logits = copied.predict(subject.examples)
    expected = attached.outputs_on(subject.trained, subject.prepared).cpu()
    apart = relative(logits @ attached.basis.cpu(), expected, logits)
    return Property(apart, 1e-6, note="relative to the logits; parts of some models compute in float32")


def saved(subject: Subject) -> Property:
    """Ask that the method and its trained values come back from a folder as they were."""
    method = subject.method
    if type(method) not in METHODS.values():
        return Property(note="the class is not registered, so that no file can name it")
    with tempfile.TemporaryDirectory() as folder:
        save(Adapter.of(subject.prompted.pretrained, method, subject.trained), Path(folder))
        back = load(Path(folder))
    wrong = [name for name, value in subject.trained.items() if not _same(value, back.values.get(name))]
    attached = Attached(subject.prompted, back.method)
    found = attached.outputs_on(back.values, subject.prepared)
    apart = relative(found, subject.attached.outputs_on(subject.trained, subject.prepared))
    note = f"relative difference of the outputs; {len(wrong)} tensors differ"
    return Property(float("inf") if wrong else apart, 1e-6, note=note)


def _at(subject: Subject, layer: str) -> dict[str, torch.Tensor]:
    """Return the trained values of a layer by short name."""
    return {
        key.rpartition(":")[2]: value
        for key, value in subject.trained.items()
        if key.rpartition(":")[0] == layer
    }


def _check_layout(own: dict[str, torch.Tensor], parameters: dict[str, nn.Parameter]) -> None:
    for short, value in own.items():
        if short not in parameters or value.shape != parameters[short].shape:
            given = {name: tuple(each.shape) for name, each in parameters.items()}
            raise TypeError(f"merged gives {short!r} {tuple(value.shape)}; the layer has {given}")


def _same(value: torch.Tensor, other: torch.Tensor | None) -> bool:
    return other is not None and torch.equal(value, other.to(value.device))


def _digests(model: nn.Module) -> dict[str, str]:
    """Return a hash of the bytes of every tensor of the model, by name."""
    return {
        name: hashlib.sha256(
            value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        ).hexdigest()
        for name, value in model.state_dict().items()
    }
