"""Figures of how like one another things are."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lintune.plots.style import SEQUENTIAL


def likeness(table: pd.DataFrame) -> Figure:
    """Draw a table of similarities, rows by columns, with its numbers; colours go from 0 to 1."""
    rows, columns = table.shape
    figure, axis = plt.subplots(figsize=(0.42 * columns + 2.4, 0.34 * rows + 1.7))
    values = table.to_numpy(dtype=float)
    image = axis.imshow(values, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for row, column in np.ndindex(rows, columns):
        value = values[row, column]
        brightness = float(np.dot(image.to_rgba(value)[:3], (0.299, 0.587, 0.114)))
        colour = "white" if brightness < 0.5 else "#222222"
        text = f"{value:.2f}".replace("0.", ".")
        axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    axis.set_xticks(range(columns), table.columns, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(rows), table.index)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axis, label="centred alignment", shrink=0.7)
    return figure
