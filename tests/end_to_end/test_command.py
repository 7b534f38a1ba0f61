"""The command from files to tables, as a user types it."""

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.end_to_end.conftest import SMALL, Demo, coterie

from coterie.lake import Lake

RESULTS = (
    "events", "rejected_events", "ingested_files", "items", "customers", "cancellations", "daily_activity", "customer_item_days", "customer_state",
    "customer_features", "segments", "segment_profiles", "segment_candidates", "recommendations", "recommendation_quality", "models",
)  # fmt: skip


@pytest.fixture(scope="module")
def lake(spark: SparkSession, demo: Demo) -> Lake:
    return Lake(spark, demo.lake)


def test_every_row_of_the_demo_is_accounted_as_it_was_planted(demo: Demo) -> None:
    ingest = demo.results[0]
    planted = json.loads(next((demo.folder / "lake-raw" / "truth").rglob("dirty.json")).read_text())
    assert ingest["rows_read"] == ingest["rows_accepted"] + ingest["rows_rejected"] + ingest["rows_duplicate"]
    assert ingest["rows_duplicate"] == planted["duplicate"]
    assert ingest["rows_rejected"] == sum(count for kind, count in planted.items() if kind != "duplicate")


def test_every_customer_is_in_each_segmentation_and_gets_ten_recommendations(demo: Demo, lake: Lake) -> None:
    customers = lake.read("customer_features").count()
    counts = {row["segmentation"]: row["count"] for row in lake.read("segments").groupBy("segmentation").count().collect()}
    assert counts == {"chosen": customers, "rfm_rules": customers}
    served = lake.read("recommendations").groupBy("customer_id").agg(F.count("*").alias("n"), F.max("rank").alias("last"))
    assert served.where("n = 10 AND last = 10").count() == served.count() == customers


def test_running_again_changes_no_table(demo: Demo, lake: Lake) -> None:
    before = {name: lake.version(name) for name in RESULTS}
    result = coterie("run", "--lake", demo.lake, "--source", "coterie", "--input", str(demo.folder / "lake-raw"), "--json", *SMALL)
    assert result.returncode == 0, result.stderr
    assert {name: lake.version(name) for name in RESULTS} == before
    assert all("nothing" in values["message"] for values in json.loads(result.stdout))


def test_show_and_runs_print_rows_a_reader_can_read(demo: Demo) -> None:
    shown = coterie("show", "segment_profiles", "--lake", demo.lake, "--where", "segmentation = 'chosen'", "--json")
    assert shown.returncode == 0, shown.stderr
    names = [row["segment_name"] for row in json.loads(shown.stdout)]
    assert len(names) == len(set(names)) >= 4
    runs = coterie("runs", "--lake", demo.lake)
    assert runs.returncode == 0, runs.stderr
    said = " ".join(runs.stdout.split())
    assert f"{demo.results[0]['rows_rejected']:,} rejected" in said
    assert all(job in said for job in ("ingest", "features", "segments", "recommend"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--lake", "L", "--set", "segments.kk=3"], r"unknown setting 'segments.kk'; did you mean"),
        (["features", "--lake", "L", "--as-of", "yesterday"], "--as-of is 'yesterday'; expected a day as YYYY-MM-DD"),
        (["run", "--lake", "L", "--from", "2024-01-01"], "--from and --to go together"),
        (["ingest", "--lake", "L", "--source", "online_retial", "--input", "x"], "online_retail"),
        (["segments", "--lake", "L"], "no events yet; run `coterie ingest` first"),
        (["ingest", "--lake", "L", "--source", "cdnow", "--input", "no/such/folder"], "no/such/folder"),
        (["segments"], "Missing option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake_is_one_line_and_exit_code_two(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = coterie(*(str(tmp_path / "lake") if part == "L" else part for part in arguments))
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "lake" / "events").exists()
