"""Events added up by day: counts, signed money, orders, hour bands by the shop's clock."""

from decimal import Decimal

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from shop_rows import cancellations, day, event, events, pair

from coterie.features.activity import customer_item_days, daily_activity
from coterie.features.effective import effective_days, effective_item_days
from coterie.schemas import CUSTOMER_ITEM_DAYS, DAILY_ACTIVITY

EVENTS = [
    event("a", "2020-01-31", "purchase", 3, 2.5, order_id="o1", session_id="s1", channel="web", item_id="x"),
    event("a", "2020-01-31", "purchase", 1, 4.0, order_id="o1", session_id="s1", channel="phone", item_id="y"),
    event("a", "2020-01-31", "purchase", 1, 1.0, session_id="s2"),
    event("a", "2020-01-31", "return", -1, 4.0, item_id="y"),
    event("a", "2020-01-31", "review", rating=4.5, item_id="x"),
    event("a", "2020-01-31", "review", item_id="x"),
    event("a", "2020-01-31", "search", hour=23, channel="app"),
    event("a", "2020-01-31", "adjustment", 1, 15.0, order_id="o9", session_id="s9"),
    event("b", "2020-02-01", "adjustment", 1, 15.0),
    event(None, "2020-02-01", "view"),
]


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> dict[str, Row]:
    return {row["customer_id"]: row for row in daily_activity(events(spark, *EVENTS), "Asia/Shanghai").collect()}


def test_a_day_adds_up_what_a_customer_did(days: dict[str, Row]) -> None:
    row = days["a"]
    assert (row["activity_date"], row["activity_month"]) == (day("2020-01-31"), "2020-01")
    assert [row[f"{kind}_count"] for kind in ("purchase", "return", "review", "search", "cancel", "view")] == [3, 1, 2, 1, 0, 0]
    assert (row["purchase_quantity"], row["purchase_revenue"]) == (Decimal(5), Decimal("12.5"))
    assert (row["return_quantity"], row["return_revenue"]) == (Decimal(-1), Decimal(-4))
    assert (row["quantity"], row["revenue"], row["cancel_revenue"]) == (Decimal(4), Decimal("8.5"), Decimal(0))
    assert (row["rating_count"], row["rating_sum"]) == (1, Decimal("4.5"))


def test_purchases_without_an_order_are_one_order_of_the_day(days: dict[str, Row]) -> None:
    assert (days["a"]["order_count"], days["a"]["session_count"]) == (2, 2)


def test_hours_are_those_of_the_shops_clock_and_other_channels_are_together(days: dict[str, Row]) -> None:
    # noon UTC is 20 o'clock in Shanghai, and 23 o'clock is 7 in the morning
    assert [days["a"][f"{band}_count"] for band in ("night", "morning", "afternoon", "evening")] == [0, 1, 0, 6]
    assert [days["a"][f"{channel}_count"] for channel in ("web", "app", "store", "other_channel")] == [1, 1, 0, 5]


def test_a_day_of_adjustments_is_a_row_of_zeros_and_anonymous_events_are_nobodys(days: dict[str, Row]) -> None:
    assert set(days) == {"a", "b"}
    assert sum(value for name, value in days["b"].asDict().items() if name not in ("customer_id", "activity_date", "activity_month")) == 0


def test_items_have_days_of_their_own(spark: SparkSession) -> None:
    rows = {row["item_id"]: row for row in customer_item_days(events(spark, *EVENTS)).collect()}
    assert set(rows) == {"x", "y", "i1"}
    assert (rows["y"]["purchase_count"], rows["y"]["return_count"], rows["y"]["revenue"]) == (1, 1, Decimal(0))
    assert (rows["x"]["review_count"], rows["x"]["rating_count"], rows["x"]["purchase_quantity"]) == (2, 1, Decimal(3))


def test_the_columns_are_those_of_the_tables(spark: SparkSession) -> None:
    for frame, table in ((daily_activity(events(spark), "UTC"), DAILY_ACTIVITY), (customer_item_days(events(spark)), CUSTOMER_ITEM_DAYS)):
        assert [(f.name, f.dataType.simpleString()) for f in frame.schema.fields] == [(c.name, c.type) for c in table.columns]


def test_a_cancelled_purchase_goes_from_its_day_and_its_order_with_the_last_line(spark: SparkSession) -> None:
    rows = events(
        spark,
        *(event("a", "2020-01-01", order_id="o1", item_id=item) for item in ("x", "y")),
        event("a", "2020-01-01", order_id="o2", item_id="z"),
    )
    lines = {"order_id": "o1", "order_line_count": 2}
    gone = cancellations(
        spark,
        pair("a", "2020-01-01", "2020-01-02", item_id="x", **lines),
        pair("a", "2020-01-01", "2020-01-05", item_id="y", **lines),
        pair("b", "2020-01-01", "2020-01-02"),
    )
    days = daily_activity(rows, "UTC")
    names = ("purchase_count", "purchase_revenue", "order_count", "cancelled_count", "revenue")
    dates = [day(text) for text in ("2020-01-01", "2020-01-02", "2020-01-05")]
    corrected = [effective_days(days, gone, on).select(F.lit(on).alias("on"), *names) for on in dates]
    found = [tuple(row)[1:] for row in corrected[0].union(corrected[1]).union(corrected[2]).orderBy("on").collect()]
    assert found == [
        (3, Decimal(30), 2, 0, Decimal(30)),
        (2, Decimal(20), 2, 1, Decimal(30)),
        (1, Decimal(10), 1, 2, Decimal(30)),
    ]
    by_item = effective_item_days(customer_item_days(rows), gone, day("2020-01-03")).orderBy("item_id").collect()
    assert [row["purchase_count"] for row in by_item] == [0, 1, 1]
