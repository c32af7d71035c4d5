"""Real fine-tuning, step by step beside its linear twin."""

from lintune.finetune.curvature import Curvature
from lintune.finetune.network import Network
from lintune.finetune.run import Trajectory, finetune
from lintune.finetune.setup import Setup
from lintune.finetune.twin import Twin

__all__ = ["Curvature", "Network", "Setup", "Trajectory", "Twin", "finetune"]
