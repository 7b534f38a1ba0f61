"""Rows with a mapping applied become typed rows with ids, and with every reason against them."""

import datetime
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.events.convert import decimal, is_beyond, is_unreadable, reason
from coterie.schemas import EVENT_TYPES, EVENTS, ITEM_EVENT_TYPES, STAGED_EVENTS

MONEY_TYPES = ("purchase", "return", "cancel", "adjustment")
# What an event says: two rows of one id that differ in any of these contradict each other.
CONTENT = tuple(
    name for name in EVENTS.names if name not in ("event_id", "source_event_id", "source", "source_files", "event_date", "event_month")
)
_IDS = ("source_event_id", "customer_id", "item_id", "order_id", "session_id")


@dataclass(frozen=True)
class Limits:
    """Events outside are rejected. Dates are inclusive, in the shop's time zone; lengths in characters."""

    earliest: datetime.date
    latest: datetime.date
    id_length: int
    quantity: int
    unit_price: int

    @property
    def revenue(self) -> int:
        return self.quantity * self.unit_price


def staged_rows(
    mapped: DataFrame,
    source: str,
    time_zone: str,
    currency: str,
    limits: Limits,
    has_ids: bool,
    has_items: bool,
    signs: str,
    keep_raw: bool,
) -> DataFrame:
    """A row of STAGED_EVENTS (is_verdict false) for each row of `sources.apply.mapped`, none left out.

    `time_zone` and `currency` are the shop's. `has_ids`: the source gives each event an id; `has_items`: it names items (else
    purchases are accepted without one). `signs`: by_event_type makes quantity and revenue of returns and cancels negative, those of
    purchases are as read. `keep_raw`: keep the row as read of accepted rows too, since another row may turn out to contradict it.
    Revenue is quantity times price where the source gives none, and null for event types that no money goes with and for rows in another
    currency. `reasons` is empty for a good row; `match_id` is the event's id then, the row's hash otherwise.
    """
    typed = _typed(mapped, time_zone, currency, signs)
    judged = _judged(typed, currency, limits, has_ids, has_items)
    return _identified(judged, source, currency, keep_raw)


def _typed(mapped: DataFrame, time_zone: str, currency: str, signs: str) -> DataFrame:
    """Texts and numbers as events have them; the texts they were read from stay beside them as `_name` for the reasons."""
    kind = F.lower(F.trim("event_type"))
    texts = ("source_event_id", "customer_id", "order_id", "session_id", "country", "query", "text", "item_title", "item_category")
    first = mapped.select(
        F.col("_source_file").alias("source_file"),
        F.col("_raw").alias("raw"),
        F.sha2(F.col("_raw"), 256).alias("row_hash"),
        "_is_malformed", "_key", "_reasons", *texts,
        F.when(kind != "adjustment", F.col("item_id")).alias("item_id"),
        kind.alias("event_type"),
        "occurred_at", "_occurred_at",
        F.to_date(F.from_utc_timestamp("occurred_at", time_zone)).alias("event_date"),
        F.upper(F.trim("currency")).alias("currency"),
        F.lower(F.trim("channel")).alias("channel"),
        *(F.col(name).alias(f"_{name}") for name in ("quantity", "unit_price", "revenue", "rating")),
        *(decimal(F.col(name)).alias(f"{name}_read") for name in ("quantity", "unit_price", "revenue")),
        decimal(F.col("rating"), "decimal(4,2)").alias("rating"),
    )  # fmt: skip

    def signed(number: Column) -> Column:
        return F.when(kind.isin("return", "cancel"), -F.abs(number)).otherwise(number) if signs == "by_event_type" else number

    kind = F.col("event_type")
    numbers = ("quantity_read", "unit_price_read", "revenue_read")
    quantity, given = signed(F.col("quantity_read")), signed(F.col("revenue_read"))
    revenue = F.coalesce(given.cast("decimal(20,4)"), (quantity * F.col("unit_price_read")).try_cast("decimal(20,4)"))
    has_money = ~F.coalesce(kind.isin(*(name for name in EVENT_TYPES if name not in MONEY_TYPES)), F.lit(False))
    in_currency = F.coalesce(F.col("currency"), F.lit(currency)) == currency
    return first.select(
        *(name for name in first.columns if name not in numbers),
        quantity.alias("quantity"),
        F.col("unit_price_read").alias("unit_price"),
        F.when(has_money & in_currency, revenue).alias("revenue"),
        F.when(F.col("event_date") <= datetime.date.max, F.substring(F.col("event_date").cast("string"), 1, 7)).alias("event_month"),
    )


