"""Tasks: labelled texts, a prompt and label words, from bundled, hub or local data.

`load("mr")` gives a bundled task, `load("rte")` one whose data are published on the hub (see
`lintune.tasks.hub`), `load("my-task.yml")` one's own (see `lintune.tasks.files`).
"""

from pathlib import Path

from lintune.errors import unknown_name
from lintune.tasks.bundled import load_bundled, names
from lintune.tasks.files import load_file
from lintune.tasks.hub import hub_names, load_hub
from lintune.tasks.prompt import Prompt
from lintune.tasks.splits import FewShot, few_shot
from lintune.tasks.task import Examples, Source, Task
from lintune.tasks.titles import TITLES

__all__ = [
    "Examples",
    "FewShot",
    "Prompt",
    "Source",
    "Task",
    "few_shot",
    "hub_names",
    "load",
    "names",
    "title",
]


def load(name_or_path: str | Path, copies: Path | None = None) -> Task:
    """Return a task by its name or from its task file.

    Args:
        name_or_path: One of `names()` or `hub_names()`, or the path of a task file ending in `.yml` or
            `.yaml`.
        copies: Folder of local copies of the hub's data sets, laid out as there, for the tasks of
            `hub_names()`. None for the one that the environment variable `LINTUNE_DATASETS` names, and
            the hub where that is not set. Other tasks do not look at it.

    Raises:
        InputError: No task has that name, the task file is wrong, the folder of copies lacks the data
            set, or the data are not what the task expects.
        FetchError: Data cannot be fetched or stored.
        CorruptFileError: Data in the cache are not the published ones.
    """
    if Path(name_or_path).suffix in (".yml", ".yaml"):
        return load_file(Path(name_or_path))
    name = str(name_or_path)
    if name in hub_names():
        return load_hub(name, copies)
    if name not in names():
        raise unknown_name("task", name, [*names(), *hub_names()])
    return load_bundled(name)


def title(name_or_path: str | Path) -> str:
    """Return what a task is called in print; the data of a bundled one are not read for that.

    Args:
        name_or_path: As for `load`.

    Raises:
        InputError, FetchError, CorruptFileError: As from `load`.
    """
    return TITLES.get(str(name_or_path)) or load(name_or_path).title
