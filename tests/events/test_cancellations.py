"""Cancels and purchases as brackets."""

import datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from coterie.events.cancellations import match_cancellations
from coterie.schemas import CANCELLATIONS, EVENTS

COLUMNS = [column for column in EVENTS.columns if column.name in {
    "event_id", "customer_id", "item_id", "event_type", "occurred_at", "event_date", "quantity", "unit_price", "revenue", "order_id",
}]  # fmt: skip


def events(spark: SparkSession, *rows: tuple[str, int, int], **same: Any) -> DataFrame:
    """Rows of (event_id, day of March, quantity): positive quantities are purchases, negative ones cancels."""
    made = []
    for event_id, day, quantity in rows:
        at = datetime.datetime(2024, 3, day, 12, tzinfo=datetime.UTC)
        values = {"event_id": event_id, "customer_id": "c", "item_id": "i", "unit_price": Decimal(2), "order_id": "o", "occurred_at": at} | same
        values |= {"event_type": "purchase" if quantity > 0 else "cancel", "event_date": at.date(), "quantity": Decimal(quantity)}
        values["revenue"] = values["quantity"] * values["unit_price"]
        made.append(tuple(values[column.name] for column in COLUMNS))
    return spark.createDataFrame(made, ", ".join(f"{column.name} {column.type}" for column in COLUMNS))


def pairs(frame: DataFrame) -> set[tuple[str, str]]:
    return {(row["purchase_event_id"], row["cancel_event_id"]) for row in match_cancellations(frame).collect()}


def test_each_cancel_undoes_the_latest_purchase_that_is_still_open(spark: SparkSession) -> None:
    rows = events(spark, ("c0", 1, -5), ("p1", 2, 5), ("p2", 3, 5), ("c1", 4, -5), ("p3", 5, 5), ("c2", 6, -5), ("c3", 7, -5), ("c4", 8, -5), ("p4", 9, 5))
    assert pairs(rows) == {("p2", "c1"), ("p3", "c2"), ("p1", "c3")}


def test_other_quantities_prices_items_and_customers_do_not_match_and_nobody_and_nothing_have_no_pairs(spark: SparkSession) -> None:
    pair = (("p", 1, 5), ("c", 2, -5))
    rows = (
        events(spark, ("p", 1, 5), ("c", 2, -4))
        .union(events(spark, *pair[:1], item_id="x"))
        .union(events(spark, *pair[:1], customer_id="x"))
        .union(events(spark, *pair[1:], unit_price=Decimal(3)))
        .union(events(spark, *pair, customer_id=None))
        .union(events(spark, *pair, item_id=None))
    )
    assert pairs(rows) == set()


def test_a_pair_carries_the_purchase_the_day_of_the_cancel_and_the_lines_of_the_order(spark: SparkSession) -> None:
    huge = events(spark, ("p", 1, 80995), ("c", 1, -80995)).union(events(spark, ("q", 1, 1), item_id="j"))
    found = match_cancellations(huge.union(events(spark, ("r", 2, 1), item_id="k")))
    assert found.columns == CANCELLATIONS.names
    day = datetime.date(2024, 3, 1)
    assert [tuple(row) for row in found.collect()] == [("p", "c", day, "c", "i", "o", day, 2, Decimal("80995.0000"), Decimal("161990.0000"))]
    assert [field.dataType.simpleString() for field in found.schema] == [column.type for column in CANCELLATIONS.columns]
