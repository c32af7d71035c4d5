"""The book as a graph: notebook sources -> executed notebooks and records -> pages.

`make book` calls this through pipeline.build. The outputs of execution are stamps: Snakemake deletes the
outputs of a job before it starts, and the results of an earlier good run must survive a failing one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir)))  # plain `snakemake` does not see the project's modules

from pipeline import dependencies, profiles, sources
from pipeline.resources import gpus
from pipeline.resources import load as asked_in

PROFILE = config.get("profile") or profiles.fitting()
PARAMETERS = profiles.checked(PROFILE)  # refuses wrong names and types before anything runs
ASKED = asked_in(PROFILE)  # of a cluster
SOURCES = sources.all_sources()
LIBRARY = {name: [str(path) for path in dependencies.files_of(source)] for name, source in SOURCES.items()}
PYTHON = sys.executable
RECORD = "notebooks/executed/records/{name}.json"
FIRST = sources.first_of(Path("_toc.yml"))  # executed before the others, so that it can be read meanwhile
TIMED = {"advisor", "methods_in_one_picture", "one_pass"}
SUMMARIES = ["ledger", "status"]  # notebooks that read the records of all before them


def below(folder):
    """Return the files below a folder, without what Python and editors leave there."""
    hidden = lambda path: path.suffix == ".pyc" or any(part.startswith(".") for part in path.parts)
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file() and not hidden(path))


def threads_of(name):
    """Return the threads of a notebook: two run at a time, each on half of the cores, of which it makes more.

    One that times what it does runs alone, and so does each where all of them share one GPU.
    """
    alone = PROFILE == "gpu" or (name in TIMED and PROFILE != "smoke")
    return workflow.cores if alone else max(1, workflow.cores // 2)


def records_read_by(name):
    """Return the records that a notebook reads: committed ones that it names, or all, and those of others."""
    if name not in SUMMARIES:
        return sources.records_of(SOURCES[name])
    others = [other for other in SOURCES if other not in SUMMARIES or SUMMARIES.index(other) < SUMMARIES.index(name)]
    return [*map(str, sorted(Path("results").glob("*.json"))), *expand(RECORD, name=others)]


localrules:
    preview,
    stage,


rule book:
    input:
        expand("notebooks/executed/{name}.ipynb", name=SOURCES),
        "_config.yml",
        "_toc.yml",
        below("book"),
        [path for path in below("lintune") if path.endswith(".py")],  # the library's reference
    output:
        "_build/html/index.html",
    params:
        complete="_build/complete",
    threads: workflow.cores
    message:
        "Rendering the book"
    # After a kill or an error the pages may be cut short and Sphinx would take them for finished: start over.
    shell:
        "if [ -e {params.complete} ]; then rm {params.complete}; else rm -rf _build; fi; "
        "{PYTHON:q} -m pipeline.render; "
        "touch {params.complete}"


rule preview:
    input:
        "build/" + PROFILE + "/" + FIRST + "/done",
    output:
        touch("build/preview/done"),
    params:
        runs="build/" + PROFILE,
    message:
        "Rendering the prose, to be read meanwhile"
    shell:
        "{PYTHON:q} -m pipeline.preview {params.runs:q}"


rule stage:
    input:
        "build/" + PROFILE + "/{name}/done",
        "pipeline/stage.py",
        "pipeline/origins.py",
        source="notebooks/{name}.md",
    output:
        notebook="notebooks/executed/{name}.ipynb",
        record=RECORD,
    params:
        run="build/" + PROFILE + "/{name}",
    message:
        "Staging {output.notebook}"
    shell:
        "{PYTHON:q} -m pipeline.stage {params.run:q} {input.source:q} {output.notebook:q}"


rule notebook:
    input:
        "requirements.lock",
        "pipeline/execute.py",
        lambda wildcards: LIBRARY[wildcards.name],
        lambda wildcards: records_read_by(wildcards.name),
        source="notebooks/{name}.md",
    output:
        "build/" + PROFILE + "/{name}/done",
    params:
        given=lambda wildcards: PARAMETERS[wildcards.name],
        profile=PROFILE,
    wildcard_constraints:
        name="|".join(SOURCES),
    threads: lambda wildcards: threads_of(wildcards.name)
    resources:
        mem_mb=lambda wildcards, attempt: attempt * ASKED[wildcards.name]["mem_mb"],
        runtime=lambda wildcards, attempt: attempt * ASKED[wildcards.name]["runtime"],
        gpu=lambda wildcards: gpus(PARAMETERS[wildcards.name]),
    message:
        "Executing {input.source} (profile {params.profile})"
    shell:
        "exec env OMP_NUM_THREADS={threads} {PYTHON:q} -m pipeline.execute {input.source:q} --profile {params.profile} "
        "--out $(dirname {output:q}) --end-with-parent"
