"""What `coterie runs` and `coterie show` say."""

import csv
import datetime
import io
import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.listing import described, picked_runs, rows_of, show_described, show_rows, show_stale, text_of
from coterie.pipeline.history import runs_summary
from coterie.schemas import TABLES

NINE = datetime.datetime(2024, 5, 1, 9, tzinfo=datetime.UTC)


def run(run_id: str, event: str, job: str, minute: int, as_of: int | None = None, touched: int | None = None) -> dict[str, Any]:
    days = [None if day is None else datetime.date(2024, 4, day) for day in (as_of, touched)]
    return {"run_id": run_id, "event": event, "job": job, "at": NINE + datetime.timedelta(minutes=minute), "as_of": days[0], "touched_from": days[1]}


def states(rows: list[dict[str, Any]], held: bool = False) -> dict[str, tuple[str, bool]]:
    return {row["run_id"]: (row["state"], row["is_stale"]) for row in runs_summary(rows, lambda: held)}


def test_a_run_is_finished_failed_interrupted_or_running() -> None:
    rows = [
        run("one", "started", "ingest", 0), run("one", "finished", "ingest", 1),
        run("two", "started", "features", 2), run("two", "failed", "features", 3),
        run("three", "started", "features", 4), run("four", "started", "features", 5),
    ]  # fmt: skip
    assert {name: state for name, (state, _) in states(rows, held=True).items()} == {
        "one": "finished", "two": "failed", "three": "interrupted", "four": "running",
    }  # fmt: skip
    assert states(rows, held=False)["four"][0] == "interrupted"


def test_results_are_stale_from_the_day_that_later_data_touched_until_they_are_done_again() -> None:
    rows = [
        run("early", "finished", "segments", 0, as_of=10), run("late", "finished", "segments", 1, as_of=20),
        run("ingest", "finished", "ingest", 2, touched=15),
    ]  # fmt: skip
    assert {name: stale for name, (_, stale) in states(rows).items()} == {"early": False, "late": True, "ingest": False}
    assert not states([*rows, run("again", "finished", "segments", 3, as_of=20)])["late"][1]


def test_what_is_stale_is_told_with_the_commands_that_do_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [run("segments", "finished", "segments", 0, as_of=10), run("content", "finished", "content", 1, as_of=20)]
    show_stale(runs_summary(rows, lambda: False), "my lake")
    assert capsys.readouterr().out == ""
    show_stale(runs_summary([*rows, run("ingest", "finished", "ingest", 2, touched=5)], lambda: False), "my lake")
    assert capsys.readouterr().out.splitlines()[1:] == [
        "coterie run --lake 'my lake' --from 2024-04-10 --to 2024-04-20",
        "coterie content --lake 'my lake' --as-of 2024-04-20",
    ]


def test_the_newest_run_comes_first_with_its_seconds() -> None:
    rows = runs_summary([run("one", "started", "ingest", 0), run("one", "finished", "ingest", 1), run("two", "finished", "ingest", 2)], lambda: False)
    assert [(row["run_id"], row["seconds"]) for row in rows] == [("two", None), ("one", 60.0)]


def test_titles_with_markup_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows("items", ["title"], [{"title": "[red]mug[/red] <script>"}])
    assert "[red]mug[/red] <script>" in capsys.readouterr().out


def test_no_rows_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows("items", ["title"], [])
    assert "items: no rows" in capsys.readouterr().out


ROWS: list[dict[str, Any]] = [
    {"name": "mug, \"large\"", "price": Decimal("9.5000"), "lift": 2.0, "traits": [{"feature": "recency", "strength": 0.5}], "model_id": "ab" * 32},
    {"name": None, "price": None, "lift": 12345.6, "traits": [], "model_id": "cd" * 32},
]


def test_rows_are_json_and_csv_that_can_be_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows("items", list(ROWS[0]), ROWS, "json")
    assert json.loads(capsys.readouterr().out)[0]["traits"] == [{"feature": "recency", "strength": 0.5}]
    show_rows("items", ["name", "traits"], ROWS, "csv")
    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == [
        ["name", "traits"], ['mug, "large"', '[{"feature": "recency", "strength": 0.5}]'], ["", "[]"],
    ]  # fmt: skip


