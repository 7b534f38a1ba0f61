"""Rows of a small shop for the tests of this room: only what a test says differs from the ordinary."""

import datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from coterie.schemas import CANCELLATIONS, CUSTOMER_FEATURES, CUSTOMER_ITEM_DAYS, ITEMS, Table

AS_OF = datetime.date(2024, 3, 31)


def ago(days: int) -> datetime.date:
    """The day so many days before the as-of date."""
    return AS_OF - datetime.timedelta(days=days)


def table(spark: SparkSession, of: Table, rows: list[dict[str, Any]]) -> DataFrame:
    kinds = ", ".join(f"{column.name} {column.type}" for column in of.columns)
    blank = {c.name: Decimal(0) if c.type.startswith("decimal") else 0 for c in of.columns if c.required and c.type.startswith(("decimal", "bigint"))}
    return spark.createDataFrame([tuple({**blank, **row}.get(name) for name in of.names) for row in rows], kinds)


def met(customer: str, item: str, days_ago: int, purchases: int = 0, units: int | None = None, back: int = 0, **counts: int) -> dict[str, Any]:
    """What a customer did with an item on one day: `purchases` lines of together `units`, `back` units returned or cancelled, other counts."""
    units = purchases if units is None else units
    return {
        "customer_id": customer, "item_id": item, "activity_date": ago(days_ago), "activity_month": str(ago(days_ago))[:7],
        "purchase_count": purchases, "purchase_quantity": Decimal(units), "return_quantity": Decimal(-back), "quantity": Decimal(units - back),
    } | counts


def item_days(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return table(spark, CUSTOMER_ITEM_DAYS, list(rows))


def cancellations(spark: SparkSession, *pairs: tuple[str, str, int, int]) -> DataFrame:
    """(customer, item, purchased so many days ago, cancelled so many days ago): each of one unit."""
    rows = [
        {
            "purchase_event_id": f"p{number}", "cancel_event_id": f"c{number}", "customer_id": customer, "item_id": item,
            "purchased_on": ago(bought), "cancelled_on": ago(undone), "order_line_count": 1, "quantity": Decimal(1), "revenue": Decimal(1),
        }
        for number, (customer, item, bought, undone) in enumerate(pairs)
    ]
    return table(spark, CANCELLATIONS, rows)


def items(spark: SparkSession, *rows: tuple[str, str | None, int | None, bool]) -> DataFrame:
    """(item, title, first listed so many days ago or None, is_sellable)."""
    made = [
        {"item_id": item, "title": title, "first_listed_on": None if listed is None else ago(listed), "is_sellable": sellable, "is_declared": False}
        for item, title, listed, sellable in rows
    ]
    return table(spark, ITEMS, made)


def features(spark: SparkSession, *customers: str) -> DataFrame:
    return table(spark, CUSTOMER_FEATURES, [{"as_of": AS_OF, "customer_id": customer} for customer in customers])
