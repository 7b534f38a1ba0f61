"""What changed in the events since the last run: which customers, on which days."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# What the daily tables and the matching of cancellations are made from. A row that only gained a second source file touches nothing.
_CONTENT = (
    "customer_id", "item_id", "event_type", "occurred_at", "event_date", "quantity", "unit_price", "revenue", "order_id", "session_id",
    "channel", "rating",
)


def touched_days(changes: DataFrame, is_net: bool = True) -> DataFrame:
    """Change feed of `events` -> distinct (customer_id, activity_date) whose events are not what they were; anonymous ones left out.

    Rows that came and went again, or were replaced by themselves (a file read anew), cancel out where `is_net`: where nobody has looked
    at what was between.
    """
    sign = F.when(F.col("_change_type").isin("insert", "update_postimage"), 1).otherwise(-1)
    return (
        changes.where(F.col("customer_id").isNotNull())
        .groupBy("event_id", *_CONTENT)
        .agg(F.sum(sign).alias("_net"))
        .where((F.col("_net") != 0) | F.lit(not is_net))
        .groupBy("customer_id", F.col("event_date").alias("activity_date"))
        .agg(F.count("*").alias("_events"))
        .select("customer_id", "activity_date")
    )


def fresh_states(state: DataFrame, touched: DataFrame) -> DataFrame:
    """Rows of `customer_state` that still hold: those as of a day before the first one touched of their customer."""
    first = touched.groupBy("customer_id").agg(F.min("activity_date").alias("_first"))
    still_holds = F.col("_first").isNull() | (F.col("as_of") < F.col("_first"))
    return state.join(first, on="customer_id", how="left").where(still_holds).select(*state.columns)


def customers_to_match(cancel_days: DataFrame, cancellations: DataFrame, touched: DataFrame) -> DataFrame:
    """Distinct customer_id whose purchases and cancels must be matched anew: touched, and with a cancel on the first touched day or later.

    `cancel_days` are rows of `daily_activity` with a cancel, as they are now; `cancellations` the pairs as they were. A pair depends on
    nothing that happened after its cancel, so that pairs of earlier cancels stand.
    """
    first = touched.groupBy("customer_id").agg(F.min("activity_date").alias("_first"))
    now = cancel_days.select("customer_id", F.col("activity_date").alias("_day"))
    then = cancellations.select("customer_id", F.col("cancelled_on").alias("_day"))
    return (
        now.union(then)
        .join(first, on="customer_id", how="inner")
        .where(F.col("_day") >= F.col("_first"))
        .groupBy("customer_id")
        .agg(F.count("*").alias("_days"))
        .select("customer_id")
    )
