"""The workflows: as their schemas say, actions pinned by commit, and no right that a job does not need."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
SCHEMAS = {
    **dict.fromkeys(WORKFLOWS, "vendor.github-workflows"),
    **dict.fromkeys(ACTIONS, "vendor.github-actions"),
    GITHUB / "dependabot.yml": "vendor.dependabot",
}
# What a job may do beyond reading the repository, and with which actions alone it may do it.
RIGHTS = {
    "actions/configure-pages": {"pages": "read"},
    "actions/deploy-pages": {"pages": "write", "id-token": "write"},
}


def read(path: Path) -> dict[str, Any]:
    # The base loader: for PyYAML's others the key `on` is true.
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return content


JOBS = {f"{path.stem}: {name}": job for path in WORKFLOWS for name, job in read(path)["jobs"].items()}


def actions(job: dict[str, Any]) -> list[str]:
    return [step["uses"] for step in job["steps"] if "uses" in step]


def test_there_is_something_to_check() -> None:
    assert [path.stem for path in WORKFLOWS] == ["book", "nightly"]
    assert ACTIONS


@pytest.mark.slow
@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_it_is_as_its_schema_says(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[path], str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_workflow_that_is_not_as_its_schema_says_is_noticed(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    stepps: []\n")
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(wrong),
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_an_auditor_of_workflows_finds_nothing() -> None:
    command = [
        str(Path(sys.executable).with_name("zizmor")),
        "--offline",
        "--no-progress",
        "--quiet",
        str(ROOT),
    ]
    done = subprocess.run([*command, "--pedantic"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.parent.name + "/" + path.name)
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(path: Path) -> None:
    used = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    pinned = re.compile(r"(- )?uses: (\$/\.github/actions/\w+|actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")
    assert used
    assert [line for line in used if not pinned.fullmatch(line)] == []


def test_an_action_has_one_commit_everywhere() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (*WORKFLOWS, *ACTIONS)]
    found = {pin for text in texts for pin in re.findall(r"uses: (\S+)@(\S+ # \S+)", text)}
    assert len(found) == len({name for name, _ in found})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_no_more_than_read(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_the_rights_that_its_actions_need_and_no_others(name: str) -> None:
    job = JOBS[name]
    used = [action.partition("@")[0] for action in actions(job)]
    needed = {right: how for action in used for right, how in RIGHTS.get(action, {}).items()}
    reads = {"contents": "read"} if "actions/checkout" in used else {}
    assert job.get("permissions", {"contents": "read"}) == reads | needed


@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_may_write_runs_no_code_of_the_repository(name: str) -> None:
    job = JOBS[name]
    if "write" in job.get("permissions", {}).values():
        assert not any(
            "run" in step or step.get("uses", "").startswith(("$/", "./")) for step in job["steps"]
        )


@pytest.mark.parametrize("name", JOBS)
def test_a_job_leaves_no_credentials_to_its_steps_and_ends_some_day(name: str) -> None:
    job = JOBS[name]
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)
    assert int(job["timeout-minutes"]) <= 180
    assert "${{ secrets" not in str(job)


def test_nothing_is_run_by_a_request_of_a_stranger_with_more_rights_than_theirs() -> None:
    for path in WORKFLOWS:
        asked = read(path)["on"]
        assert set(asked) <= {"push", "pull_request", "schedule", "workflow_dispatch"}
