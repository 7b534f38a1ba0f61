"""A mapping applied: instants in their zone, cleaned values, rules in order."""

import datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from coterie.errors import MappingError
from coterie.sources.apply import mapped
from coterie.sources.mapping import Mapping

BASE = {
    "name": "shop",
    "description": "a shop",
    "time_zone": "Europe/London",
    "columns": {"customer_id": {"column": "who"}, "event_type": {"value": "purchase"}, "occurred_at": {"column": "at"}},
}


def mapping_with(columns: dict[str, Any] | None = None, **more: Any) -> Mapping:
    return Mapping.model_validate(BASE | {"columns": BASE["columns"] | (columns or {})} | more)  # type: ignore[operator]


def applied(spark: SparkSession, rows: list[tuple[Any, ...]], names: str, mapping: Mapping) -> list[Any]:
    numbered = [("file", f"row {n:02d}", False, *row) for n, row in enumerate(rows)]
    frame = spark.createDataFrame(numbered, f"_source_file string, _raw string, _is_malformed boolean, {names}")
    return sorted(mapped(frame, mapping, "events", "Asia/Tokyo").collect(), key=lambda row: row["_raw"])


def utc(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts, tzinfo=datetime.UTC)  # type: ignore[misc]


def test_instants_are_in_the_zone_of_the_mapping_unless_they_carry_an_offset(spark: SparkSession) -> None:
    texts = ["2024-07-01 12:00:00", "2024-01-01T12:00:00", "2024-07-01T12:00:00+02:00", "2024-07-01T12:00:00.5Z", "2024-07-01", "12:00", "soon", ""]
    texts += [f"2024-07-01 12:00:00 {zone}" for zone in ("UTC", "GMT+1", "Europe/Paris")]
    rows = applied(spark, [("c", text) for text in texts], "who string, at string", mapping_with())
    half = utc(2024, 7, 1, 12).replace(microsecond=500000)
    expected = [utc(2024, 7, 1, 11), utc(2024, 1, 1, 12), utc(2024, 7, 1, 10), half, utc(2024, 6, 30, 23), None, None, None]
    expected += [utc(2024, 7, 1, 12), utc(2024, 7, 1, 11), utc(2024, 7, 1, 10)]
    assert [_instant(row["occurred_at"]) for row in rows] == expected
    assert rows[6]["_occurred_at"] == "soon"


def _instant(value: datetime.datetime | None) -> datetime.datetime | None:
    """Spark hands instants over in the time zone of this machine."""
    return None if value is None else value.astimezone(datetime.UTC)


def test_formats_are_tried_in_turn_and_one_with_an_offset_reads_it(spark: SparkSession) -> None:
    at = {"column": "at", "formats": ["dd/MM/yyyy HH:mm", "yyyyMMdd", "yyyy-MM-dd HH:mm xx"]}
    texts = ["31/07/2024 13:05", "20240131", "2024-07-31 13:05 +0500", "31.07.2024"]
    rows = applied(spark, [("c", text) for text in texts], "who string, at string", mapping_with({"occurred_at": at}))
    assert [_instant(row["occurred_at"]) for row in rows] == [utc(2024, 7, 31, 12, 5), utc(2024, 1, 31), utc(2024, 7, 31, 8, 5), None]


def test_values_are_cleaned_constants_and_defaults_fill_in_and_rules_decide_in_order(spark: SparkSession) -> None:
    mapping = mapping_with(
        {
            "customer_id": {"column": "who", "trim": True, "strip_suffix": ".0"},
            "item_id": {"column": "item", "upper": True, "optional": True},
            "quantity": {"column": "n", "decimal": ","},
            "channel": {"column": "shop", "default": "web"},
            "currency": {"value": "EUR"},
        },
        event_type=[{"when": "n LIKE '-%'", "is": "return"}, {"when": "n = '0'", "is": "adjustment"}, {"when": "true", "is": "view"}],
        reject=[{"when": "who = 'test'", "reason": "test_order"}],
        key=["who", "n"],
    )
    read = [(" 17850.0 ", "-1.234,5", "2024-01-01", None), ("test", "0", "2024-01-01", "app")]
    rows = applied(spark, read, "who string, n string, at string, shop string", mapping)
    found = [tuple(row[name] for name in ("customer_id", "item_id", "quantity", "channel", "currency", "event_type", "_reasons", "_key")) for row in rows]
    assert found == [
        ("17850", None, "-1234.5", "web", "EUR", "return", [], '{"who":" 17850.0 ","n":"-1.234,5"}'),
        ("test", None, "0", "app", "EUR", "adjustment", ["test_order"], '{"who":"test","n":"0"}'),
    ]


