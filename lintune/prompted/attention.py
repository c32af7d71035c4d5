"""Attention over packed sequences, registered with transformers.

A packed batch is one long row of tokens, all real. Every layer but attention treats tokens one by
one and needs no change; attention alone must not look across sequences. The function here spreads
queries, keys and values out to `(sequences, heads, longest, head size)`, attends, and gathers the
real tokens again, so that padding exists inside attention only.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

NAME = "lintune_packed"


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    **unsupported: object,
) -> tuple[torch.Tensor, None]:
    """Attend within each sequence of one packed row.

    Args:
        module: The attention module (says whether it is causal).
        query: `(1, H, N, d)` over the N packed tokens; `key` and `value` are `(1, H_kv, N, d)`.
        key: See `query`.
        value: See `query`.
        attention_mask: None: what may be seen follows from the sequence boundaries.
        cu_seq_lens_q: `(n + 1,)` cumulative sequence lengths, from 0 to N.
        max_length_q: Length T of the longest sequence.
        scaling: Factor on the scores; 1/sqrt(d) when None.
        dropout: Must be 0: evaluation mode.
        is_causal: Overrides what the module says.
        sliding_window: How many tokens back a token sees, itself included; None for all.
        **unsupported: Arguments that change scores (soft caps, sinks, biases) are refused.

    Returns:
        `(1, N, H, d)` and None for the attention weights.

    Raises:
        NotImplementedError: The model's attention does something that this function does not.
    """
    altering = ("softcap", "s_aux", "position_bias", "head_mask")
    refused = [name for name in altering if unsupported.get(name) is not None]
    if refused or dropout or attention_mask is not None:
        raise NotImplementedError(f"packed attention does not support {refused or 'dropout or masks'}")
    lengths = cu_seq_lens_q.diff()
    token = torch.arange(query.shape[2], device=query.device)
    sequence = torch.repeat_interleave(torch.arange(len(lengths), device=query.device), lengths)
    slot = sequence * max_length_q + token - cu_seq_lens_q[sequence]
    q, k, v = (_spread(part, slot, len(lengths), max_length_q) for part in (query, key, value))
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    mask = _visible(lengths, max_length_q, causal, sliding_window)
    spread = scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=mask,
        is_causal=causal and mask is None,
        scale=scaling,
        enable_gqa=q.shape[1] != k.shape[1],
    )
    return spread.transpose(1, 2).flatten(0, 1)[slot].unsqueeze(0), None


def _spread(packed: torch.Tensor, slot: torch.Tensor, n: int, longest: int) -> torch.Tensor:
    """Scatter `(1, H, N, d)` to `(n, H, T, d)`, zeros where there is no token."""
    tokens = packed[0].transpose(0, 1)
    room = tokens.new_zeros((n * longest, *tokens.shape[1:]))
    return room.index_copy(0, slot, tokens).unflatten(0, (n, longest)).transpose(1, 2)


def _visible(lengths: torch.Tensor, longest: int, causal: bool, window: int | None) -> torch.Tensor | None:
    """Return which keys each query sees, `(n, 1, T, T)` boolean, or None where causality alone says it.

    Sequences are padded on the right, so under causal attention no real token sees padding.
    """
    place = torch.arange(longest, device=lengths.device)
    back = place[:, None] - place[None, :]
    if causal and (window is None or window >= longest):
        return None
    visible = (place[None, :] < lengths[:, None])[:, None, None, :].expand(-1, 1, longest, longest)
    if causal:
        visible = visible & (back >= 0)
    if window is not None:
        visible = visible & (back.abs() < window)
    # Queries in the padding must see something, or the softmax over nothing would give NaN.
    return visible | torch.eye(longest, dtype=torch.bool, device=lengths.device)


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, lambda *_args, **_kwargs: None)


@contextmanager
def packed(model: PreTrainedModel) -> Iterator[None]:
    """Let a model attend over packed sequences inside the context; its own way is restored after."""
    before = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)
