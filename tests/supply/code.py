"""What code must not do, so that no file that it reads can make it run something; read off syntax trees."""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

# Modules whose readers run what a file says.
_UNPICKLING = frozenset("_pickle cPickle cloudpickle dill joblib jsonpickle marshal pickle shelve".split())
_FORBIDDEN = {
    "eval": "runs a text",
    "exec": "runs a text",
    "os.popen": "runs a shell",
    "os.system": "runs a shell",
    "subprocess.getoutput": "runs a shell",
    "subprocess.getstatusoutput": "runs a shell",
    "yaml.full_load": "makes Python objects",
    "yaml.full_load_all": "makes Python objects",
    "yaml.unsafe_load": "makes Python objects",
    "yaml.unsafe_load_all": "makes Python objects",
    "torch.export.load": "unpickles",
    "torch.hub.load": "runs code that is fetched",
    "torch.jit.load": "runs what a file says",
}
# Of torch.distributed: they pickle what they send.
_OF_OBJECTS = frozenset(
    "all_gather_object broadcast_object_list gather_object recv_object_list scatter_object_list "
    "send_object_list".split()
)
_PLAIN_LOADERS = frozenset(["BaseLoader", "CBaseLoader", "CSafeLoader", "SafeLoader"])
# Of transformers: without a plain no they ask on the terminal whether a model's own code may run.
_OF_MODELS = frozenset(["from_config", "from_pretrained"])
# In Snakemake's own language, which Python cannot parse.
_WORDS = _UNPICKLING | {"allow_pickle", "eval", "exec", "read_pickle", "to_pickle", "trust_remote_code"}


@dataclass(frozen=True)
class Fault:
    """A place in code that could run what a file says.

    Attributes:
        line: Where.
        what: The name that is called, imported or given.
        why: What is wrong with it.
    """

    line: int
    what: str
    why: str


def faults(tree: ast.AST) -> Iterator[Fault]:
    """Yield what is wrong with a module."""
    known = _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from _imported(node.lineno, (alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom):
            yield from _imported(node.lineno, [node.module or ""])
        elif isinstance(node, ast.Call):
            yield from (Fault(node.lineno, *found) for found in _called(node, known))


def snakefile_faults(text: str) -> Iterator[Fault]:
    """Yield what is wrong with a Snakefile: names that have no business there."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string in _WORDS:
            yield Fault(token.start[0], token.string, "runs what a file or a text says")


def _imported(line: int, modules: Iterable[str]) -> Iterator[Fault]:
    for module in modules:
        if module.split(".")[0] in _UNPICKLING:
            yield Fault(line, module.split(".")[0], "runs what a file says")


def _imports(tree: ast.AST) -> dict[str, str]:
    """Return what names that are imported under another one, or from a module, stand for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _called(call: ast.Call, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    first, dot, rest = _dotted(call.func).partition(".")
    name = f"{known.get(first, first)}{dot}{rest}"
    last = name.rpartition(".")[2]
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in _FORBIDDEN or f"builtins.{last}" == name:
        yield name, _FORBIDDEN.get(name, "runs a text")
    if last in {"read_pickle", "to_pickle"}:
        yield last, "runs what a file says"
    if last in _OF_OBJECTS:
        yield last, "pickles what it sends"
    if name == "torch.load" and not _is(given.get("weights_only"), True):
        yield name, "without weights_only=True unpickles"
    if name == "yaml.load" and _dotted(given.get("Loader")).rpartition(".")[2] not in _PLAIN_LOADERS:
        yield name, "without a plain Loader makes Python objects"
    if last in _OF_MODELS and ".Peft" not in f".{name}" and "trust_remote_code" not in given:
        yield last, "without trust_remote_code=False asks whether to run a model's own code"
    for key in ("allow_pickle", "shell", "trust_remote_code"):
        if key in given and not _is(given[key], False):
            yield f"{key}=", "must be False"
    if None in given and last in _OF_MODELS:
        yield f"{last}(**", "hides whether trust_remote_code is False"


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _dotted(node: ast.expr | None) -> str:
    """Return a dotted name, with `?` for what is no name."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"
