"""What a layer is given by chance, drawn from a seed and the layer's name alone, or by name."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence

import torch

from lintune.errors import InputError, unknown_name


def uniform(seed: int, layer: str, shape: tuple[int, int], fan: int) -> torch.Tensor:
    """Return a matrix uniform on (-1/sqrt(fan), 1/sqrt(fan)), float32 on the CPU.

    The draw depends on the seed and the layer's name, not on which other layers are targeted.
    """
    return (2 * torch.rand(shape, generator=_generator(seed, layer)) - 1) / math.sqrt(fan)


def gaussian(seed: int, layer: str, shape: tuple[int, int]) -> torch.Tensor:
    """Return a matrix of independent standard normal entries, float32 on the CPU, drawn as `uniform` is."""
    return torch.randn(shape, generator=_generator(seed, layer))


def signs(seed: int, layer: str, shape: tuple[int, int]) -> torch.Tensor:
    """Return a matrix of independent fair signs, float32 on the CPU, drawn as `uniform` is."""
    return 2.0 * torch.randint(2, shape, generator=_generator(seed, layer)).float() - 1


def sparse_signs(seed: int, layer: str, shape: tuple[int, int]) -> torch.Tensor:
    """Return a matrix with a third of its entries +-sqrt(3) and the rest 0, drawn as `uniform` is.

    Entries are independent with variance 1 (Achlioptas, 2003).
    """
    faces = torch.randint(6, shape, generator=_generator(seed, layer))
    return math.sqrt(3) * ((faces == 0).float() - (faces == 1).float())


def orthonormal(seed: int, layer: str, shape: tuple[int, int]) -> torch.Tensor:
    """Return orthonormal rows that span a uniformly random subspace, drawn as `uniform` is.

    Args:
        seed: The seed.
        layer: Name of the layer.
        shape: `(r, d)` with r at most d.
    """
    turned, triangle = torch.linalg.qr(gaussian(seed, f"orthonormal {layer}", shape).T)
    return (turned * triangle.diagonal().sign()).T.contiguous()


# Ways to draw A `(r, d)`. All have entries of mean 0 and variance 1 / (3 d), as the usual one has, so that
# a scale alpha means the same with each.
DOWN: dict[str, Callable[[int, str, tuple[int, int]], torch.Tensor]] = {
    "uniform": lambda seed, layer, shape: uniform(seed, layer, shape, shape[1]),
    "gaussian": lambda seed, layer, shape: gaussian(seed, layer, shape) / math.sqrt(3 * shape[1]),
    "signs": lambda seed, layer, shape: signs(seed, layer, shape) / math.sqrt(3 * shape[1]),
    "sparse signs": lambda seed, layer, shape: sparse_signs(seed, layer, shape) / math.sqrt(3 * shape[1]),
    "orthonormal": lambda seed, layer, shape: orthonormal(seed, layer, shape) / math.sqrt(3),
}


def subset(seed: int, layer: str, count: int, size: int) -> torch.Tensor:
    """Return `count` of the numbers below `size`, ascending, without repetition."""
    return torch.randperm(size, generator=_generator(seed, layer))[:count].sort().values


def check_choice(count: int, rule: str | Mapping[str, Sequence[int]], known: Sequence[str]) -> None:
    """Refuse a count that is none, and the name of a rule that is not among those known."""
    if count < 1:
        raise InputError(f"count={count} must be at least 1.")
    if isinstance(rule, str) and rule not in known:
        raise unknown_name("rule", rule, known)


def given(rule: Mapping[str, Sequence[int]], layer: str, count: int, size: int) -> torch.Tensor:
    """Return the places that a rule names for a layer, `(count,)`, ascending.

    Args:
        rule: Places by name of the layer.
        layer: The layer.
        count: How many there must be.
        size: They must be below this.

    Raises:
        InputError: They are missing, out of range, repeated, or another number.
    """
    chosen = sorted(set(rule.get(layer, ())))
    if len(chosen) != count or chosen[0] < 0 or chosen[-1] >= size:
        raise InputError(
            f"rule[{layer!r}]={list(rule.get(layer, ()))} must be {count} different indices "
            f"from 0 to {size - 1}."
        )
    return torch.tensor(chosen)


def _generator(seed: int, layer: str) -> torch.Generator:
    digest = hashlib.sha256(f"{seed} {layer}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
