"""Laws as if they had been measured."""

from lintune.studies.cell_costs import MEMORY, Law, Laws
from lintune.studies.cell_costs.work import TERMS


def law(names: tuple[str, ...], spread: float = 0.1) -> Law:
    """Return a law in which every term costs 1e-9, and 1e-3 the first."""
    return Law(
        names,
        tuple(1e-3 if place == 0 else 1e-9 for place in range(len(names))),
        {"lora": 1.0, "weights": 1.5},
        spread,
        2 * spread,
        0.2,
        tuple(1e12 for _ in names),
        50,
        ("measured",),
    )


def laws(pace: float = 1.0) -> Laws:
    """Return laws of all constituents; memory is what the terms say, in bytes."""
    memory = Law(MEMORY, (1e8, 1, 1, 1, 1), {}, 0.1, 0.2, 0, (1e12,) * 5, 50, ("measured",))
    return Laws({name: law(terms) for name, terms in TERMS.items()}, memory, pace)
