"""Rows of a small shop for the tests of this room: only what a test says differs from the ordinary."""

import datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from coterie.schemas import CANCELLATIONS, CUSTOMERS, EVENTS, ITEMS, Table

_number = iter(range(10**9))


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def ddl(table: Table) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in table.columns)


def event(customer: str | None, on: str, kind: str = "purchase", quantity: int | None = None, price: float | None = None, **more: Any) -> dict[str, Any]:
    """An event at noon (UTC) of the day, or at `hour`. Purchases are of one unit at 10 unless said otherwise; returns and cancels too."""
    sign = {"purchase": 1, "return": -1, "cancel": -1}.get(kind)
    quantity = quantity if quantity is not None or sign is None else sign
    price = price if price is not None or sign is None else 10.0
    at = datetime.datetime.fromisoformat(f"{on}T{more.pop('hour', 12):02d}:00:00+00:00")
    values = {
        "event_id": f"e{next(_number)}", "source": "test", "source_files": ["f"], "customer_id": customer, "event_type": kind, "occurred_at": at,
        "event_date": day(on), "event_month": on[:7],
        "item_id": None if kind in ("search", "adjustment") else "i1",
        "quantity": None if quantity is None else Decimal(quantity),
        "unit_price": None if price is None else Decimal(str(price)),
        "revenue": None if quantity is None or price is None else Decimal(str(price)) * quantity,
    }
    return values | {key: Decimal(str(value)) if key == "rating" else value for key, value in more.items()}


def pair(customer: str, purchased: str, cancelled: str, quantity: int = 1, price: float = 10.0, **more: Any) -> dict[str, Any]:
    """A cancellation of the one line of an order."""
    return {
        "purchase_event_id": f"p{next(_number)}", "cancel_event_id": "c", "customer_id": customer, "item_id": "i1", "order_id": None,
        "purchased_on": day(purchased), "cancelled_on": day(cancelled), "order_line_count": 1,
        "quantity": Decimal(quantity), "revenue": Decimal(str(price)) * quantity,
    } | more


def table(spark: SparkSession, of: Table, rows: list[dict[str, Any]]) -> DataFrame:
    return spark.createDataFrame([tuple(row.get(name) for name in of.names) for row in rows], ddl(of))


def events(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return table(spark, EVENTS, list(rows))


def cancellations(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return table(spark, CANCELLATIONS, list(rows))


def customers(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return table(spark, CUSTOMERS, list(rows))


def items(spark: SparkSession, **categories: str | None) -> DataFrame:
    return table(spark, ITEMS, [{"item_id": item, "category": category} for item, category in categories.items()])
