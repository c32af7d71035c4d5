"""The report as a record: rows, verdicts, answers and cautions, with where they come from."""

from dataclasses import asdict
from pathlib import Path

from lintune import records
from lintune.cli.diagnosis.answers import plain
from lintune.cli.diagnosis.scores import references, scores
from lintune.cli.diagnosis.study import Diagnosis


def save(diagnosis: Diagnosis, path: Path, stopwatch: records.Stopwatch) -> None:
    """Write a diagnosis, replacing what is there in one step; `lintune.records.read` reads it.

    Raises:
        InputError: A number is not finite.
        FetchError: The file cannot be written.
    """
    request, setting = diagnosis.request, diagnosis.setting
    records.write(
        "diagnose",
        {
            "rows": plain(diagnosis.rows),
            "references": references(diagnosis.rows),
            "scores": plain(scores(diagnosis.rows)),
            "verdicts": plain(diagnosis.verdicts),
            "answers": [asdict(answer) for answer in diagnosis.answers],
            "cautions": diagnosis.cautions,
        },
        parameters=setting.parameters(request),
        inputs={f"model {request.model}": setting.weights, f"task {request.task}": setting.data},
        device=request.device,
        dtype=request.dtype,
        stopwatch=stopwatch,
        path=path,
    )
