"""The features job on a lake: events that come in pieces, late, again, or around a crash, leave what they leave at once."""

import datetime
import random
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from shop_rows import customers, day, event, events, items

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.pipeline.jobs import execute
from coterie.pipeline.run import Progress
from coterie.settings import load_settings

RESULTS = ("daily_activity", "customer_item_days", "cancellations", "customer_state", "customer_features")
AS_OF = day("2020-03-07")


def run(lake: Lake, as_of: datetime.date, progress: Progress = lambda job, words: None) -> dict[str, Any]:
    return execute(lake, ["features"], load_settings([{"shop": {"country": "GB", "time_zone": "Europe/London"}}]), as_of, progress=progress)[0]


def rows(lake: Lake, table: str) -> list[Any]:
    found = lake.read(table)
    if "as_of" in found.columns:
        found = found.where(found.as_of == AS_OF)
    return sorted(found.collect(), key=str)


def some_events(seed: int) -> list[dict[str, Any]]:
    """Twelve customers who buy, cancel, return and look from 20 February to 7 March 2020."""
    chance, made = random.Random(seed), []
    for number in range(150):
        kind = chance.choice(["purchase", "purchase", "cancel", "return", "view", "adjustment"])
        on = str(day("2020-02-20") + datetime.timedelta(days=chance.randint(0, 16)))
        more = {} if kind == "adjustment" else {"item_id": chance.choice("xyz")}
        more |= {"event_id": f"{seed}-{number:03d}", "order_id": chance.choice([None, "o1", "o2"]), "hour": chance.randint(0, 23)}
        made.append(event(f"c{chance.randint(1, 12):02d}", on, kind, **more))
    return made


def with_people(spark: SparkSession, folder: Path) -> Lake:
    lake = Lake(spark, str(folder))
    lake.replace("items", items(spark, x="a", y="a", z="b").fillna({"is_sellable": True, "is_declared": True}))
    declared = [{"customer_id": f"c{n:02d}", "valid_from": day("2020-01-01"), "country": "GB", "is_declared": True} for n in range(1, 14)]
    lake.replace("customers", customers(spark, *declared))
    return lake


def crash_at(step: str) -> Progress:
    def progress(job: str, words: str) -> None:
        if words == step:
            raise KeyboardInterrupt

    return progress


@pytest.fixture(scope="module")
def at_once(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = with_people(spark, tmp_path_factory.mktemp("at_once"))
    lake.append("events", events(spark, *some_events(1)))
    done = run(lake, AS_OF)
    assert done["measures"]["customers"] == 12
    return lake


def test_events_in_pieces_and_late_leave_the_rows_that_they_leave_at_once(spark: SparkSession, tmp_path: Path, at_once: Lake) -> None:
    lake = with_people(spark, tmp_path / "pieces")
    early, late = [], []
    for row in some_events(1):
        (early if row["event_date"] < day("2020-03-01") and int(row["event_id"][-1]) % 3 else late).append(row)
    stranger = event("c13", "2020-02-21", item_id="x", event_id="stranger")
    lake.append("events", events(spark, *early, stranger))
    run(lake, day("2020-02-27"))
    lake.delete("events", "event_id = 'stranger'")  # as a file replaced by another would
    passing = event("c14", "2020-02-24", item_id="x", event_id="passing")  # of one of whom nothing else changes
    lake.append("events", events(spark, *late, passing))
    with pytest.raises(KeyboardInterrupt):
        run(lake, day("2020-02-28"), crash_at("computing features"))
    lake.delete("events", "event_id = 'passing'")  # what the run that died has added up is no longer there
    last = run(lake, AS_OF)
    assert last["measures"]["touched_days"] > 0, "what the run that died has done is done again"
    for table in RESULTS:
        assert rows(lake, table) == rows(at_once, table), table


def test_a_date_before_the_first_event_is_refused_with_the_days_there_are(at_once: Lake) -> None:
    with pytest.raises(UserError, match="2019-01-01 is before the first event; the lake has events from 2020-02-20 to 2020-03-07"):
        run(at_once, day("2019-01-01"))
