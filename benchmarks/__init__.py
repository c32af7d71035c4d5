"""Benchmarks: what an exact tangent kernel costs, here and with the other libraries that can compute it.

`python -m benchmarks.kernel` compares the ways side by side, `python -m benchmarks.scaling` shows how the
cost grows. Every measurement is a process of its own (`benchmarks.worker`). What sweeps are planned with is
measured by `python -m benchmarks.cells`.
"""
