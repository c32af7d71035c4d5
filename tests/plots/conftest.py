"""Figures are drawn without a screen and closed after each test."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from lintune import plots


@pytest.fixture(autouse=True)
def canvas() -> Iterator[None]:
    mpl.use("agg")
    plots.use_style()
    yield
    plt.close("all")
