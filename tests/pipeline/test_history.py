"""What ran, and what is stale of it: against the definition, of runs in any order; and what of it a page is made from."""

import datetime
import json
import random
from typing import Any

from coterie.lake import Lake
from coterie.pipeline.history import runs_summary
from coterie.pipeline.report import currency_of, gathered, opened, read_history
from coterie.schemas import RUNS

NINE = datetime.datetime(2024, 5, 1, 9, tzinfo=datetime.UTC)
DAY = datetime.date(2024, 4, 30)


def finished(run_id: str, minute: int, job: str = "segments", **values: Any) -> dict[str, Any]:
    at = NINE + datetime.timedelta(minutes=minute)
    return {"run_id": run_id, "event": "finished", "job": job, "at": at, "as_of": None, "touched_from": None} | values


def test_results_of_one_instant_do_not_make_each_other_stale() -> None:
    ingest = finished("ingest", 1, "ingest", touched_from=DAY)
    rows = runs_summary([finished("before", 0, as_of=DAY), ingest, finished("beside", 1, as_of=DAY)], lambda: False)
    assert {row["run_id"]: row["is_stale"] for row in rows} == {"ingest": False, "beside": False, "before": False}  # before: done again beside
    rows = runs_summary([finished("before", 0, as_of=DAY), ingest], lambda: False)
    assert {row["run_id"]: row["is_stale"] for row in rows} == {"ingest": False, "before": True}


def test_what_is_stale_is_what_the_definition_says() -> None:
    drawn = random.Random(5)
    for _ in range(200):
        found = []
        for number in range(drawn.randint(1, 12)):
            job = drawn.choice(["ingest", "features", "segments", "tune"])
            day = datetime.date(2024, 4, drawn.randint(1, 4))
            values = {"touched_from": drawn.choice([day, None])} if job == "ingest" else {"as_of": day}
            found.append(finished(str(number), drawn.randint(0, 8), job, event=drawn.choice(["finished", "finished", "failed", "started"]), **values))
        rows = runs_summary(found, lambda: drawn.random() < 0.5)
        for row in rows:
            later = [other for other in rows if other["at"] > row["at"] and other["state"] == "finished"]
            is_touched = any(other["touched_from"] and row["as_of"] and other["touched_from"] <= row["as_of"] for other in later)
            is_redone = any((other["job"], other["as_of"]) == (row["job"], row["as_of"]) for other in later)
            has_results = row["state"] == "finished" and row["job"] in ("features", "segments")
            assert row["is_stale"] == (has_results and is_touched and not is_redone)


def recorded(lake: Lake, *rows: dict[str, Any]) -> None:
    empty: dict[str, Any] = dict.fromkeys(RUNS.names) | {"command_id": "c", "settings": "{}", "version": "1"}
    schema = ", ".join(f"{column.name} {column.type}" for column in RUNS.columns)
    lake.append("runs", lake.spark.createDataFrame([tuple((empty | row)[name] for name in RUNS.names) for row in rows], schema))


def test_a_page_has_the_currency_of_the_newest_ingest_and_no_runs_settings(lake: Lake) -> None:
    shops = [json.dumps({"shop": {"currency": currency}}) for currency in ("GBP", "SEK", "USD")]
    recorded(
        lake,
        finished("first", 0, "ingest", settings=shops[0]),
        finished("second", 2, "ingest", settings=shops[1], rows_read=7),
        finished("third", 3, "ingest", settings=shops[2], event="failed"),
        finished("dated", 4, as_of=DAY, measures={"customers": 5.0}),
    )
    with opened(lake, [], None) as shelf:
        assert (shelf.day, currency_of(shelf.history)) == (DAY, "SEK")
        assert [(row["run_id"], row["state"], row["rows_read"]) for row in shelf.history][1:3] == [("third", "failed", None), ("second", "finished", 7)]
        assert not {"settings", "fingerprint", "by_month", "tables_read"} & set(shelf.history[0])
    assert gathered(lake).currency == "SEK"
    assert {row["settings"] for row in read_history(lake)} == {*shops, "{}"}


def test_a_shop_that_was_never_read_has_the_currency_of_the_settings(lake: Lake) -> None:
    recorded(lake, finished("dated", 4, as_of=DAY))
    assert gathered(lake).currency == "EUR"
