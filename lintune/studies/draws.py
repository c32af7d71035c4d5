"""Several draws of training examples as one set, so that one pass over the model serves them all."""

from collections.abc import Sequence

import numpy as np

from lintune.tasks import Examples


def union(draws: Sequence[Examples]) -> tuple[Examples, list[np.ndarray]]:
    """Return all examples of the draws once, and where each draw's examples are among them.

    Args:
        draws: Sets of examples that may overlap; examples with the same texts are the same example.

    Returns:
        The examples, and for each draw the `(n,)` places of its examples in order.
    """
    found: dict[tuple[str, ...], tuple[int, int, int]] = {}
    places = []
    for draw_number, draw in enumerate(draws):
        keys = [tuple(fields.values()) for fields in draw.fields]
        for index, key in enumerate(keys):
            found.setdefault(key, (len(found), draw_number, index))
        places.append(np.array([found[key][0] for key in keys]))
    first = [draws[number].take([index]) for _, number, index in found.values()]
    fields = tuple(part.fields[0] for part in first)
    return Examples(fields, np.array([part.labels[0] for part in first])), places
