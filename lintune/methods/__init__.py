"""Fine-tuning methods, seen through their tangents: which weights each trains, and with what kernel."""

from lintune.methods.full import Full
from lintune.methods.lora import LoRA
from lintune.methods.method import Method

__all__ = ["Full", "LoRA", "Method"]
