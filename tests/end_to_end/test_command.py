"""The command from files to tables, as a user types it."""

import json
import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.end_to_end.conftest import SMALL, Demo, coterie

from coterie import __version__
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
    in_the_way = demo.folder / ".lake-report.html.part"
    in_the_way.mkdir()
    result = coterie("run", "--lake", demo.lake, "--source", "coterie", "--input", str(demo.folder / "lake-raw"), "--json", *SMALL)
    assert result.returncode == 0, result.stderr
    assert {name: lake.version(name) for name in RESULTS} == before
    assert all("nothing" in values["message"] for values in json.loads(result.stdout))
    in_the_way.rmdir()
    assert "no report: '" in result.stderr  # the tables stand all the same
    assert "lake-report.html' cannot be written (Is a directory); mend that, or give another file" in result.stderr


def test_the_command_alone_shows_its_help() -> None:
    result = coterie()
    assert (result.returncode, result.stderr) == (0, "")
    assert "Usage: " in result.stdout


def test_the_version_is_told() -> None:
    assert coterie("--version").stdout == f"coterie {__version__}\n"


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


def test_a_page_lies_beside_the_lake(demo: Demo) -> None:
    page = demo.folder / "lake-report.html"
    text = page.read_text()
    assert "Who the customers are" in text
    assert f"{demo.results[0]['rows_read']:,}" in text
    assert 'class="card"' in text
    assert page.stat().st_size < 5_000_000


def test_a_date_without_results_names_those_that_exist(demo: Demo, tmp_path: Path) -> None:
    result = coterie("report", "--lake", demo.lake, "--as-of", "1999-12-31", "--out", str(tmp_path / "report.html"))
    assert result.returncode == 2
    assert f"there are no results as of 1999-12-31; the dates there are: {demo.results[-1]['as_of']}" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_customer_is_explained_and_an_unknown_one_is_told_the_nearest_ids(demo: Demo, lake: Lake, tmp_path: Path) -> None:
    known = lake.read("recommendations").where("rank = 1").orderBy("customer_id").first()
    assert known is not None
    told = coterie("explain", known["customer_id"], "--lake", demo.lake)
    assert told.returncode == 0, told.stderr
    assert all(title in told.stdout for title in ("Who they are", "What they did", "Customers like them", "What is offered to them", "What would move them"))
    assert known["reason"].split()[0] in told.stdout
    page = tmp_path / "customer.html"
    assert coterie("explain", known["customer_id"], "--lake", demo.lake, "--html", str(page)).returncode == 0
    assert f"Customer {known['customer_id']}" in page.read_text()
    unknown = coterie("explain", f"{known['customer_id']}x", "--lake", demo.lake)
    assert unknown.returncode == 2
    assert f"the nearest ids are: {known['customer_id']}, " in unknown.stderr


def test_a_lake_that_lost_tables_still_has_a_page(spark: SparkSession, demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(demo.lake, tmp_path / "lake", ignore=shutil.ignore_patterns("recommendations", "segment_candidates", "daily_activity"))
    result = coterie("report", "--lake", str(tmp_path / "lake"))
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "lake-report.html").read_text()
    assert text.count("the lake has no table") >= 4
    assert "Who the customers are" in text


def test_show_picks_columns_and_order_and_writes_csv(demo: Demo) -> None:
    shown = coterie(
        "show",
        "segment_profiles",
        "--lake",
        demo.lake,
        "--columns",
        "segment_id,size",
        "--where",
        "segmentation = 'chosen'",
        "--order-by",
        "size desc",
        "--csv",
    )
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    sizes = [int(line.split(",")[1]) for line in lines[1:]]
    assert lines[0] == "segment_id,size"
    assert sizes == sorted(sizes, reverse=True)
    wrong = coterie("show", "segment_profiles", "--lake", demo.lake, "--columns", "sise")
    assert "no column 'sise'; did you mean 'size'?" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--lake", "L", "--set", "segments.kk=3"], r"unknown setting 'segments.kk'; did you mean"),
        (["run", "--lake", "L", "--until", "segmets"], "--until is 'segmets'; the jobs of this run are features, segments, recommend"),
        (["features", "--lake", "L", "--as-of", "yesterday"], "--as-of is 'yesterday'; expected a day as YYYY-MM-DD"),
        (["run", "--lake", "L", "--from", "2024-01-01"], "--from and --to go together"),
        (["run", "--lake", "L", "--from", "2024-01-01", "--to", "2024-01-02", "--input", "raw"], "leave --input away"),
        (["features", "--lake", "L", "--from", "2024-01-01", "--to", "2024-01-02", "--as-of", "2024-01-02"], "leave --as-of away"),
        (["ingest", "--lake", "L", "--source", "online_retial", "--input", "x"], "online_retail"),
        (["segments", "--lake", "L"], "give the place of one with --lake, or make one"),
        (["ingest", "--lake", "L", "--source", "cdnow", "--input", "no/such/folder"], "no/such/folder"),
        (["segments"], "Missing option"),
        (["show", "events", "--lake", "L", "--set", "segments.kk=3"], "unknown setting 'segments.kk'"),
        (["runs", "--lake", "L", "--conf", "no/such.toml"], "there is no settings file 'no/such.toml'"),
        (["tune", "--lake", "L", "--out", "no/such/tuned.toml"], "--out 'no/such/tuned.toml': there is no folder 'no/such'"),
        (["report", "--lake", "L", "--out", "no/such/folder/page.html"], "there is no folder 'no/such/folder'"),
        (["report", "--lake", "L"], "there is no lake at"),
        (["explain", "c1", "--lake", "L"], "there is no lake at"),
        (["report", "--lake", "main.shop"], "is no local folder that a report could be put beside"),
        (["explain", "c1", "--lake", "L", "--html", "."], "--html '.' is a folder"),
        (["describe", "segmets"], "no table or feature 'segmets'; did you mean 'segments'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake_is_one_line_and_exit_code_two(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = coterie(*(str(tmp_path / "lake") if part == "L" else part for part in arguments))
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "lake" / "events").exists()
