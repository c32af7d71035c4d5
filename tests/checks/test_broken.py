"""A method that is wrong in one way is refused for that, and told so with a number."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch

from lintune.checks import check_method
from lintune.errors import InputError, MethodError
from lintune.methods import DoRA, Form, LoRA, Method, Outer, Rows
from lintune.methods.layers import own_output, with_weight
from lintune.tangents import Site, Tap, linear_weight
from tests.checks.methods import FEW, function

Values = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class _Low(LoRA):
    rank: int = 2
    targets: Any = None


class WrongKernel(_Low):
    """Forgets the scale."""

    def gradients(self, tap: Tap) -> list[Form]:
        (form,) = super().gradients(tap)
        assert isinstance(form, Outer)
        return [replace(form, x=form.x / self.scale)]


class KernelOfOneLayer(_Low):
    """Right everywhere but in one layer."""

    def gradients(self, tap: Tap) -> list[Form]:
        (form,) = super().gradients(tap)
        assert isinstance(form, Outer)
        return [replace(form, g=form.g * (1 + 1e-6 * ("1.mlp.c_proj" in tap.name)))]


class UndeclaredParameter(_Low):
    def parameters(self, site: Site) -> int:
        return super().parameters(site) - 1


class ChangedStart(_Low):
    def start(self, site: Site) -> dict[str, torch.Tensor]:
        values = super().start(site)
        return values | {"B": values["B"] + 1e-6}


class HalfPrecisionStart(_Low):
    def start(self, site: Site) -> dict[str, torch.Tensor]:
        return {name: value.half() for name, value in super().start(site).items()}


class SharedStart(Rows):
    """Hands out the model's own numbers."""

    def start(self, site: Site) -> dict[str, torch.Tensor]:
        return {"rows": linear_weight(site).detach()[: self.count]}


class WrongMerge(_Low):
    def merged(self, site: Site, values: Values) -> dict[str, torch.Tensor]:
        return with_weight(site, linear_weight(site) + values["B"] @ values["A"])


class MergeUntransposed(_Low):
    def merged(self, site: Site, values: Values) -> dict[str, torch.Tensor]:
        return {"weight": linear_weight(site) + self.scale * values["B"] @ values["A"]}


class MergeInPlace(_Low):
    def merged(self, site: Site, values: Values) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            linear_weight(site).add_(self.scale * values["B"] @ values["A"])
        return {"weight": site.parameters["weight"]}


