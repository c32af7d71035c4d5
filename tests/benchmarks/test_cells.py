"""The measurement of cells' constituents: every law has its points, and a point is of what a cell does."""

from pathlib import Path

import pytest
import torch

from benchmarks.cells import SHAPES, Shape, cases_of, laws, table
from benchmarks.cells_worker import Bench, Case, Job
from lintune.cli.finetuning.top import in_top
from lintune.cli.methods import method_of
from lintune.methods import METHODS
from lintune.prompted import PromptedModel
from lintune.studies.cell_costs import MEMORY, Sizes, work
from lintune.studies.cell_costs.work import TERMS
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def points() -> list[dict]:
    """Return points of a tiny model, as workers of two models would have measured them."""
    tiny = pretrained("llama", torch.float32)
    prompted = PromptedModel(tiny, task().prompt_for("causal"), 32)
    cases = [Case(name, (), depth, "tiny", texts, 32)
             for name, depth, texts in (("weights", 1, 4), ("norms", 1, 6), ("weights", 2, 8))]  # fmt: skip
    loading = {"constituent": "load", "kind": "", "wall": 3.0, "cpu": 2.0, "peak": 10**9, "held": None}
    mine = [point for case in cases for point in Bench(prompted, task(), case).points()]
    found = []
    for model, size, slower in (("one", 1e6, 1.0), ("two", 2e6, 1.1), ("three", 3e6, 0.9)):
        found.append({"model": model, "terms": (1.0, size), **loading})
        found += [{"model": model, **point, "cpu": slower * max(point["cpu"], 1e-4)} for point in mine]
    return found


def test_every_constituent_is_measured_and_has_a_law(points: list[dict]) -> None:
    assert {point["constituent"] for point in points} == set(TERMS)
    assert all(
        point["wall"] > 0 and len(point["terms"]) == len(TERMS[point["constituent"]]) for point in points
    )
    found = laws(points, "cpu")
    assert set(found) == {*TERMS, "memory"}
    assert found["memory"].terms == MEMORY
    assert found["step"].groups == ("one", "three", "two")
    assert set(found["step"].factors) == {"norms", "weights"}
    for name in found:
        assert f"\n{name}" in table(found)


def test_a_point_has_the_terms_that_a_cell_is_planned_with(points: list[dict]) -> None:
    model = pretrained("llama", torch.float32).model
    method = in_top(method_of("norms", {}, ()), model, 1)
    sizes = Sizes.of(model, method, "norms", 2)
    prefix = next(point for point in points if point["constituent"] == "prefix")
    assert prefix["terms"][0] == sizes.frozen == 1
    mine = [point for point in points if point["kind"] == "norms"]
    trained = next(point for point in mine if point["constituent"] == "step")["terms"]
    assert trained == work.step(sizes, [int(trained[1] / sizes.tuned_weights)]).terms
    stored = next(point for point in mine if point["constituent"] == "derivatives")["terms"][2]
    assert stored == 6 * sizes.outputs * sizes.trained


def test_every_method_is_measured_once_and_the_usual_ones_over_sizes() -> None:
    cases = cases_of(30, every=True)
    assert {case.method for case in cases} == set(METHODS) - {"biases"}
    assert {case.depth for case in cases if case.method == "lora"} == {1, 5, 15, 30}
    for shape in SHAPES:
        assert {case.depth for case in cases_of(shape.blocks, every=False)} <= set(range(1, shape.blocks + 1))
    assert Shape(256, 8).name == "llama-256x8"


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    import json
    from dataclasses import asdict

    job = Job("m", (Case("rows", ("count=2",), 1, "mr", 4, 64),), 1, "cpu", 1.5)
    assert Job.from_json(json.dumps(asdict(job))) == job