def test_numbers_stand_right_and_long_texts_are_cut_so_that_a_table_fits(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    show_rows("items", ["title", "customers"], [{"title": "x" * 200, "customers": 7}, {"title": "mug", "customers": 1234}])
    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip()[-4:] for line in lines] == ["mers", "   7", "1234"]
    assert max(map(len, lines)) <= 50
    assert "…" in lines[1]


def test_rows_that_fit_no_table_are_blocks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    show_rows("items", [f"column_{i}" for i in range(9)], [{f"column_{i}": "word " * 9 for i in range(9)}])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "items 1"
    assert len(lines) == 10
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "-"), (0.38442, "0.3844"), (12345.6, "12,346"), ("ab" * 32, "abababab…"), (["a", "b"], "a, b"), ("two\nlines", "two lines"),
     ([{"feature": "recency", "strength": 0.5}], "feature=recency strength=0.5"), (True, "True")],
)  # fmt: skip
def test_a_value_is_one_short_line(value: Any, said: str) -> None:
    assert text_of(value) == said


def test_a_condition_that_is_no_sql_is_told_in_words(spark: SparkSession, lake: Lake) -> None:
    rows = [("i1", None, None, None, None, True, None, False)]
    lake.append("items", spark.createDataFrame(rows, ", ".join(f"{column.name} {column.type}" for column in TABLES["items"].columns)))
    for where in ("item_id = '", "1 = 1; DROP TABLE items", "`no``pe` = 1"):
        with pytest.raises(UserError, match=r"does not work on items: \[[A-Z_.]+\]"):
            rows_of(SimpleNamespace(lake=lake, table=lake.read), "items", None, where, [], None, 5)
    with pytest.raises(UserError, match=r"does not work on items: \[CAST_INVALID_INPUT\] on a row$"):  # without its value
        rows_of(SimpleNamespace(lake=lake, table=lake.read), "items", None, "CAST(item_id AS int) = 1", [], None, 5)


def test_runs_are_picked_by_job_state_date_and_day() -> None:
    found = [run("one", "finished", "segments", 0, as_of=10), run("two", "finished", "features", 1, as_of=20), run("three", "started", "features", 2)]
    rows = runs_summary(found, lambda: False)
    assert [row["run_id"] for row in picked_runs(rows, "features", None, None, None)] == ["three", "two"]
    assert [row["run_id"] for row in picked_runs(rows, None, "interrupted", None, None)] == ["three"]
    assert [row["run_id"] for row in picked_runs(rows, None, None, datetime.date(2024, 4, 10), None)] == ["one"]
    assert picked_runs(rows, None, None, None, datetime.date(2024, 5, 2)) == []
    with pytest.raises(UserError, match="--job is 'feature'; did you mean 'features'"):
        picked_runs(rows, "feature", None, None, None)


def test_tables_and_features_are_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"table": "items", "one row is": "an item", "key": "item_id"} in described(None)[2]
    assert described("items")[2][0] == {"column": "item_id", "type": "string", "null": "never", "what it holds": "the shop's own id"}
    assert len(described("features")[2]) > 80
    show_described(*described("recency"), "text")
    assert "never bought is at least as far away" in capsys.readouterr().out
    with pytest.raises(UserError, match="no table or feature 'recenzy'; did you mean 'recency'"):
        described("recenzy")


def test_bytes_are_shown_by_their_number_and_given_in_base_64(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "a", "png": bytearray(b"abc")}]
    show_rows("images", ["name", "png"], rows)
    assert "3 bytes" in capsys.readouterr().out
    show_rows("images", ["name", "png"], rows, "json")
    assert '"png": "YWJj"' in capsys.readouterr().out


def test_a_text_that_a_spreadsheet_would_run_has_an_apostrophe_before_it_and_a_number_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    found = ["=1+1", "+49", "-x", "@sum", "\tx", "\rx", "a\r=b", -5, Decimal("-2.50"), -0.5]
    show_rows("items", ["title"], [{"title": value} for value in found], "csv")
    cells = [line[0] for line in csv.reader(io.StringIO(capsys.readouterr().out, newline=""))][1:]
    assert cells == ["'=1+1", "'+49", "'-x", "'@sum", "'\tx", "'\rx", "a\r=b", "-5", "-2.50", "-0.5"]
