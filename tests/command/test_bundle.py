"""The Databricks bundle, as far as it can be held against the code without a workspace: keys, paths, commands and their options."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from coterie.cli import app

ROOT = Path(__file__).parents[2]
FILE = ROOT / "conf" / "databricks" / "databricks.yml"
# Keys of the bundle reference that are used here, by the place they stand at.
KNOWN = {
    "": {"bundle", "variables", "artifacts", "resources", "targets"},
    "artifact": {"type", "path", "build"},
    "job": {"name", "max_concurrent_runs", "parameters", "tasks", "environments", "job_clusters"},
    "task": {"task_key", "depends_on", "environment_key", "job_cluster_key", "libraries", "python_wheel_task"},
    "wheel": {"package_name", "entry_point", "parameters"},
}


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


@pytest.fixture(scope="module")
def tasks(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["task_key"]: task for task in bundle["resources"]["jobs"]["coterie"]["tasks"]}


def test_only_keys_of_the_reference_are_used(bundle: dict[str, Any], tasks: dict[str, dict[str, Any]]) -> None:
    assert set(bundle) == KNOWN[""]
    assert set(bundle["artifacts"]["coterie"]) <= KNOWN["artifact"]
    assert set(bundle["resources"]["jobs"]["coterie"]) <= KNOWN["job"]
    for task in tasks.values():
        assert set(task) <= KNOWN["task"]
        assert set(task["python_wheel_task"]) == KNOWN["wheel"]


def test_every_variable_is_declared_and_used(bundle: dict[str, Any]) -> None:
    assert set(re.findall(r"\$\{var\.(\w+)\}", FILE.read_text())) == set(bundle["variables"])


def test_the_flow_is_one_chain_of_commands_that_exist(tasks: dict[str, dict[str, Any]]) -> None:
    assert list(tasks) == ["ingest", "features", "segments", "recommend", "report"]
    before = [None, *tasks]
    for place, (key, task) in enumerate(tasks.items()):
        assert [one["task_key"] for one in task.get("depends_on", [])] == ([before[place]] if place else [])
        assert task["python_wheel_task"]["parameters"][0] == key


def test_every_option_is_one_of_its_command(tasks: dict[str, dict[str, Any]]) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for key, task in tasks.items():
        known = {option for parameter in commands[key].params for option in parameter.opts}
        assert {one for one in task["python_wheel_task"]["parameters"] if one.startswith("--")} <= known


def test_every_task_has_a_place_to_run_that_is_there(bundle: dict[str, Any], tasks: dict[str, dict[str, Any]]) -> None:
    job = bundle["resources"]["jobs"]["coterie"]
    places = {one["environment_key"] for one in job["environments"]} | {one["job_cluster_key"] for one in job["job_clusters"]}
    for task in tasks.values():
        assert (task.get("environment_key") or task.get("job_cluster_key")) in places


def test_the_wheel_is_built_from_this_package_and_its_entry_point_resolves(bundle: dict[str, Any], tasks: dict[str, dict[str, Any]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (FILE.parent / bundle["artifacts"]["coterie"]["path"]).resolve() == ROOT
    for task in tasks.values():
        assert task["python_wheel_task"]["package_name"] == project["name"]
        assert task["python_wheel_task"]["entry_point"] in project["scripts"]
    module, name = project["scripts"]["coterie"].split(":")
    assert callable(getattr(__import__(module, fromlist=[name]), name))
    assert (ROOT / "conf" / "databricks.toml").is_file()


def test_the_report_gets_the_libraries_of_its_extra(bundle: dict[str, Any]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    environment = bundle["resources"]["jobs"]["coterie"]["environments"][0]["spec"]
    assert set(extras["report"]) <= set(environment["dependencies"])
