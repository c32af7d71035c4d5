"""No code of the project unpickles, runs text, starts a shell or lets a model bring code of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sources import all_sources, code_of, read
from tests.supply.code import Fault, faults, snakefile_faults

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "book", "lintune", "pipeline", "trials")

# What is done all the same: file and name, and why no file can make use of it.
EXCEPTIONS = {
    (
        "notebooks/add_a_method.md",
        "from_config",
    ): "the configuration is made in the cell, of a kind of transformers'",
    (
        "pipeline/parameters.py",
        "eval",
    ): "the type of a parameter, of names and brackets alone, all of them known",
}


def _found(path: Path) -> Iterator[Fault]:
    if path.suffix == ".py":
        yield from faults(ast.parse(path.read_text(encoding="utf-8")))
    elif path.suffix == ".md":
        for _, tree in code_of(read(path)):
            yield from faults(tree)
    else:
        yield from snakefile_faults(path.read_text(encoding="utf-8"))


def _sources() -> list[Path]:
    modules = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [
        *modules,
        *all_sources(ROOT / "notebooks").values(),
        ROOT / "Snakefile",
        *sorted(ROOT.glob("*.smk")),
    ]


@pytest.mark.slow
def test_nothing_that_the_project_runs_is_told_by_a_file_what_to_run() -> None:
    sources = _sources()
    assert {path.suffix for path in sources} == {".py", ".md", ".smk", ""}
    named = {path: path.relative_to(ROOT).as_posix() for path in sources}
    found = [(named[path], fault) for path in sources for fault in _found(path)]
    wrong = [
        f"{path}:{one.line}: {one.what} {one.why}"
        for path, one in found
        if (path, one.what) not in EXCEPTIONS
    ]
    assert not wrong, "\n".join(wrong)
    assert {(path, one.what) for path, one in found} == set(EXCEPTIONS), (
        "an exception that is not needed any more"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "import cloudpickle as quick",
        "import shelve, json",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "from torch import load\nload(path)",
        "import torch as t\nt.load(path)",
        "from os import system as run\nrun('ls')",
        "torch.jit.load(path)",
        "torch.hub.load('a/b', 'c')",
        "dist.all_gather_object(found, mine)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=chosen)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.UnsafeLoader)",
        "yaml.unsafe_load(text)",
        "pandas.read_pickle(path)",
        "frame.to_pickle(path)",
        "eval(text)",
        "builtins.exec(text)",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "AutoConfig.from_pretrained(path)",
        "classes[kind].from_pretrained(path, trust_remote_code=True)",
        "AutoModel.from_pretrained(path, **settings)",
        "AutoModel.from_config(config)",
        "AutoModel.from_config(config, trust_remote_code=trusted)",
    ],
)
def test_each_way_is_noticed(code: str) -> None:
    assert list(faults(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "np.load(path)",
        "torch.load(path, weights_only=True)",
        "yaml.load(text, Loader=yaml.BaseLoader)",
        "yaml.safe_load(text)",
        "model.eval()",
        "subprocess.run(['ls'], check=True)",
        "AutoModel.from_pretrained(path, trust_remote_code=False)",
        "PeftModel.from_pretrained(model, path)",
    ],
)
def test_what_is_plain_is_let_through(code: str) -> None:
    assert not list(faults(ast.parse(code)))


@pytest.mark.parametrize("code", ["import pickle\n", "x = eval('1')\n", "load(p, trust_remote_code=True)\n"])
def test_each_way_is_noticed_in_a_snakefile(code: str) -> None:
    assert list(snakefile_faults(f"rule one:\n    output: 'a'\n    run:\n        {code}"))
