"""Rows about the same event: which one is it, which repeat it, which contradict it."""

import datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from coterie.events.resolve import (
    accepted_events,
    candidates,
    existing_events,
    extended_events,
    forsaken_events,
    numbered,
    rejected_rows,
    repeated_matches,
    settled,
    verdicts,
)
from coterie.schemas import EVENTS, STAGED_EVENTS

DAY = datetime.datetime(2024, 3, 1, 12, tzinfo=datetime.UTC)
STAGED = ", ".join(f"{column.name} {column.type}" for column in STAGED_EVENTS.columns)


def staged(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    """Rows by row_id in their order: good ones, of event e, unless they say otherwise."""
    made = []
    for number, row in enumerate(rows):
        values: dict[str, Any] = dict.fromkeys(STAGED_EVENTS.names)
        values |= {"row_id": number, "is_verdict": False, "occurrence": 1, "reasons": [], "raw": "raw", "occurred_at": DAY, "event_month": "2024-03"}
        values |= {"event_id": "e", "source_file": "a", "content": 1, "event_type": "view", "event_date": DAY.date()} | row
        values.setdefault("row_hash", None)
        values["row_hash"] = values["row_hash"] or f"hash {values['content']} {values['event_id']}"
        values["match_id"] = values["event_id"] if not values["reasons"] else values["row_hash"]
        if values["reasons"]:
            values["event_id"] = None
        made.append(tuple(values[name] for name in STAGED_EVENTS.names))
    return spark.createDataFrame(made, STAGED)


def existing(spark: SparkSession, *rows: tuple[str, int, list[str]]) -> DataFrame:
    return spark.createDataFrame(list(rows), "event_id string, known_content bigint, other_files array<string>")


def judged(rows: DataFrame, known: DataFrame, has_ids: bool = True, repeats: bool = False) -> DataFrame:
    shared = numbered(candidates(rows, repeated_matches(rows).union(known.selectExpr("xxhash64(event_id)"))), has_ids, repeats)
    return rows.unionByName(verdicts(shared, known, repeats))


def outcomes(rows: DataFrame) -> list[tuple[Any, ...]]:
    found = sorted(settled(rows).collect(), key=lambda row: row["row_id"])
    return [(row["outcome"], row["source_files"] if row["outcome"] == "accepted" else None) for row in found]


def test_the_first_row_of_an_id_is_the_event_those_that_say_the_same_repeat_it_and_the_others_contradict_it(spark: SparkSession) -> None:
    later = DAY + datetime.timedelta(hours=1)
    rows = judged(
        staged(
            spark,
            {"content": 2, "occurred_at": later, "source_event_id": "E"},
            {"source_file": "b"},
            {"source_file": "a"},
            {"event_id": "alone"},
            {"content": 2, "occurred_at": later, "source_event_id": "E", "source_file": "c"},
        ),
        existing(spark),
    )
    assert outcomes(rows) == [
        ("rejected", None), ("duplicate", None), ("accepted", ["a", "b"]), ("accepted", ["a"]), ("rejected", None),
    ]  # fmt: skip
    assert {tuple(row["reasons"]) for row in rejected_rows(settled(rows), "shop").collect()} == {("conflicting_id: E",)}


def test_equal_rows_without_an_id_are_events_of_their_own_and_the_same_ones_in_another_file(spark: SparkSession) -> None:
    rows = judged(staged(spark, {}, {}, {"source_file": "b"}, {"source_file": "b"}, {"source_file": "b"}), existing(spark), has_ids=False)
    found = settled(rows).collect()
    accepted = {row["event_id"]: row["source_files"] for row in found if row["outcome"] == "accepted"}
    assert len(accepted) == 3
    assert accepted["e"] == ["a", "b"]
    assert sorted(accepted.values()) == [["a", "b"], ["a", "b"], ["b"]]
    assert sum(row["outcome"] == "duplicate" for row in found) == 2


def test_equal_rows_are_one_event_where_the_mapping_calls_them_repeats_rejected_rows_too(spark: SparkSession) -> None:
    bad = {"reasons": ["wrong"], "row_hash": "bad"}
    rows = judged(staged(spark, {}, {}, bad, bad), existing(spark), has_ids=False, repeats=True)
    assert sorted(outcome for outcome, _ in outcomes(rows)) == ["accepted", "duplicate", "duplicate", "rejected"]


def test_equal_rejected_rows_with_ids_are_kept_apart_by_their_occurrence(spark: SparkSession) -> None:
    bad = {"reasons": ["wrong"], "row_hash": "bad"}
    rows = rejected_rows(settled(judged(staged(spark, bad, bad, bad | {"source_file": "b"}), existing(spark))), "shop").collect()
    assert sorted((row["source_file"], row["occurrence"]) for row in rows) == [("a", 1), ("a", 2), ("b", 1)]


def test_an_event_that_other_files_hold_stays_and_one_of_this_batch_alone_is_written_again(spark: SparkSession) -> None:
    rows = judged(
        staged(
            spark,
            {"event_id": "firm"},
            {"event_id": "firm2", "content": 9, "source_event_id": "F"},
            {"event_id": "own", "content": 9},
            {"event_id": "new"},
        ),
        existing(spark, ("firm", 1, ["z"]), ("firm2", 1, ["z"]), ("own", 1, [])),
    )
    assert outcomes(rows) == [("duplicate", None), ("rejected", None), ("accepted", ["a"]), ("accepted", ["a"])]


@pytest.fixture(scope="module")
def lake_events(spark: SparkSession) -> DataFrame:
    """Events of former batches: `both` is held by files a and z, `only` by a, `other` by z."""
    made = []
    for event_id, files in (("both", ["a", "z"]), ("only", ["a"]), ("other", ["z"])):
        values = dict.fromkeys(EVENTS.names) | {"event_id": event_id, "source": "shop", "source_files": files, "event_type": "view"}
        values |= {"occurred_at": DAY, "event_date": DAY.date(), "event_month": "2024-03"}
        made.append(tuple(values[name] for name in EVENTS.names))
    return spark.createDataFrame(made, ", ".join(f"{column.name} {column.type}" for column in EVENTS.columns))


def test_holders_outside_the_batch_are_told_from_those_in_it(spark: SparkSession, lake_events: DataFrame) -> None:
    ids = spark.createDataFrame([("both",), ("only",), ("none",)], "event_id string")
    found = {row["event_id"]: row["other_files"] for row in existing_events(lake_events, ids, ["a"]).collect()}
    assert found == {"both": ["z"], "only": []}


def test_a_second_file_adds_its_name_to_an_event_once(spark: SparkSession, lake_events: DataFrame) -> None:
    rows = judged(
        staged(spark, {"event_id": "other", "source_file": "c"}, {"event_id": "other", "source_file": "b"}), existing(spark, ("other", 1, ["z"]))
    )
    assert [row["source_files"] for row in extended_events(rows, lake_events).collect()] == [["b", "c", "z"]]
    assert accepted_events(settled(rows), "shop").collect() == []


def test_a_replaced_file_loses_the_events_it_holds_no_longer_and_others_keep_theirs(spark: SparkSession, lake_events: DataFrame) -> None:
    def left(*kept: str) -> dict[str, tuple[list[str], bool]]:
        ids = spark.createDataFrame([(name,) for name in kept], "event_id string")
        rows: list[Row] = forsaken_events(lake_events, ids, ["a"]).collect()
        return {row["event_id"]: (row["source_files"], row["is_gone"]) for row in rows}

    assert left() == {"both": (["z"], False), "only": ([], True)}
    assert left("only") == {"both": (["z"], False)}
