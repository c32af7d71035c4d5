"""The tasks that need no hub: their data ship inside registry packages."""

from collections.abc import Callable

from lintune.errors import unknown_name
from lintune.tasks import pairs, sentences
from lintune.tasks.task import Task

_TASKS: dict[str, Callable[[], Task]] = {
    "mr": sentences.mr,
    "sst2-like": sentences.sst2_like,
    "sst5-like": sentences.sst5_like,
    "cr-like": sentences.cr_like,
    "subj-rebuilt": sentences.subj_rebuilt,
    "trec": sentences.trec,
    "snli": pairs.snli,
    "boolq": pairs.boolq,
}


def names() -> tuple[str, ...]:
    """Return the names of the bundled tasks."""
    return tuple(_TASKS)


def load_bundled(name: str) -> Task:
    """Return a bundled task, fetching its archives into the cache when they are not there.

    Args:
        name: One of `names()`.

    Raises:
        InputError: There is no such task.
        FetchError: An archive cannot be fetched or stored.
        CorruptFileError: An archive in the cache is not the published one.
    """
    if name not in _TASKS:
        raise unknown_name("task", name, _TASKS)
    return _TASKS[name]()
