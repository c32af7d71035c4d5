"""Random factors, each drawn from a seed and the layer's name alone."""

import hashlib
import math

import torch


def uniform(seed: int, layer: str, shape: tuple[int, int], fan: int) -> torch.Tensor:
    """Return a matrix uniform on (-1/sqrt(fan), 1/sqrt(fan)), float32 on the CPU.

    The draw depends on the seed and the layer's name, not on which other layers are targeted.
    """
    return (2 * torch.rand(shape, generator=_generator(seed, layer)) - 1) / math.sqrt(fan)


def gaussian(seed: int, layer: str, shape: tuple[int, int]) -> torch.Tensor:
    """Return a matrix of independent standard normal entries, float32 on the CPU, drawn as `uniform` is."""
    return torch.randn(shape, generator=_generator(seed, layer))


def subset(seed: int, layer: str, count: int, size: int) -> torch.Tensor:
    """Return `count` of the numbers below `size`, ascending, without repetition."""
    return torch.randperm(size, generator=_generator(seed, layer))[:count].sort().values


def _generator(seed: int, layer: str) -> torch.Generator:
    digest = hashlib.sha256(f"{seed} {layer}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
