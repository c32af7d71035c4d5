"""Sweeps over models, tasks, methods and seeds: what a file asks for, what it will cost, and its cells."""
