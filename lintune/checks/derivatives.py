"""The derivatives of a method: its kernel against autograd's, and its forward against differences."""

from collections.abc import Callable

import torch
from torch.func import jvp

from lintune.checks.result import Property
from lintune.checks.subject import Subject, Values, changes_layers, inputs_of, moved
from lintune.errors import InputError
from lintune.kernels import tangent_kernels
from lintune.linearized import TangentModel, jacobian
from lintune.linearized.features import gram
from lintune.methods import LayerMethod
from lintune.tangents import Site

_STEP = 1e-5  # of finite differences, in float64
_INPUTS = "inputs of the layer"  # beside the names of the values


def kernel(subject: Subject) -> Property:
    """Ask that the kernel of one capture is that of the attached model by autograd, layer by layer."""
    attached = subject.attached
    found = tangent_kernels(
        subject.prompted,
        subject.examples,
        methods={"": subject.method},
        outputs=attached.basis.cpu().numpy(),
    ).train[""]
    features = jacobian(attached, subject.prepared)
    expected = torch.stack(
        [
            gram({key: part for key, part in features.items() if key.rpartition(":")[0] == layer})
            for layer in found.layers
        ]
    )
    apart = (torch.as_tensor(found.blocks) - expected).abs().amax(dim=(1, 2, 3, 4))
    worst = int(apart.argmax())
    scale = float(expected.abs().max())
    error = float(apart[worst]) / scale if scale else float(apart[worst])
    # Some models take their softmax in float32 whatever they are loaded in, and gradients are no better.
    exact = _rounding(subject) < 1e-11
    note = f"relative error of the worst layer, {found.layers[worst]!r}"
    return Property(error, 1e-10 if exact else 1e-5, note=note if exact else f"{note}; rounded by the model")


def differences(subject: Subject) -> Property:
    """Ask that reverse mode through `forward` agrees with central differences, away from the start.

    Values whose derivative leaves out a part by the method's convention, its `held`, stay where they are.
    """
    method = subject.method
    if not changes_layers(method):
        return Property(note="autograd's own: the values take the places of the model's parameters")
    held = getattr(method, "held", ())
    errors = [_difference(method, site, held) for site in subject.shapes]
    aside = f"; {', '.join(held)} left out, as the method asks" if held else ""
    return Property(max(errors), 1e-6, note=f"relative to finite differences{aside}")


def forward_mode(subject: Subject) -> Property:
    """Ask that forward mode is the transpose of reverse mode, or is refused."""
    try:
        found = _transposed(subject)
    except (InputError, NotImplementedError) as refusal:
        return Property(note=f"refused: {str(refusal).splitlines()[0]}")
    return Property(
        found, 1e-10 if changes_layers(subject.method) else 1e-5, note="⟨u, J v⟩ against ⟨Jᵀu, v⟩"
    )


def _rounding(subject: Subject) -> float:
    """Return by how much the gradients of examples alone differ from those of the same in one batch."""
    attached, prepared = subject.attached, subject.prepared
    leaves = {name: value.clone().requires_grad_() for name, value in attached.start.items()}
    apart, scale = 0.0, 0.0
    together = attached.outputs(leaves, prepared)[:, 0]
    for row, output in enumerate(together):
        alone = attached.outputs(leaves, prepared, [row])[0, 0]
        for one, other in zip(
            *(
                torch.autograd.grad(each, list(leaves.values()), retain_graph=True, materialize_grads=True)
                for each in (output, alone)
            ),
            strict=True,
        ):
            apart = max(apart, float((one - other).abs().max()))
            scale = max(scale, float(other.abs().max()))
    return apart / scale if scale else apart


def _difference(method: LayerMethod, site: Site, held: tuple[str, ...]) -> float:
    values, x = moved(method.start(site)), inputs_of(site)
    free = {short: value for short, value in values.items() if short not in held} | {_INPUTS: x}

    def function(at: Values) -> torch.Tensor:
        return method.forward(
            site, values | {short: at[short] for short in free if short in values}, at[_INPUTS]
        )

    along = _directions(free, 1)
    ahead, behind = (
        function({short: value + sign * _STEP * along[short] for short, value in free.items()})
        for sign in (1, -1)
    )
    change = ((ahead - behind) / (2 * _STEP)).detach()
    back = _directions({"": change}, 2)[""]
    return _unlike(change, back, _pulled(function, free, back), along)


def _transposed(subject: Subject) -> float:
    method = subject.method
    if changes_layers(method):
        return max(_transposed_at(method, site) for site in subject.shapes)
    tangent, along = TangentModel(subject.attached, subject.prepared), _directions(subject.attached.start, 1)
    pushed = tangent.pushed(along)[1]
    back = _directions({"": pushed}, 2)[""]
    return _unlike(pushed, back, tangent.pulled(back), along)


def _transposed_at(method: LayerMethod, site: Site) -> float:
    values, x = moved(method.start(site)), inputs_of(site)
    function: Callable[[Values], torch.Tensor] = lambda at: method.forward(site, at, x)  # noqa: E731
    along = _directions(values, 1)
    try:
        pushed = jvp(function, (values,), (along,))[1]
    except RuntimeError as error:
        if "autograd.Function" not in str(error) and "forward AD" not in str(error):
            raise
        raise NotImplementedError(str(error)) from error
    back = _directions({"": pushed}, 2)[""]
    return _unlike(pushed, back, _pulled(function, values, back), along)


def _pulled(function: Callable[[Values], torch.Tensor], at: Values, back: torch.Tensor) -> Values:
    """Return J^T u by reverse mode."""
    leaves = {name: value.clone().requires_grad_() for name, value in at.items()}
    grads = torch.autograd.grad(function(leaves), list(leaves.values()), back, materialize_grads=True)
    return dict(zip(leaves, grads, strict=True))


def _unlike(pushed: torch.Tensor, back: torch.Tensor, pulled: Values, along: Values) -> float:
    """Return |<u, J v> - <J^T u, v>| over |u| |J v|."""
    forward = (pushed * back).sum()
    reverse = torch.stack([(pulled[name] * along[name]).sum() for name in along]).sum()
    return float((forward - reverse).abs() / (pushed.norm() * back.norm()))


def _directions(values: Values, seed: int) -> Values:
    """Return normal directions of the values' shapes."""
    return moved({name: torch.zeros_like(value) for name, value in values.items()}, seed, by=1.0)
