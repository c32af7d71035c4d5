"""The book as a graph: notebook sources -> executed notebooks and records -> pages.

`make book` calls this through pipeline.build. The outputs of execution are stamps: Snakemake deletes the
outputs of a job before it starts, and the results of an earlier good run must survive a failing one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir)))  # plain `snakemake` does not see the project's modules

from pipeline import dependencies, profiles, sources

PROFILE = config.get("profile") or profiles.fitting()
PARAMETERS = profiles.checked(PROFILE)  # refuses wrong names and types before anything runs
SOURCES = sources.all_sources()
LIBRARY = {name: [str(path) for path in dependencies.files_of(source)] for name, source in SOURCES.items()}
PYTHON = sys.executable


def below(folder):
    """Return the files below a folder, without what Python and editors leave there."""
    hidden = lambda path: path.suffix == ".pyc" or any(part.startswith(".") for part in path.parts)
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file() and not hidden(path))


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
        "{PYTHON:q} -c 'from jupyter_book.cli.main import main; main()' build . -q -W -n --keep-going; "
        "touch {params.complete}"


rule stage:
    input:
        "build/" + PROFILE + "/{name}/done",
    output:
        "notebooks/executed/{name}.ipynb",
    params:
        notebook="build/" + PROFILE + "/{name}/notebook.ipynb",
    message:
        "Staging {output}"
    shell:
        "cp {params.notebook:q} {output:q}"


rule notebook:
    input:
        "requirements.lock",
        "pipeline/execute.py",
        lambda wildcards: LIBRARY[wildcards.name],
        lambda wildcards: sources.records_of(SOURCES[wildcards.name]),
        source="notebooks/{name}.md",
    output:
        "build/" + PROFILE + "/{name}/done",
    params:
        given=lambda wildcards: PARAMETERS[wildcards.name],
        profile=PROFILE,
    wildcard_constraints:
        name="|".join(SOURCES),
    threads: workflow.cores  # one notebook at a time, on all cores: two torch processes share cores badly
    message:
        "Executing {input.source} (profile {params.profile})"
    shell:
        "exec {PYTHON:q} -m pipeline.execute {input.source:q} --profile {params.profile} "
        "--out $(dirname {output:q}) --end-with-parent"
