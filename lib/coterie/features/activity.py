"""Events added up by customer and day, and by customer, item and day."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.schemas import CHANNELS, CUSTOMER_ITEM_DAYS, DAILY_ACTIVITY, EVENT_TYPES, HOUR_BANDS

_COUNTED = tuple(kind for kind in EVENT_TYPES if kind != "adjustment")
_MONEY = {"purchase_": ("purchase",), "return_": ("return",), "cancel_": ("cancel",), "": ("purchase", "return", "cancel")}
_AMOUNT = "decimal(28,4)"


def daily_activity(events: DataFrame, time_zone: str) -> DataFrame:
    """`events` -> rows of `daily_activity`: one a customer and day (`event_date`), anonymous events left out.

    Adjustments count nowhere, but a day of adjustments alone has a row of zeros: so everyone seen in events is seen here.
    Hour bands are those of the clock in `time_zone` (IANA name), from the lower hour (included) to the upper (not).
    """
    hour = F.hour(F.from_utc_timestamp("occurred_at", time_zone))
    is_counted = F.col("event_type") != "adjustment"
    is_known_channel = F.coalesce(F.col("channel").isin(*CHANNELS), F.lit(False))
    return (
        _of_customers(events)
        .groupBy("customer_id", "activity_date", "activity_month")
        .agg(
            *_totals(_COUNTED),
            _order_count().alias("order_count"),
            F.size(F.collect_set(F.when(is_counted, F.col("session_id")))).cast("bigint").alias("session_count"),
            *(F.count_if(is_counted & is_known_channel & (F.col("channel") == channel)).alias(f"{channel}_count") for channel in CHANNELS),
            F.count_if(is_counted & ~is_known_channel).alias("other_channel_count"),
            *(F.count_if(is_counted & (hour >= start) & (hour < end)).alias(f"{band}_count") for band, (start, end) in HOUR_BANDS.items()),
        )
        .select(*DAILY_ACTIVITY.names)
    )


def customer_item_days(events: DataFrame) -> DataFrame:
    """`events` -> rows of `customer_item_days`: one a customer, item and day; events without a customer or an item are left out."""
    return (
        _of_customers(events)
        .where(F.col("item_id").isNotNull() & (F.col("event_type") != "adjustment"))
        .groupBy("customer_id", "item_id", "activity_date", "activity_month")
        .agg(*_totals([kind for kind in _COUNTED if kind != "search"]))
        .select(*CUSTOMER_ITEM_DAYS.names)
    )


def _of_customers(events: DataFrame) -> DataFrame:
    return events.where(F.col("customer_id").isNotNull()).select(
        "customer_id",
        "item_id",
        "event_type",
        "occurred_at",
        F.col("event_date").alias("activity_date"),
        F.date_format("event_date", "yyyy-MM").alias("activity_month"),
        "quantity",
        "revenue",
        "order_id",
        "session_id",
        "channel",
        "rating",
    )


def _totals(kinds: list[str] | tuple[str, ...]) -> list[Column]:
    """Counts by type, units and revenue by what they come from, stars."""
    is_rated = (F.col("event_type") == "review") & F.col("rating").isNotNull()
    counts = [F.count_if(F.col("event_type") == kind).alias(f"{kind}_count") for kind in kinds]
    money = [
        _amount(F.col("event_type").isin(*of), measure).alias(f"{prefix}{measure}")
        for prefix, of in _MONEY.items()
        for measure in ("quantity", "revenue")
    ]
    return [*counts, *money, F.count_if(is_rated).alias("rating_count"), _amount(is_rated, "rating").alias("rating_sum")]


def _order_count() -> Column:
    """Distinct orders with a purchase; all purchases without an order id are one order of the day."""
    is_purchase = F.col("event_type") == "purchase"
    named = F.size(F.collect_set(F.when(is_purchase, F.col("order_id"))))
    unnamed = F.max(F.when(is_purchase & F.col("order_id").isNull(), 1).otherwise(0))
    return (named + unnamed).cast("bigint")


def _amount(condition: Column, measure: str) -> Column:
    """The sum of a decimal column where the condition holds; 0 where it never does."""
    return F.sum(F.coalesce(F.when(condition, F.col(measure)), F.lit(0))).cast(_AMOUNT)
