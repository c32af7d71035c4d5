"""Trials, too long for tests: kills, fuzzing led by coverage, runs held against each other, a cluster."""
