"""Loading of the tasks whose data are published on the hub.

Without a network, a folder takes the hub's place: `<folder>/nyu-mll/glue` holds what the hub has under
`nyu-mll/glue`. It is the argument `copies`, or else the environment variable `LINTUNE_DATASETS`.
"""

import os
from pathlib import Path

import numpy as np

from lintune.errors import InputError, unknown_name
from lintune.tasks.published import PUBLISHED, Published
from lintune.tasks.splits import distinct, without
from lintune.tasks.tables import HubData
from lintune.tasks.task import Examples, Source, Task, content_hash

COPIES_VARIABLE = "LINTUNE_DATASETS"


def hub_names() -> tuple[str, ...]:
    """Return the names of the tasks whose data are published on the hub."""
    return tuple(PUBLISHED)


def load_hub(name: str, copies: Path | None = None) -> Task:
    """Return a task whose data are published on the hub.

    Args:
        name: One of `hub_names()`.
        copies: Folder of local copies, laid out as on the hub (`<copies>/nyu-mll/glue/...`). None for the
            one that `LINTUNE_DATASETS` names, and the hub where that is not set.

    Raises:
        InputError: There is no such task, the folder lacks its data, or they are not what is expected.
        FetchError: The data cannot be loaded.
    """
    if name not in PUBLISHED:
        raise unknown_name("task", name, PUBLISHED)
    spec = PUBLISHED[name]
    data = HubData(_found(spec.hub, copies), spec.config)
    given = [data.table(split, spec.schema.columns) for split in ("train", spec.test)]
    whole, test = map(spec.schema.examples, given)
    _check_classes(given[0].where, whole, spec.classes)
    train = without(distinct(whole), test)
    left_out = sum(len(table.rows) for table in given) - len(train) - len(test)
    return Task(
        name,
        spec.title,
        spec.classes,
        spec.prompt,
        train,
        test,
        _source(spec, train, test, left_out),
        masked_prompt=spec.masked_prompt,
        metric=spec.metric,
    )


def _found(hub: str, copies: Path | None) -> str:
    """Return where the data are: in the folder of copies if one is named, otherwise on the hub."""
    folder = copies if copies is not None else os.environ.get(COPIES_VARIABLE)
    if not folder:
        return hub
    local = Path(folder).expanduser() / hub
    if not local.is_dir():
        argument = "copies" if copies is not None else COPIES_VARIABLE
        raise InputError(
            f"{argument}={str(folder)!r} has no folder {hub!r}; it must be laid out as on the hub, and what "
            "is not in it is not fetched."
        )
    return str(local)


def _check_classes(where: str, train: Examples, classes: tuple[str, ...]) -> None:
    for name, count in zip(classes, np.bincount(train.labels, minlength=len(classes)), strict=True):
        if count == 0:
            raise InputError(f"{where}: no row is of the class {name!r}.")


def _source(spec: Published, train: Examples, test: Examples, left_out: int) -> Source:
    config = "" if spec.config is None else f", {spec.config}"
    note = (
        f"Standard, as published on the hub ({spec.hub}{config}); test split: {spec.test}. {spec.note} "
        f"{left_out} rows left out: texts that repeat or are also test texts, and rows without text."
    )
    return Source(spec.licence, spec.citation, " ".join(note.split()), content_hash(train, test))
