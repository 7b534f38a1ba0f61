"""What `coterie runs` and `coterie show` say."""

import datetime
from typing import Any

import pytest

from coterie.display import runs_summary, show_rows

NINE = datetime.datetime(2024, 5, 1, 9, tzinfo=datetime.UTC)


def run(run_id: str, event: str, job: str, minute: int, as_of: int | None = None, touched: int | None = None) -> dict[str, Any]:
    days = [None if day is None else datetime.date(2024, 4, day) for day in (as_of, touched)]
    return {"run_id": run_id, "event": event, "job": job, "at": NINE + datetime.timedelta(minutes=minute), "as_of": days[0], "touched_from": days[1]}


def states(rows: list[dict[str, Any]], held: bool = False) -> dict[str, tuple[str, bool]]:
    return {row["run_id"]: (row["state"], row["is_stale"]) for row in runs_summary(rows, held)}


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


def test_the_newest_run_comes_first_with_its_seconds() -> None:
    rows = runs_summary([run("one", "started", "ingest", 0), run("one", "finished", "ingest", 1), run("two", "finished", "ingest", 2)], False)
    assert [(row["run_id"], row["seconds"]) for row in rows] == [("two", None), ("one", 60.0)]


def test_titles_with_markup_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows("items", ["title"], [{"title": "[red]mug[/red] <script>"}], as_json=False)
    assert "[red]mug[/red] <script>" in capsys.readouterr().out


def test_no_rows_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows("items", ["title"], [], as_json=False)
    assert "items: no rows" in capsys.readouterr().out


def test_bytes_are_shown_by_their_number_and_given_in_base_64(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "a", "png": bytearray(b"abc")}]
    show_rows("images", ["name", "png"], rows, as_json=False)
    assert "3 bytes" in capsys.readouterr().out
    show_rows("images", ["name", "png"], rows, as_json=True)
    assert '"png": "YWJj"' in capsys.readouterr().out
