"""Items and customers follow from events and declarations, whatever came in first."""

import datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession

from coterie.events.customers import customer_changes, customer_days, declared_periods, derived_periods, unsettled_customers
from coterie.events.items import derived_items, still_seen
from coterie.schemas import CUSTOMERS, ITEMS, STAGED_EVENTS, Table

ITEM_COLUMNS = "item_id string, title string, category string, price decimal(18,4), first_listed_on date, is_sellable boolean"


def at(day: int, hour: int = 12) -> datetime.datetime:
    return datetime.datetime(2024, 3, day, hour, tzinfo=datetime.UTC)


def day(number: int) -> datetime.date:
    return datetime.date(2024, 3, number)


def settled(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    """Accepted rows of item i and customer c unless they say otherwise; `occurred_at` is required."""
    made = []
    for row in rows:
        values = dict.fromkeys(STAGED_EVENTS.names) | {"outcome": "accepted", "item_id": "i", "customer_id": "c"} | row
        values["event_date"] = row["occurred_at"].date()
        made.append(tuple(values[name] for name in STAGED_EVENTS.names))
    return spark.createDataFrame(made, kinds(STAGED_EVENTS))


def kinds(table: Table) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in table.columns)


def items(spark: SparkSession, existing: DataFrame | None, rows: list[dict[str, Any]], declared: list[tuple[Any, ...]] | None = None) -> DataFrame:
    before = existing if existing is not None else spark.createDataFrame([], kinds(ITEMS))
    told = spark.createDataFrame(declared or [], ITEM_COLUMNS)
    seen = settled(spark, *rows) if rows else spark.createDataFrame([], kinds(STAGED_EVENTS))
    return derived_items(before, seen, told)


def by_id(frame: DataFrame) -> dict[str, Row]:
    return {row["item_id"]: row for row in frame.collect()}


ROWS = [
    {"occurred_at": at(2), "item_title": "Lamp", "unit_price": Decimal(5)},
    {"occurred_at": at(3), "item_title": "Lamp, red", "unit_price": Decimal(6)},
    {"occurred_at": at(4), "item_title": None, "unit_price": Decimal(7)},
    {"occurred_at": at(5), "item_title": "free gift", "unit_price": Decimal(0)},
    {"occurred_at": at(1), "item_title": None, "unit_price": None},
    {"occurred_at": at(1), "item_id": "other"},
    {"occurred_at": at(1), "outcome": "rejected", "item_id": "never"},
    {"occurred_at": at(1), "item_id": None},
]


def test_title_and_price_are_of_the_latest_event_that_has_both(spark: SparkSession) -> None:
    found = by_id(items(spark, None, ROWS))
    assert set(found) == {"i", "other"}
    lamp = found["i"]
    assert (lamp["title"], lamp["price"], lamp["first_listed_on"]) == ("Lamp, red", Decimal(6), day(1))
    assert (lamp["is_sellable"], found["other"]["is_sellable"], lamp["is_declared"]) == (True, True, False)


def test_after_a_file_was_replaced_what_no_event_says_any_longer_is_not_believed(spark: SparkSession) -> None:
    wrong = [{"occurred_at": at(2), "item_id": name, "item_title": f"{name} Z", "unit_price": Decimal(1000)} for name in ("corrected", "priced", "gone")]
    wrong += [{"occurred_at": at(2), "item_id": "renamed", "item_title": "Z", "unit_price": Decimal(3)}]
    before = items(spark, None, wrong)
    left = [("corrected", at(2), Decimal(10)), ("corrected", at(9), Decimal(11)), ("priced", at(1), Decimal(7)), ("priced", at(3), Decimal(0)),
            ("renamed", at(2), Decimal(3))]  # fmt: skip
    events = spark.createDataFrame([(*row, row[1].date()) for row in left], "item_id string, occurred_at timestamp, unit_price decimal(18,4), event_date date")
    batch = [{"occurred_at": at(2), "item_id": "corrected", "item_title": "Lamp", "unit_price": Decimal(10)},
             {"occurred_at": at(2), "item_id": "renamed", "item_title": "A", "unit_price": Decimal(3)}]  # fmt: skip
    found = by_id(items(spark, still_seen(before, events), batch))
    told = {name: (row["title"], row["price"], row["first_listed_on"]) for name, row in found.items()}
    assert told == {"corrected": ("Lamp", Decimal(10), day(2)), "priced": ("priced Z", Decimal(7), day(1)), "renamed": ("A", Decimal(3), day(2))}


