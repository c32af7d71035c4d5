"""Tasks: labelled texts, a prompt and label words, from bundled, hub or local data.

`load("mr")` gives a bundled task, `load("my-task.yml")` one's own (see `lintune.tasks.files`).
"""

from pathlib import Path

from lintune.tasks.bundled import load_bundled, names
from lintune.tasks.files import load_file
from lintune.tasks.prompt import Prompt
from lintune.tasks.splits import FewShot, few_shot
from lintune.tasks.task import Examples, Source, Task

__all__ = ["Examples", "FewShot", "Prompt", "Source", "Task", "few_shot", "load", "names"]


def load(name_or_path: str | Path) -> Task:
    """Return a task by its bundled name or from its task file.

    Args:
        name_or_path: One of `names()`, or the path of a task file ending in `.yml` or `.yaml`.

    Raises:
        InputError: No bundled task has that name, or the task file is wrong.
        FetchError: Data cannot be fetched or stored.
        CorruptFileError: Data in the cache are not the published ones.
    """
    if Path(name_or_path).suffix in (".yml", ".yaml"):
        return load_file(Path(name_or_path))
    return load_bundled(str(name_or_path))
