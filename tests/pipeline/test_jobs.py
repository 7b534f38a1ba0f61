"""What is kept of a run, and what a reader sees of one that died."""

import datetime
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.pipeline.jobs import JOBS
from coterie.pipeline.maintain import run_maintain
from coterie.pipeline.run import RESULTS, Clock, Run, clock_of, fingerprint, finish, was_interrupted, write_event
from coterie.pipeline.shop import Shop
from coterie.pipeline.undo import take_back
from coterie.rows import collected
from coterie.schemas import TABLES
from coterie.session import with_options
from coterie.settings import load_settings

NOW = datetime.datetime.now(datetime.UTC)
MARCH, APRIL = datetime.date(2024, 3, 31), datetime.date(2024, 4, 30)
TOMORROW = NOW + datetime.timedelta(days=1)


class Held:
    """A lease that is never lost."""

    def check(self) -> None:
        pass


def run_of(lake: Lake, clock: Clock) -> Run:
    return Run("maintain", lake, load_settings([]), None, Held(), "command", clock=clock)  # type: ignore[arg-type]


def agreement(lake: Lake, candidate: str) -> DataFrame:
    return lake.spark.createDataFrame([(MARCH, candidate, "other", 1.0)], "as_of date, candidate string, other string, adjusted_rand double")


def test_clock_goes_forward_where_the_machines_goes_back() -> None:
    clock = Clock(TOMORROW)
    first = clock.now()
    assert first > TOMORROW
    assert clock.now() > first


def test_the_newest_run_is_known_where_the_clock_went_back(lake: Lake) -> None:
    write_event(run_of(lake, Clock(TOMORROW)), "finished")
    later = run_of(lake, clock_of(lake))
    write_event(later, "finished")
    assert Shop(lake.place, lake.spark).history()[0]["run_id"] == later.run_id


def test_a_table_that_no_run_has_finished_has_no_rows_for_a_reader(lake: Lake) -> None:
    run = run_of(lake, Clock())
    write_event(run, "started")
    run.replace("segment_agreement", agreement(lake, "half done"))
    assert Shop(lake.place, lake.spark).table("segment_agreement").count() == 0
    assert Shop(lake.place, lake.spark).table("runs").count() == 1


def test_a_table_is_read_as_the_last_finished_run_left_it(lake: Lake) -> None:
    first, second = (run_of(lake, Clock()) for _ in range(2))
    first.replace("segment_agreement", agreement(lake, "done"))
    write_event(first, "finished")
    write_event(second, "started")
    second.replace("segment_agreement", agreement(lake, "half done"))
    shop = Shop(lake.place, lake.spark)
    assert [row["candidate"] for row in shop.table("segment_agreement").collect()] == ["done"]
    assert {row["run_id"]: row["state"] for row in shop.history()} == {first.run_id: "finished", second.run_id: "interrupted"}


def test_segments_stand_until_those_of_an_earlier_date_are_made_anew(lake: Lake) -> None:
    def of_april() -> str:
        return fingerprint(JOBS["segments"], lake, load_settings([]), APRIL)

    def finished(as_of: datetime.date, *written: str) -> None:
        run = replace(run_of(lake, clock_of(lake)), job="segments", as_of=as_of)
        run.written.update(written)
        finish(run)

    lake.create("segments")
    found = [of_april()]
    for as_of, written in ((MARCH, ["segments"]), (MARCH, []), (APRIL, ["segments"]), (MARCH, ["segments"])):  # March the second time: nothing new
        finished(as_of, *written)
        found.append(of_april())
    before, march, skipped, april, again = found
    assert march == skipped == april
    assert len({before, march, again}) == 3


def test_a_lake_without_its_runs_is_shown_as_it_lies(lake: Lake) -> None:
    lake.replace("segment_agreement", agreement(lake, "old"))
    assert Shop(lake.place, lake.spark).table("segment_agreement").count() == 1


def test_a_given_session_is_brought_to_the_lakes_time_zone(spark: SparkSession, tmp_path: Path) -> None:
    spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    assert Shop(str(tmp_path), spark).spark.conf.get("spark.sql.session.timeZone") == "UTC"


