"""What is kept of a run, and what a reader sees of one that died."""

import datetime
from dataclasses import replace

from pyspark.sql import DataFrame

from coterie.lake import Lake
from coterie.pipeline.jobs import JOBS
from coterie.pipeline.maintain import run_maintain
from coterie.pipeline.run import Clock, Run, clock_of, fingerprint, finish, write_event
from coterie.pipeline.shop import Shop
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


def test_readers_see_what_maintain_compacted_and_it_leaves_alone_what_a_run_that_died_wrote(lake: Lake) -> None:
    first, dead = (run_of(lake, Clock()) for _ in range(2))
    for candidate in ("one", "two"):
        first.append("segment_agreement", agreement(lake, candidate))
    before = finish(first)["tables_written"]["segment_agreement"]
    maintain = run_of(lake, clock_of(lake))
    run_maintain(maintain)
    now = finish(maintain)["tables_written"]["segment_agreement"]
    assert before < now == lake.version("segment_agreement")
    dead.append("segment_agreement", agreement(lake, "half done"))
    again = run_of(lake, clock_of(lake))
    run_maintain(again)
    assert "segment_agreement" not in finish(again)["tables_written"]
    assert "left alone, since a run that died has written to them: segment_agreement; run its command again first" in again.message
    assert lake.version("segment_agreement") == now + 1
    assert Shop(lake.place, lake.spark).table("segment_agreement").count() == 2