def test_an_expression_over_a_column_that_is_not_there_names_the_nearest(spark: SparkSession) -> None:
    with pytest.raises(MappingError, match="did you mean 'price'"):
        applied(spark, [("c", "2024-01-01", "1")], "who string, at string, price string", mapping_with({"revenue": {"expression": "2 * prize"}}))


def test_instants_hundreds_of_thousands_of_years_away_cannot_be_read(spark: SparkSession) -> None:
    far = ["294247-01-10T04:00:54Z", "+294247-01-10", "-290308-12-21T19:59:06Z"]
    assert [row["occurred_at"] for row in applied(spark, [("c", text) for text in far], "who string, at string", mapping_with())] == [None, None, None]


def test_columns_of_other_types_than_a_target_are_read_as_their_text(spark: SparkSession) -> None:
    types = {"a date": (datetime.date(2024, 5, 1), "date"), "bytes": (b"12", "binary"), "a list": ([1, 2], "array<int>")}
    types["an instant"] = (utc(2024, 5, 1), "timestamp")  # type: ignore[assignment]
    found = {
        name: applied(spark, [("c", "2024-01-01", value)], f"who string, at string, n {kind}", mapping_with({"quantity": {"column": "n"}}))[0]["quantity"]
        for name, (value, kind) in types.items()
    }
    assert found == {"a date": "2024-05-01", "bytes": "12", "a list": "[1, 2]", "an instant": "2024-05-01 00:00:00"}


def test_an_instant_that_is_cleaned_or_filled_in_keeps_its_zone(spark: SparkSession) -> None:
    filled = {"column": "at", "trim": True, "default": "2024-01-01T00:00:00Z"}
    for entry, expected in (({"column": "at", "trim": True}, None), (filled, utc(2024, 1, 1))):
        rows = applied(spark, [("c", utc(2024, 7, 1, 10)), ("c", None)], "who string, at timestamp", mapping_with({"occurred_at": entry}))
        assert [_instant(row["occurred_at"]) for row in rows] == [utc(2024, 7, 1, 10), expected]


def test_a_number_has_no_comma_to_be_read(spark: SparkSession) -> None:
    mapping = mapping_with({"quantity": {"column": "n", "decimal": ","}})
    assert [row["quantity"] for row in applied(spark, [("c", "2024-01-01", 1234.5)], "who string, at string, n double", mapping)] == ["1234.5"]


def test_an_expression_that_takes_a_bare_time_for_one_of_utc_is_refused(spark: SparkSession) -> None:
    def asked(function: str, zone: str) -> list[Any]:
        mapping = mapping_with({"occurred_at": {"expression": f"{function}(concat(day, ' ', clock))"}}, time_zone=zone)
        return applied(spark, [("c", "2011-07-01", "00:30:00")], "who string, day string, clock string", mapping)

    with pytest.raises(MappingError, match=r"occurred_at is read with to_timestamp, .* of Europe/London; use to_timestamp_ntz"):
        asked("to_timestamp", "Europe/London")
    assert _instant(asked("to_timestamp_ntz", "Europe/London")[0]["occurred_at"]) == utc(2011, 6, 30, 23, 30)
    assert _instant(asked("to_timestamp", "UTC")[0]["occurred_at"]) == utc(2011, 7, 1, 0, 30)