def test_instants_of_an_hour_that_is_there_twice_keep_their_order(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    twice = "explode(array(timestamp '2024-10-27 00:50:00Z', timestamp '2024-10-27 01:10:00Z', NULL))"
    try:
        found = [row["at"] for row in collected(spark.sql(f"SELECT {twice} AS at"))]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == [datetime.datetime(2024, 10, 27, hour, minute, tzinfo=datetime.UTC) for hour, minute in ((0, 50), (1, 10))] + [None]


def test_rows_without_an_instant_are_collected_as_they_are(spark: SparkSession) -> None:
    assert collected(spark.sql("SELECT 1 AS n, named_struct('a', NULL) AS s")) == [{"n": 1, "s": {"a": None}}]


def test_a_run_cut_short_is_of_its_date_alone(lake: Lake) -> None:
    def is_cut_short(as_of: datetime.date) -> bool:
        return was_interrupted(replace(run_of(lake, clock_of(lake)), job="segments", as_of=as_of), of_date=True)

    for as_of in (MARCH, APRIL):
        write_event(replace(run_of(lake, clock_of(lake)), job="segments", as_of=as_of), "finished")
    write_event(replace(run_of(lake, clock_of(lake)), job="segments", as_of=MARCH), "started")
    assert (is_cut_short(MARCH), is_cut_short(APRIL)) == (True, False)


def test_every_table_with_dates_is_of_one_job_or_made_whole() -> None:
    whole = ["customer_items", "customer_state", "models"]  # replaced; made anew from the days that changed; a model that was stored is whole
    by_date = [table for job in JOBS.values() for table in job.by_date]
    assert sorted(by_date + whole) == sorted(name for name in RESULTS if "as_of" in TABLES[name].names)


def test_what_a_run_that_died_made_of_another_date_is_taken_back(lake: Lake) -> None:
    def run(as_of: datetime.date) -> Run:
        return replace(run_of(lake, clock_of(lake)), job="segments", as_of=as_of)

    def shown() -> list[str]:
        return sorted(row["candidate"] for row in Shop(lake.place, lake.spark).table("segment_agreement").collect())

    first = run(MARCH)
    first.append("segment_agreement", agreement(lake, "done"))
    finish(first)
    died = run(MARCH)
    write_event(died, "started")
    died.replace("segment_agreement", agreement(lake, "half done"), f"as_of = DATE'{MARCH}'")
    other = run(APRIL)
    take_back(other, ["segment_agreement"])
    other.append("segment_agreement", agreement(lake, "of April").withColumn("as_of", F.lit(APRIL)))
    finish(other)
    assert shown() == ["done", "of April"]
    version, later = lake.version("segment_agreement"), run(APRIL)
    take_back(later, ["segment_agreement"])
    assert lake.version("segment_agreement") == version


def test_where_there_is_no_lake_none_is_made(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(str(tmp_path / "laek"), spark)
    for asked in (shop.features, shop.maintain, shop.history):
        with pytest.raises(UserError, match="there is no lake at"):
            asked()
    assert not (tmp_path / "laek").exists()


def test_maintain_drops_old_results_of_every_table_that_has_a_date(lake: Lake) -> None:
    def put(table: str, as_of: datetime.date) -> None:
        known = {"as_of": as_of, "segmentation": "chosen", "customer_id": "c", "segment_id": 1, "x": 0.0, "y": 0.0}
        columns = TABLES[table].columns
        blank = {"int": 0, "bigint": 0, "double": 0.0, "boolean": False, "string": ""}
        row = tuple(known.get(column.name, blank.get(column.type) if column.required else None) for column in columns)
        lake.append(table, lake.spark.createDataFrame([row], ", ".join(f"{column.name} {column.type}" for column in columns)))

    put("customer_features", APRIL)
    for as_of in (MARCH - datetime.timedelta(days=400), MARCH):
        put("segment_projection", as_of)
    run_maintain(run_of(lake, Clock()))
    assert [row["as_of"] for row in lake.read("segment_projection").collect()] == [MARCH]


def test_readers_see_what_maintain_compacted_and_it_leaves_alone_what_a_run_that_died_wrote(lake: Lake) -> None:
    first, dead = (run_of(lake, Clock()) for _ in range(2))
    for candidate in ("one", "two"):
        first.append("segment_agreement", agreement(lake, candidate))
    before = finish(first)["tables_written"]["segment_agreement"]
    maintain = run_of(lake, clock_of(lake))
    run_maintain(maintain)
    now = finish(maintain)["tables_written"]["segment_agreement"]
    assert before < now == lake.version("segment_agreement")
    killed = run_of(lake, clock_of(lake))
    write_event(killed, "started")
    with with_options(lake.spark, {"spark.databricks.delta.commitInfo.userMetadata": killed.run_id}):
        lake.delete("segment_agreement", "candidate = 'one'")
    after = run_of(lake, clock_of(lake))
    run_maintain(after)
    now = finish(after)["tables_written"]["segment_agreement"]
    dead.append("segment_agreement", agreement(lake, "half done"))
    again = run_of(lake, clock_of(lake))
    run_maintain(again)
    assert "segment_agreement" not in finish(again)["tables_written"]
    assert "left alone, since a run that died has written to them: segment_agreement; run its command again first" in again.message
    assert lake.version("segment_agreement") == now + 1
    assert Shop(lake.place, lake.spark).table("segment_agreement").count() == 1
