"""What the paper prints (Si et al., 2024, text read in full): GLUE averages, and what follows from them."""

from collections.abc import Mapping

import pandas as pd

MODELS = ("RoBERTa-base", "DeBERTaV3-base", "RoBERTa-large")
RANKS = (2, 4, 8, 16)

# GLUE averages by method: for each model the four ranks.
AVERAGES: Mapping[str, tuple[tuple[float, ...], ...]] = {
    "PA": (
        (86.20, 85.83, 86.02, 86.54),
        (88.99, 89.06, 89.21, 89.47),
        (88.80, 88.53, 88.77, 88.71),
    ),
    "LoRA": (
        (86.14, 85.64, 86.12, 86.41),
        (87.95, 88.65, 88.17, 88.91),
        (88.52, 88.68, 88.71, 88.96),
    ),
    "LoRA + MPC_o": (
        (86.18, 86.13, 86.71, 86.44),
        (88.45, 88.79, 89.64, 89.43),
        (88.98, 88.94, 89.15, 89.00),
    ),
    "LoRA + MPC_d": (
        (86.13, 86.05, 86.34, 86.56),
        (88.81, 88.85, 89.10, 89.62),
        (88.51, 88.89, 89.14, 89.06),
    ),
    "LoRA + MPC_n": (
        (86.20, 85.83, 86.02, 86.54),
        (88.99, 89.06, 89.21, 89.47),
        (88.80, 88.53, 88.77, 88.71),
    ),
    "TriLoRA": (
        (85.30, 85.89, 85.99, 86.40),
        (88.89, 89.20, 89.20, 89.03),
        (88.28, 88.76, 88.76, 89.07),
    ),
    "AdaLoRA": (
        (86.20, 86.16, 85.99, 86.21),
        (88.90, 89.24, 89.23, 89.21),
        (89.01, 88.60, 88.67, 88.95),
    ),
    "FLoRA": (
        (86.21, 86.10, 86.37, 86.37),
        (89.30, 89.27, 89.80, 89.36),
        (88.85, 88.85, 88.95, 89.24),
    ),
    "DoRA": (
        (86.12, 86.37, 86.56, 86.11),
        (88.31, 89.25, 88.49, 88.64),
        (88.77, 89.00, 88.84, 89.15),
    ),
}


def averages() -> pd.DataFrame:
    """Return the printed averages: a row per model and rank, a column per method."""
    rows = [
        {"model": model, "rank": rank, **{name: AVERAGES[name][place][at] for name in AVERAGES}}
        for place, model in enumerate(MODELS)
        for at, rank in enumerate(RANKS)
    ]
    return pd.DataFrame(rows)


def orderings() -> dict[str, int]:
    """Count in how many of the 12 settings the printed averages have an order that is claimed.

    Returns:
        `settings`; `claimed`, FLoRA above AdaLoRA and TriLoRA and both of these above LoRA; `flora_lora`,
        FLoRA above LoRA; `trilora_lora`, TriLoRA above LoRA; `adalora_lora`, AdaLoRA above LoRA; `same`, PA
        equal to LoRA + MPC_n.
    """
    table = averages()
    middle = table[["TriLoRA", "AdaLoRA"]]
    claimed = (table.FLoRA > middle.max(axis=1)) & (middle.min(axis=1) > table.LoRA)
    return {
        "settings": len(table),
        "claimed": int(claimed.sum()),
        "flora_lora": int((table.FLoRA > table.LoRA).sum()),
        "trilora_lora": int((table.TriLoRA > table.LoRA).sum()),
        "adalora_lora": int((table.AdaLoRA > table.LoRA).sum()),
        "same": int((table["LoRA + MPC_n"] == table.PA).sum()),
    }
