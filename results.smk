"""The reference grids: parts in build/reference, put together under results. `make results` runs this.

A part depends on nothing but its own absence: grids take hours and are run over many sittings. Remove
build/reference to run them anew.
"""

import sys

PYTHON = sys.executable


def every(tasks, seeds):
    """Return the names of the parts of all tasks with all sets of seeds."""
    return expand("{task}-{seeds}", task=tasks, seeds=seeds)


THREE = ["mr", "subj-rebuilt", "trec"]
# The advisor's choices were made on the first two; the others share no text with them.
SWEPT = every(["mr", "subj-rebuilt", "cr-like", "trec", "snli"], [0])
# Seeds of the draws that make one part stand together. Those of the behaviour grids are of the ones of
# Malladi et al. (2023); learning rates are chosen on the first draw of a part.
PARTS = {
    "predictors": every(THREE, [0, 1, 2]),
    "strengths": every(THREE, [0, 1, 2]),
    "bounds": every(THREE, [0]),
    "methods": every(["mr", "subj-rebuilt"], ["0-1-2-3-4"]),
    "selection": every(["mr"], ["0-1-2-3-4"]),
    "behaviour_16": [
        *every(["trec", "snli"], ["13-21-42"]),
        *every(["subj-rebuilt", "cr-like"], ["13-21-42-87-100"]),
    ],
    "behaviour_64": every(["subj-rebuilt"], ["13-21-42"]),
    "behaviour_512": every(["subj-rebuilt"], ["13"]),
    "departure": every(["mr", "subj-rebuilt", "cr-like"], ["0-1-2-3-4"]),
    "sweep": SWEPT,
    "advice": SWEPT,
}


def parts(wildcards):
    """Return the parts of a grid."""
    return expand("build/reference/{grid}/{part}.json", grid=wildcards.grid, part=PARTS[wildcards.grid])


# Notebooks that run on a CPU at sizes too large for a page, and with what parameters: what they find is kept.
LARGE = {
    "beyond_kernels": "--profile gpu",
    "recovery": "--profile cpu -p 'dimensions=[100, 200, 400, 800, 1600]' -p 'factors=[0.3]' "
    "-p instances=80 -p given_up=0.5",
}


rule all:
    input:
        expand("results/{grid}.cpu.json", grid=[*PARTS, *LARGE]),


rule large:
    output:
        "results/{name}.cpu.json",
    wildcard_constraints:
        name="|".join(LARGE),
    params:
        given=lambda wildcards: LARGE[wildcards.name],
    resources:
        mem_mb=8000,
        runtime=720,
    shell:
        "{PYTHON:q} -m pipeline.execute notebooks/{wildcards.name}.md {params.given} "
        "--out build/large/{wildcards.name} "
        "&& cp build/large/{wildcards.name}/records/{wildcards.name}.json {output}"


rule together:
    input:
        parts,
    output:
        "results/{grid}.cpu.json",
    wildcard_constraints:
        grid="|".join(PARTS),
    shell:
        "LINTUNE_RECORDS=results {PYTHON:q} -m pipeline.reference together {wildcards.grid}.cpu {input}"


rule part:
    output:
        "build/reference/{grid}/{task}-{seeds}.json",
    wildcard_constraints:
        task="[a-z0-9]+(-[a-z]+)*",
        seeds="[0-9]+(-[0-9]+)*",
    resources:
        mem_mb=12000,
        runtime=240,
    message:
        "{wildcards.grid}: {wildcards.task}, draws {wildcards.seeds}"
    shell:
        "LINTUNE_RECORDS=build/reference/{wildcards.grid} "
        "{PYTHON:q} -m pipeline.reference part {wildcards.grid} {wildcards.task} {wildcards.seeds}"