class WritesIntoTheWeight(_Low):
    """Computes with the weight itself, changed, instead of beside it."""

    def forward(self, site: Site, values: Values, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            linear_weight(site).add_(self.scale * values["B"] @ values["A"])
        return own_output(site, x) + self.change(values["B"], values["A"], x)


class StoppedGradient(_Low):
    """Right at the start, where A has no gradient anyway."""

    def forward(self, site: Site, values: Values, x: torch.Tensor) -> torch.Tensor:
        return own_output(site, x) + self.change(values["B"], values["A"].detach(), x)


class DeadParameter(_Low):
    def start(self, site: Site) -> dict[str, torch.Tensor]:
        return super().start(site) | {"C": linear_weight(site).new_zeros(3)}

    def parameters(self, site: Site) -> int:
        return super().parameters(site) + 3

    def forward(self, site: Site, values: Values, x: torch.Tensor) -> torch.Tensor:
        return own_output(site, x) + self.change(values["B"], values["A"], x)

    def merged(self, site: Site, values: Values) -> dict[str, torch.Tensor]:
        return super().merged(site, {name: values[name] for name in ("B", "A")})


class Stuck(_Low):
    """Two factors that are zero give one another no gradient."""

    def a(self, layer: str, d_in: int) -> torch.Tensor:
        return 0 * super().a(layer, d_in)


class Neighbourly(_Low):
    """Draws A by how many layers are targeted."""

    def a(self, layer: str, d_in: int) -> torch.Tensor:
        return super().a(f"{layer} of {self.targets}", d_in)


class Nameless(_Low):
    name: ClassVar[str] = ""


class _Sites:
    def sites(self, model: Any) -> Mapping[str, Site]:
        return LoRA(targets=None).sites(model)


@dataclass(frozen=True)
class WithoutDefault(_Sites):
    rank: int
    name: str = "none"


@dataclass
class Thawed(_Sites):
    name: str = "thawed"


@dataclass(frozen=True)
class Faceless(_Sites):
    name: str = "faceless"


class UnheldDoRA(DoRA):
    """Differentiates as DoRA does and does not say so."""

    held: ClassVar[tuple[str, ...]] = ()


class Raises(_Low):
    def merged(self, site: Site, values: Values) -> dict[str, torch.Tensor]:
        return {"weight": values["weights"]}


BROKEN: list[tuple[Any, str]] = [
    (WrongKernel(), r"kernel: 0\.98\d* > 1e-10"),
    (KernelOfOneLayer(), r"kernel: .*e-0[678] > 1e-10 .*'transformer.h.1.mlp.c_proj'"),
    (UndeclaredParameter(), r"budget: 1 > 0 .*'transformer.h.0.attn.c_attn'"),
    (ChangedStart(), r"pretrained at the start: .* > 1e-10"),
    (HalfPrecisionStart(), r"start values: 16 > 0 .*:B"),
    (SharedStart(2), r"start values: 8 > 0 .*:rows"),
    (WrongMerge(), r"merged layers: .* > 1e-10"),
    (MergeUntransposed(), r"merged layers: TypeError: merged gives 'weight' \(48, 16\)"),
    (MergeInPlace(), r"merged layers: .*"),
    (WritesIntoTheWeight(), r"frozen weights: 8 > 0 .*transformer.h.0.attn.c_attn.weight"),
    (StoppedGradient(), r"gradients: .* > 1e-06"),
    (UnheldDoRA(2, targets=None), r"gradients: .* > 1e-06"),
    (DeadParameter(), r"values matter: 0 < 1e-08 .*'C'"),
    (Stuck(), r"values move: 0 < 1e-06"),
    (Neighbourly(), r"independence: .* > 0"),
    (Nameless(), r"name: 0 < 1"),
    (WithoutDefault(1), r"options: 1 > 0 \(without a default: rank\)"),
    (Thawed(), r"options: 1 > 0 \(the dataclass is not frozen\)"),
    (Faceless(), r"faces: 5 > 0 \(missing: gradients, parameters, start, merged, forward\)"),
    (Raises(), r"merged layers: KeyError: 'weights'"),
]


@pytest.mark.parametrize(("method", "message"), BROKEN, ids=lambda value: type(value).__name__)
def test_a_broken_method_is_refused_for_what_is_broken(method: Method, message: str) -> None:
    with pytest.raises(MethodError, match=f"fails on {message}"):
        check_method(method, function("gpt2-conv1d"), FEW)


@dataclass(frozen=True)
class Unregistered(_Low):
    """As good as LoRA, but nobody can name it."""


def test_a_method_need_not_be_registered() -> None:
    found = check_method(Unregistered(), function("bert"), FEW)
    assert found["saved"].measured is None
    assert "not registered" in found["saved"].note


class _Halved(torch.autograd.Function):
    """Has a backward and no forward-mode derivative."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x / 2

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad / 2


class WithoutForwardMode(_Low):
    def forward(self, site: Site, values: Values, x: torch.Tensor) -> torch.Tensor:
        return own_output(site, x) + _Halved.apply(self.change(values["B"], 2 * values["A"], x))


def test_forward_mode_may_be_refused() -> None:
    found = check_method(WithoutForwardMode(), function("opt"), FEW)["forward mode"]
    assert found.measured is None
    assert found.note.startswith("refused")


def test_a_method_that_tunes_nothing_here_is_a_wrong_argument() -> None:
    with pytest.raises(InputError, match=r"targets='\*.query' matches none") as raised:
        check_method(LoRA(targets=("*.query",)), function("opt"), FEW)
    assert not isinstance(raised.value, MethodError)
