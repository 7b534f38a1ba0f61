"""Which purchase a cancel undoes."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from coterie.schemas import CANCELLATIONS

_LINE = ("customer_id", "item_id", "units", "unit_price")


def match_cancellations(events: DataFrame) -> DataFrame:
    """Pairs of CANCELLATIONS among `events`: all purchases and cancels of the customers of interest (other types are passed over).

    A cancel of -q units undoes the latest earlier purchase, not yet undone, of q units of the same item at the same price by the same
    customer. Read purchases as opening and cancels as closing brackets: the depth never falls below zero (a cancel without a purchase
    undoes nothing), and a cancel belongs to the bracket that opened its depth, which is the row before it at that depth. At the same
    instant purchases come first. Anonymous customers and rows without an item have no pairs.
    """
    return _pairs(_deep(_lines(events)))


def _lines(events: DataFrame) -> DataFrame:
    """Purchases and cancels with the number of purchase lines of their order and day (without an order id: of the day)."""
    is_purchase = F.col("event_type") == "purchase"
    order_day = Window.partitionBy("customer_id", "order_id", "event_date")
    named = events.where(F.col("event_type").isin("purchase", "cancel") & F.col("customer_id").isNotNull())
    return named.select(
        "event_id", "customer_id", "item_id", "order_id", "event_date", "occurred_at", "quantity", "unit_price", "revenue",
        is_purchase.alias("is_purchase"),
        F.abs("quantity").alias("units"),
        F.sum(is_purchase.cast("bigint")).over(order_day).alias("order_line_count"),
    ).where(F.col("item_id").isNotNull())  # fmt: skip


def _deep(lines: DataFrame) -> DataFrame:
    """Rows with a partner or the hope of one, and the depth they open or close."""
    in_order = Window.partitionBy(*_LINE).orderBy("occurred_at", F.col("is_purchase").desc(), "event_id")
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    step = F.when(F.col("is_purchase"), 1).otherwise(-1)
    summed = lines.withColumn("sum", F.sum(step).over(so_far))
    lowest = summed.withColumn("lowest", F.least(F.min("sum").over(so_far), F.lit(0)))
    depth = lowest.withColumn("depth", F.col("sum") - F.col("lowest"))
    # A cancel that pushes the lowest sum further down finds nothing open.
    finds_one = F.col("is_purchase") | (F.coalesce(F.lag("lowest").over(in_order), F.lit(0)) == F.col("lowest"))
    opened = F.when(F.col("is_purchase"), F.col("depth")).otherwise(F.col("depth") + 1)
    return depth.withColumns({"finds_one": finds_one, "level": opened}).where("finds_one").drop("finds_one", "sum", "lowest", "depth")


def _pairs(deep: DataFrame) -> DataFrame:
    at_level = Window.partitionBy(*_LINE, "level").orderBy("occurred_at", F.col("is_purchase").desc(), "event_id")
    purchase = ("event_id", "order_id", "event_date", "order_line_count", "quantity", "revenue")
    paired = deep.select("*", *(F.lag(name).over(at_level).alias(f"p_{name}") for name in purchase))
    return paired.where(~F.col("is_purchase")).select(
        F.col("p_event_id").alias("purchase_event_id"),
        F.col("event_id").alias("cancel_event_id"),
        F.col("event_date").alias("cancelled_on"),
        "customer_id",
        "item_id",
        F.col("p_order_id").alias("order_id"),
        F.col("p_event_date").alias("purchased_on"),
        F.col("p_order_line_count").alias("order_line_count"),
        F.col("p_quantity").alias("quantity"),
        F.col("p_revenue").alias("revenue"),
    ).select(*CANCELLATIONS.names)
