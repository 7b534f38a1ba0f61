"""Daily rows less the purchases that were cancelled in full by a date.

A correction is looked up by customer and day of the purchase, so that any selection of daily rows can be corrected: nothing is taken off
that is not there.
"""

import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_AMOUNT = "decimal(28,4)"


def effective_days(days: DataFrame, cancellations: DataFrame, as_of: datetime.date) -> DataFrame:
    """`daily_activity` rows with `purchase_count`, `purchase_quantity`, `purchase_revenue` and `order_count` less what was cancelled in
    full on or before `as_of`, and the purchase lines taken off as `cancelled_count`. An order goes when all its lines of the day are.
    """
    orders = (
        _counting(cancellations, as_of)
        .groupBy("customer_id", "activity_date", "order_id")
        .agg(
            F.count("*").alias("_lines"),
            F.sum("quantity").alias("_quantity"),
            F.sum("revenue").alias("_revenue"),
            (F.count("*") >= F.max("order_line_count")).cast("bigint").alias("_order"),
        )
    )
    taken = orders.groupBy("customer_id", "activity_date").agg(
        *(F.sum(name).alias(name) for name in ("_lines", "_quantity", "_revenue")), F.sum("_order").alias("_orders")
    )
    less = {"purchase_count": "_lines", "purchase_quantity": "_quantity", "purchase_revenue": "_revenue", "order_count": "_orders"}
    return _corrected(days, taken, ["customer_id", "activity_date"], less, F.coalesce("_lines", F.lit(0)).alias("cancelled_count"))


def effective_item_days(item_days: DataFrame, cancellations: DataFrame, as_of: datetime.date) -> DataFrame:
    """`customer_item_days` rows with `purchase_count`, `purchase_quantity` and `purchase_revenue` less what was cancelled by `as_of`."""
    key = ["customer_id", "item_id", "activity_date"]
    taken = (
        _counting(cancellations, as_of)
        .groupBy(*key)
        .agg(F.count("*").alias("_lines"), F.sum("quantity").alias("_quantity"), F.sum("revenue").alias("_revenue"))
    )
    less = {"purchase_count": "_lines", "purchase_quantity": "_quantity", "purchase_revenue": "_revenue"}
    return _corrected(item_days, taken, key, less)


def _counting(cancellations: DataFrame, as_of: datetime.date) -> DataFrame:
    return cancellations.where(F.col("cancelled_on") <= F.lit(as_of)).withColumnRenamed("purchased_on", "activity_date")


def _corrected(rows: DataFrame, taken: DataFrame, key: list[str], less: dict[str, str], *more: Column) -> DataFrame:
    """`rows` with the columns of `less` lowered by what `taken` holds for the key; columns and types stay."""
    types = {field.name: field.dataType for field in rows.schema.fields}

    def lowered(name: str) -> Column:
        if name not in less:
            return F.col(name)
        return (F.col(name) - F.coalesce(less[name], F.lit(0))).cast(types[name]).alias(name)

    return rows.join(taken, on=key, how="left").select(*(lowered(name) for name in rows.columns), *more)
