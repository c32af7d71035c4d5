"""One hash for a set of weights, the same however they are stored."""

import hashlib
from collections.abc import Mapping

import torch


def fingerprint(state: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 over names, dtypes, shapes and bytes of a state dict, sorted by name.

    File formats put headers and orders of their own around the same numbers; this hash sees the
    numbers only, so it identifies weights across formats, devices and library versions.

    Args:
        state: Tensors of any dtype and device by parameter name.

    Returns:
        64 lower-case hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
