"""The reference grids: parts in build/reference, put together under results. `make results` calls this.

A part depends on nothing but its own absence: grids take hours and are run over many sittings. Remove
build/reference to run them anew.
"""

import sys

PYTHON = sys.executable
THREE = ["mr", "subj-rebuilt", "trec"]
# Of each grid the tasks, and the seeds of the draws of each part. Those of the behaviour grids are the ones
# of Malladi et al. (2023); learning rates are chosen on the first draw of a part, so they share a part.
PARTS = {
    "predictors": (THREE, ["0", "1", "2"]),
    "strengths": (THREE, ["0", "1", "2"]),
    "bounds": (THREE, ["0"]),
    "behaviour_16": (["sst2-like", "subj-rebuilt", "snli", "trec", "cr-like"], ["13-21-42-87-100"]),
    "behaviour_64": (["sst2-like", "subj-rebuilt"], ["13-21-42"]),
    "behaviour_512": (["subj-rebuilt"], ["13"]),
}


def parts(wildcards):
    """Return the parts of a grid: every task with every set of seeds."""
    tasks, seeds = PARTS[wildcards.grid]
    return expand("build/reference/{grid}/{task}-{seeds}.json", grid=wildcards.grid, task=tasks, seeds=seeds)


rule all:
    input:
        expand("results/{grid}.cpu.json", grid=PARTS),


rule together:
    input:
        parts,
    output:
        "results/{grid}.cpu.json",
    shell:
        "LINTUNE_RECORDS=results {PYTHON:q} -m pipeline.reference together {wildcards.grid}.cpu {input}"


rule part:
    output:
        "build/reference/{grid}/{task}-{seeds}.json",
    wildcard_constraints:
        task="[a-z0-9]+(-[a-z]+)*",
        seeds="[0-9]+(-[0-9]+)*",
    message:
        "{wildcards.grid}: {wildcards.task}, draws {wildcards.seeds}"
    shell:
        "LINTUNE_RECORDS=build/reference/{wildcards.grid} "
        "{PYTHON:q} -m pipeline.reference part {wildcards.grid} {wildcards.task} {wildcards.seeds}"
