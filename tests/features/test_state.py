"""Running totals: the same whether added up at once or from one date to the next, whoever cancels or comes late."""

import random
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from shop_rows import cancellations, day, event, events, pair, table

from coterie.events.cancellations import match_cancellations
from coterie.features.activity import customer_item_days, daily_activity
from coterie.features.state import advance_state, customers_to_rebuild, state_from_scratch
from coterie.schemas import CANCELLATIONS, CUSTOMER_ITEM_DAYS, CUSTOMER_STATE, DAILY_ACTIVITY, Table

HOLIDAYS = [day("2020-01-06"), day("2020-03-01")]


def by_customer(frame: DataFrame) -> dict[str, Row]:
    return {row["customer_id"]: row for row in frame.collect()}


@pytest.fixture(scope="module")
def small(spark: SparkSession) -> dict[str, Row]:
    rows = events(
        spark,
        event("a", "2020-01-01", "view", item_id="x"),
        event("a", "2020-01-04", order_id="o1", quantity=2, item_id="x"),  # a Saturday
        event("a", "2020-01-06", order_id="o2", item_id="y"),  # a holiday
        event("a", "2020-01-06", order_id="o2", item_id="x", price=7),
        event("a", "2020-01-11", order_id="o3", item_id="z"),
        event("a", "2020-03-01", order_id="o4", item_id="z"),  # after the date
        event("b", "2020-01-02", "adjustment", 1, 5.0),
    )
    gone = cancellations(spark, pair("a", "2020-01-11", "2020-01-12", item_id="z", order_id="o3"))
    return by_customer(state_from_scratch(daily_activity(rows, "UTC"), customer_item_days(rows), gone, as_of=day("2020-01-31"), holidays=HOLIDAYS))


def test_orders_days_and_gaps_of_what_was_not_cancelled(small: dict[str, Row]) -> None:
    row = small["a"]
    assert (row["order_count"], row["purchase_count"], row["cancelled_count"]) == (2, 3, 1)
    assert (row["first_order_on"], row["last_order_on"], row["order_day_count"], row["gap_square_sum"]) == (day("2020-01-04"), day("2020-01-06"), 2, 4)
    assert (row["first_seen_on"], row["last_active_on"], row["active_day_count"]) == (day("2020-01-01"), day("2020-01-11"), 4)
    assert (row["revenue"], row["purchase_revenue"]) == (Decimal(47), Decimal(37))


def test_items_that_were_not_cancelled_stand_in_order(small: dict[str, Row]) -> None:
    found = [tuple(item) for item in small["a"]["items"]]
    assert found == [("x", 2, Decimal(3), Decimal(27)), ("y", 1, Decimal(1), Decimal(10))]


def test_events_by_weekday_season_and_holiday(small: dict[str, Row]) -> None:
    row = small["a"]
    assert (row["wednesday_count"], row["saturday_count"], row["monday_count"], row["sunday_count"]) == (1, 2, 2, 0)
    assert (row["winter_count"], row["spring_count"], row["holiday_count"], row["afternoon_count"]) == (5, 0, 2, 5)


def test_someone_with_adjustments_alone_is_known_and_empty(small: dict[str, Row]) -> None:
    row = small["b"]
    assert (row["first_seen_on"], row["first_active_on"], row["active_day_count"], row["items"]) == (day("2020-01-02"), None, 0, [])


def random_history(customer: str, chance: random.Random) -> list[dict[str, Any]]:
    """Purchases, most of the same two items at one price, and cancels and returns of them, over three weeks around a change of month."""
    history = []
    for _ in range(chance.randint(1, 14)):
        on = f"2020-02-{chance.randint(15, 29)}" if chance.random() < 0.6 else f"2020-03-0{chance.randint(1, 7)}"
        kind = chance.choice(["purchase", "purchase", "purchase", "cancel", "return", "view", "adjustment"])
        more = {"order_id": chance.choice([None, f"{customer}1", f"{customer}2"]), "hour": chance.randint(0, 23)}
        item = {} if kind == "adjustment" else {"item_id": chance.choice(["x", "y"])}
        history.append(event(customer, on, kind, **item, **more))
    return history


def stored(spark: SparkSession, frame: DataFrame, of: Table) -> DataFrame:
    """The frame as if it had been written and read back."""
    return table(spark, of, [row.asDict(recursive=True) for row in frame.collect()])


def test_adding_from_date_to_date_is_adding_at_once(spark: SparkSession) -> None:
    chance = random.Random(7)
    history = events(spark, *(row for number in range(80) for row in random_history(f"c{number:02d}", chance)))
    days = stored(spark, daily_activity(history, "UTC"), DAILY_ACTIVITY)
    item_days = stored(spark, customer_item_days(history), CUSTOMER_ITEM_DAYS)
    pairs = stored(spark, match_cancellations(history), CANCELLATIONS)
    dates = [day(text) for text in ("2020-02-20", "2020-02-29", "2020-03-07")]
    state = stored(spark, state_from_scratch(days, item_days, pairs, as_of=dates[0], holidays=HOLIDAYS), CUSTOMER_STATE)
    state = state.where(F.col("customer_id") != "c03")  # as if a late event had taken it away
    for since, as_of in pairwise(dates):
        missing, cancelled = customers_to_rebuild(state, days, pairs, since, as_of)
        rebuild = missing.union(cancelled).dropDuplicates()
        advanced = advance_state(state, days, item_days, pairs, rebuild, since=since, as_of=as_of, holidays=HOLIDAYS)
        state = stored(spark, advanced, CUSTOMER_STATE)
    at_once = by_customer(state_from_scratch(days, item_days, pairs, as_of=dates[-1], holidays=HOLIDAYS))
    assert by_customer(state) == at_once
    assert sum(row["cancelled_count"] for row in at_once.values()) > 20, "the histories are to hold cancellations"