def _judged(typed: DataFrame, currency: str, limits: Limits, has_ids: bool, has_items: bool) -> DataFrame:
    """With `reasons`, sorted: the rules of every shop and those of the mapping. A row that could not be split has that reason alone."""
    is_malformed = F.col("_is_malformed")
    found = _reasons(currency, limits, has_ids, has_items)
    is_good = F.coalesce(*found).isNull() & (F.size("_reasons") == 0)
    reasons = (
        F.when(is_malformed, F.array(reason(is_malformed, "malformed_row")))
        .when(is_good, F.array().cast("array<string>"))  # most rows: Spark compiles this, and interprets what makes a list
        .otherwise(F.array_sort(F.concat(F.array_compact(F.array(*found)), "_reasons")))
    )
    return typed.select("*", reasons.alias("reasons"))


def _reasons(currency: str, limits: Limits, has_ids: bool, has_items: bool) -> list[Column]:
    kind, quantity, price, revenue = (F.col(name) for name in ("event_type", "quantity", "unit_price", "revenue"))
    found_quantity, found_price, found_revenue, found_date = (F.col(f"_{name}") for name in ("quantity", "unit_price", "revenue", "occurred_at"))
    is_trade = kind.isin("purchase", "return", "cancel")
    has_sign = F.when(kind == "purchase", quantity > 0).when(kind.isin("return", "cancel"), quantity < 0)
    differs = F.abs(F.coalesce(revenue, F.lit(0)) - quantity * price) > F.abs(quantity) * 0.00005 + 0.0001
    reasons = [
        reason(F.col("raw").contains("\ufffd"), "not_in_encoding"),
        reason(kind.isNull() | ~kind.isin(*EVENT_TYPES), "event_type_unknown", kind),
        reason(F.col("occurred_at").isNull(), "date_unreadable", found_date),
        reason(~F.col("event_date").between(limits.earliest, limits.latest), "date_out_of_range", F.col("event_date")),
        reason(is_unreadable(found_quantity, quantity) | (is_trade & found_quantity.isNull()), "quantity_unreadable", found_quantity),
        reason(is_beyond(found_quantity, quantity, limits.quantity), "quantity_out_of_range", found_quantity),
        reason(~has_sign, "sign_wrong", F.concat_ws(" of ", kind, quantity.cast("string"))),
        reason(is_unreadable(found_price, price) | (is_trade & found_price.isNull()), "price_unreadable", found_price),
        reason(is_beyond(found_price, price, limits.unit_price) | (is_trade & (price < 0)), "price_out_of_range", found_price),
        reason(is_unreadable(found_revenue, decimal(found_revenue)), "revenue_unreadable", found_revenue),
        reason(is_beyond(found_revenue, decimal(found_revenue), limits.revenue), "revenue_out_of_range", found_revenue),
        reason(found_revenue.isNotNull() & kind.isin(*MONEY_TYPES) & differs, "revenue_differs", found_revenue),
        reason(F.col("currency") != currency, "currency_other", F.col("currency")),
        reason(is_unreadable(F.col("_rating"), F.col("rating")) | is_beyond(F.col("_rating"), F.col("rating"), 99), "rating_unreadable", F.col("_rating")),
    ]
    reasons += [
        reason(F.length(name) > limits.id_length, f"{name}_too_long", F.concat(F.length(name), F.lit(" characters"))) for name in _IDS
    ]
    if has_ids:
        reasons.append(reason(F.col("source_event_id").isNull(), "id_missing"))
    if has_items:
        reasons.append(reason(kind.isin(*ITEM_EVENT_TYPES) & F.col("item_id").isNull(), "item_missing", kind))
    return reasons


def content_hash() -> Column:
    """A hash of what an event says. Spark's hash skips nulls, so which columns are null is hashed too."""
    return F.xxhash64(F.array(*(F.col(name).isNull() for name in CONTENT)), *CONTENT)


def _identified(judged: DataFrame, source: str, currency: str, keep_raw: bool) -> DataFrame:
    """With ids, in the columns of STAGED_EVENTS. The source's own id makes the event's, else the key columns, else the whole row."""
    own = F.concat(F.lit("id "), F.col("source_event_id"))
    event_id = F.sha2(F.concat(F.lit(f"{source}\n"), F.coalesce(own, F.col("_key"), F.col("row_hash"))), 256)
    is_good = F.size("reasons") == 0
    made = {
        "row_id": F.monotonically_increasing_id(),
        "is_verdict": F.lit(False),
        "occurrence": F.lit(1),
        "currency": F.when(F.col("revenue").isNotNull(), F.lit(currency)),
        "event_id": F.when(is_good, event_id),
        "match_id": F.when(is_good, event_id).otherwise(F.col("row_hash")),
        "raw": F.col("raw") if keep_raw else F.when(~is_good, F.col("raw")),
        "outcome": F.lit(None).cast("string"),
        "source_files": F.lit(None).cast("array<string>"),
        "is_known": F.lit(None).cast("boolean"),
    }
    staged = judged.select(*(made[name].alias(name) if name in made else name for name in STAGED_EVENTS.names if name != "content"))
    return staged.withColumn("content", content_hash()).select(*STAGED_EVENTS.names)
