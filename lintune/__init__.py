"""Linearised fine-tuning of language models: exact tangent kernels and what they predict.

The package imports nothing here on purpose: a notebook depends on the modules it names, and the
pipeline re-runs it only when one of those changes.
"""

__version__ = "0.1.0"