def test_items_are_the_same_whatever_the_batches(spark: SparkSession) -> None:
    at_once = items(spark, None, ROWS)
    one_by_one = items(spark, items(spark, items(spark, None, ROWS[3:]), ROWS[1:2]), ROWS[:1] + ROWS[2:3])
    assert by_id(one_by_one) == by_id(at_once)


def test_a_declared_item_wins_and_takes_only_a_missing_price_from_events(spark: SparkSession) -> None:
    declared = [("i", "Lamp!", "light", None, day(2), None), ("p", "Pen", None, Decimal(1), None, False)]
    first = items(spark, None, ROWS[:2], declared)
    found = by_id(items(spark, first, ROWS[2:]))
    assert tuple(found["i"][1:]) == ("Lamp!", "light", Decimal(7), day(1), True, found["i"]["described_at"], True)
    assert tuple(found["p"][1:]) == ("Pen", None, Decimal(1), None, False, None, True)
    assert by_id(items(spark, None, ROWS, declared)) == found
    assert by_id(items(spark, first, [], [("i", "Lamp?", None, Decimal(9), None, True)]))["i"]["price"] == Decimal(9)


VISITS = [
    {"occurred_at": at(1), "country": None},
    {"occurred_at": at(2, 9), "country": "FR"},
    {"occurred_at": at(2, 10), "country": "DE"},
    {"occurred_at": at(3), "country": None},
    {"occurred_at": at(4), "country": "DE"},
    {"occurred_at": at(6), "country": "FR"},
    {"occurred_at": at(1), "customer_id": None, "country": "FR"},
]


def periods_of(frame: DataFrame) -> list[tuple[str, int, str | None]]:
    return sorted((row["customer_id"], row["valid_from"].day, row["country"]) for row in frame.collect())


def test_a_period_begins_with_the_first_day_and_with_each_change_of_country(spark: SparkSession) -> None:
    found = derived_periods(customer_days(settled(spark, *VISITS)))
    assert periods_of(found) == [("c", 1, None), ("c", 2, "DE"), ("c", 6, "FR")]
    assert found.columns == CUSTOMERS.names


def test_new_days_that_fit_the_known_periods_change_nothing_and_others_do(spark: SparkSession) -> None:
    known = derived_periods(customer_days(settled(spark, *VISITS)))
    declared = declared_periods(spark.createDataFrame([("d", day(9), "DE", None, None, None)], kinds(CUSTOMERS).replace(", is_declared boolean", "")))
    days = spark.createDataFrame([], "customer_id string, event_date date, country string")
    cases: dict[str, tuple[int, str | None, bool]] = {
        "same": (5, "DE", True), "silent": (3, None, True), "other": (5, "FR", False), "earlier": (1, "FR", False), "latest": (30, "FR", True),
    }  # fmt: skip
    existing = declared
    for name, (number, country, _) in cases.items():
        existing = existing.unionByName(known.replace("c", name, "customer_id"))
        days = days.union(spark.createDataFrame([(name, day(number), country)], days.schema))
    days = days.union(spark.createDataFrame([("d", day(1), "FR"), ("new", day(1), None)], days.schema))
    found = {row["customer_id"]: row["is_new"] for row in unsettled_customers(days, existing).collect()}
    assert found == {"other": False, "earlier": False, "new": True}


def test_declared_periods_drive_out_derived_ones_and_stay(spark: SparkSession) -> None:
    columns = kinds(CUSTOMERS)
    old = [("a", day(1), None, None, None, None, False), ("b", day(1), "DE", None, None, None, True), ("gone", day(1), None, None, None, None, False)]
    now = [("a", day(2), "FR", 1980, "x", day(2), True), ("b", day(5), "FR", None, None, None, False), ("n", day(5), None, None, None, None, False)]
    existing, periods = spark.createDataFrame(old, columns), spark.createDataFrame(now, columns)
    renewed = spark.createDataFrame([("gone",), ("b",)], "customer_id string")
    found = sorted((row["customer_id"], row["valid_from"].day, row["is_gone"]) for row in customer_changes(existing, periods, renewed).collect())
    assert found == [("a", 1, True), ("a", 2, False), ("gone", 1, True), ("n", 5, False)]
