"""Kernels of notebooks: ordinary ones, or forks of a process that has done their imports before them.

Most notebooks begin with ten seconds of processor time for imports of torch, transformers and pandas. While
`warm.kernels()` lasts, one process has made these imports, and a kernel is a fork of it.
"""
