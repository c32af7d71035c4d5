"""Pretrained language models: bundled in registry packages, on a hub, or in a local folder."""

from lintune.models.bundled import BUNDLED
from lintune.models.load import Pretrained, load

__all__ = ["BUNDLED", "Pretrained", "load"]
