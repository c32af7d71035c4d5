"""The reference grids: parts in build/reference, put together under results. `make results` calls this.

A part depends on nothing but its own absence: grids take hours and are run over many sittings. Remove
build/reference to run them anew.
"""

import sys

PYTHON = sys.executable
TASKS = ["mr", "subj-rebuilt", "trec"]
SEEDS = {"predictors": [0, 1, 2], "strengths": [0, 1, 2], "bounds": [0]}


def parts(wildcards):
    """Return the parts of a grid: every task with every seed."""
    seeds = SEEDS[wildcards.grid]
    return expand("build/reference/{grid}/{task}-{seed}.json", grid=wildcards.grid, task=TASKS, seed=seeds)


rule all:
    input:
        expand("results/{grid}.cpu.json", grid=SEEDS),


rule together:
    input:
        parts,
    output:
        "results/{grid}.cpu.json",
    shell:
        "LINTUNE_RECORDS=results {PYTHON:q} -m pipeline.reference together {wildcards.grid}.cpu {input}"


rule part:
    output:
        "build/reference/{grid}/{task}-{seed}.json",
    wildcard_constraints:
        seed="[0-9]+",
    message:
        "{wildcards.grid}: {wildcards.task}, draw {wildcards.seed}"
    shell:
        "LINTUNE_RECORDS=build/reference/{wildcards.grid} "
        "{PYTHON:q} -m pipeline.reference part {wildcards.grid} {wildcards.task} {wildcards.seed}"
