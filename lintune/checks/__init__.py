"""Checks that a fine-tuning method is what it says it is, for methods of the library and of others."""

from lintune.checks.check import check_method
from lintune.checks.result import MethodCheck, Property

__all__ = ["MethodCheck", "Property", "check_method"]
