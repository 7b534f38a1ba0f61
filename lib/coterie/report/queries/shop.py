"""The shop month by month, who came back, and its catalogue."""

import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.schemas import EVENT_TYPES

_WORD = 62  # bits of a bigint that are used
MONTHS = 2 * _WORD  # months told apart where customers are counted: ten years


def event_count() -> Column:
    """Events of a row of daily_activity: none on a day of adjustments alone."""
    return sum((F.col(f"{kind}_count") for kind in EVENT_TYPES if kind != "adjustment"), F.lit(0))


def months(activity: DataFrame, as_of: datetime.date) -> DataFrame:
    """Rows of daily_activity -> (month, orders, bought, given_back, revenue) up to the as-of date.

    bought: revenue of purchases; given_back: of returns and cancels, signed; revenue: net, the two together.
    """
    known = activity.where(F.col("activity_date") <= F.lit(as_of))
    sums = [F.sum("order_count").alias("orders"), F.sum("purchase_revenue").alias("bought"), F.sum("revenue").alias("revenue")]
    found = known.groupBy(F.col("activity_month").alias("month")).agg(*sums)
    return found.select("month", "orders", "bought", (F.col("revenue") - F.col("bought")).alias("given_back"), "revenue")


def cohorts(activity: DataFrame, as_of: datetime.date) -> DataFrame:
    """(cohort, month, buyers, seen): of those who first bought in a month, how many bought in it and in each later one, and how many were
    seen in it at all. cohort null: never bought. A purchase that was cancelled later counts here. Of the `MONTHS` months up to the as-of date:
    what was before counts to the first of them.
    """
    known = activity.where(F.col("activity_date") <= F.lit(as_of))
    age = F.lit(12 * as_of.year + as_of.month) - 12 * F.year("activity_date") - F.month("activity_date")
    dated = known.withColumn("age", F.least(age, F.lit(MONTHS - 1)))
    has_bought = F.col("purchase_count") > 0
    of_customer = dated.groupBy("customer_id").agg(
        F.max(F.when(has_bought, F.col("age"))).alias("first"),
        F.max("age").alias("oldest"),
        F.array(*_bits(has_bought)).alias("bought"),
        F.array(*_bits(event_count() > 0)).alias("seen"),
    )
    ages = of_customer.withColumn("age", F.explode(F.sequence(F.lit(0), F.col("oldest")))).where(_has_bit("seen"))
    counts = ages.groupBy("first", "age").agg(F.count_if(_has_bit("bought")).alias("buyers"), F.count(F.lit(1)).alias("seen"))
    first, then = (F.date_format(F.add_months(F.lit(as_of.replace(day=1)), -F.col(name)), "yyyy-MM") for name in ("first", "age"))
    return counts.select(first.alias("cohort"), then.alias("month"), "buyers", "seen")


def _bits(is_so: Column) -> list[Column]:
    """For which ages in months it is so, a bit each: numbers put together take half the time of sets."""
    bit, none = F.call_function("shiftleft", F.lit(1).cast("bigint"), F.col("age") % _WORD), F.lit(0).cast("bigint")
    words = [F.col("age").between(first, first + _WORD - 1) for first in range(0, MONTHS, _WORD)]
    return [F.bit_or(F.when(is_so & in_word, bit).otherwise(none)) for in_word in words]


def _has_bit(name: str) -> Column:
    word = F.element_at(name, (F.col("age") / _WORD).cast("int") + 1)
    return F.call_function("shiftright", word, F.col("age") % _WORD).bitwiseAND(1) == 1


def catalogue(items: DataFrame) -> DataFrame:
    """(items, sellable, categories): one row."""
    return items.agg(
        F.count(F.lit(1)).alias("items"),
        F.count_if("is_sellable").alias("sellable"),
        F.size(F.collect_set("category")).alias("categories"),
    )
