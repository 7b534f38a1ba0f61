"""What customers have done with items, as a recommender needs it: strengths, what was seen, and what can be sold."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.features.effective import effective_item_days

# Decayed weights are added up as whole billionths: a sum of floats would depend on the order of the rows, and one of decimals takes four times as long.
_BILLION = 1e9
_MOST = 1e6  # units of one purchase that a day says at most, so that 9,000 such days still fit


@dataclass(frozen=True)
class Weighing:
    """How events add up to what a customer thinks of an item. weights: by type of event; by_quantity: a purchase counts by its units."""

    weights: Mapping[str, float]
    half_life_days: int
    history_days: int
    by_quantity: bool = False


def effective_purchases(customer_item_days: DataFrame, cancellations: DataFrame, as_of: datetime.date) -> DataFrame:
    """(customer_id, item_id, purchased_on, purchase_count bigint, quantity, revenue decimal): purchases that count as of the date.

    Days up to `as_of`, inclusive. A purchase cancelled in full on or before `as_of` does not count; a day with none left has no row.
    """
    effective = _days(customer_item_days, cancellations, as_of)
    return effective.where(F.col("purchase_count") > 0).select(
        "customer_id",
        "item_id",
        F.col("activity_date").alias("purchased_on"),
        "purchase_count",
        F.col("purchase_quantity").alias("quantity"),
        F.col("purchase_revenue").alias("revenue"),
    )


def pairs(customer_item_days: DataFrame, cancellations: DataFrame, as_of: datetime.date, weighing: Weighing) -> DataFrame:
    """One row per customer and item that met up to `as_of`, inclusive: (customer_id, item_id and the columns below).

    strength: weight x count x 2^(-age / half_life_days), added up over the days of the last `history_days`, in units of one purchase; the
    age of `as_of` itself is 0 days, and a day says a million units at most. `weights` is by event type; a type not named counts nothing. On a
    day, the same thing done more than once counts once: lines of one order are no more liking than one line.
    Purchases cancelled in full do not count. Returns and partial cancels reduce: purchases weigh by the share of their units that was
    kept, over all time, so that what came back altogether weighs nothing and a box returned out of ten a tenth less.
    strength is 0 where nothing is left to learn from.
    intensity: the weight of the strongest type of event that is left, in units of one purchase: 1 for what was bought. last_on: the last
    day with such an event. bought_days, first_bought_on, last_bought_on: days with effective purchases, of any age; 0 and null without.
    is_bought: an effective purchase, of any age. is_seen: is_bought, or more units bought than given back.
    """
    days = _days(customer_item_days, cancellations, as_of)
    age = F.datediff(F.lit(as_of), F.col("activity_date"))
    is_learnt = age < weighing.history_days
    decay = F.when(is_learnt, F.pow(F.lit(2.0), -age / F.lit(float(weighing.half_life_days)))).otherwise(F.lit(0.0))
    unit = float(weighing.weights.get("purchase", 0.0)) or max(weighing.weights.values(), default=0.0) or 1.0
    of_one = {kind: F.when(F.col(f"{kind}_count") > 0, F.lit(weight / unit)).otherwise(F.lit(0.0)) for kind, weight in sorted(weighing.weights.items())}
    purchase = of_one.pop("purchase", F.lit(0.0))
    if weighing.by_quantity:
        purchase = purchase * F.col("purchase_quantity").cast("double")
    other, strongest = sum(of_one.values(), F.lit(0.0)), F.greatest(F.lit(0.0), F.lit(0.0), *of_one.values())
    was_bought = F.col("purchase_count") > 0
    summed = days.groupBy("customer_id", "item_id").agg(
        _exact_sum(other * decay).alias("other"),
        _exact_sum(purchase * decay).alias("purchase"),
        F.max(F.when(is_learnt, strongest)).alias("strongest"),
        F.max(F.when(is_learnt & (strongest > 0), F.col("activity_date"))).alias("other_on"),
        F.max(F.when(is_learnt & (purchase > 0), F.col("activity_date"))).alias("learnt_on"),
        F.min(F.when(was_bought, F.col("activity_date"))).alias("first_bought_on"),
        F.max(F.when(was_bought, F.col("activity_date"))).alias("last_bought_on"),
        F.count(F.when(was_bought, F.lit(1))).alias("bought_days"),
        F.max(F.when(is_learnt, purchase)).alias("of_purchase"),
        F.sum("purchase_quantity").alias("bought"),
        F.sum("quantity").alias("held"),
    )
    held, bought = F.col("held").cast("double"), F.col("bought").cast("double")
    kept = F.when(F.col("bought") > 0, F.greatest(F.lit(0.0), F.least(F.lit(1.0), held / bought))).otherwise(F.lit(0.0))
    is_bought, is_kept = F.col("bought_days") > 0, (kept > 0) & F.col("learnt_on").isNotNull()
    return summed.select(
        "customer_id",
        "item_id",
        ((F.col("other") + F.col("purchase") * kept) / _BILLION).alias("strength"),
        F.greatest(F.when(is_kept, F.col("of_purchase")).otherwise(F.lit(0.0)), F.coalesce("strongest", F.lit(0.0))).alias("intensity"),
        F.greatest("other_on", F.when(is_kept, F.col("learnt_on"))).alias("last_on"),
        "bought_days",
        "first_bought_on",
        "last_bought_on",
        is_bought.alias("is_bought"),
        (is_bought | (F.col("held") > 0)).alias("is_seen"),
    )


def learnable(pair_rows: DataFrame) -> DataFrame:
    """(customer_id, item_id, strength double > 0) of the rows of `pairs`."""
    return pair_rows.where(F.col("strength") > 0).select("customer_id", "item_id", "strength")


def recency_weighted(pair_rows: DataFrame, as_of: datetime.date, half_life_days: float, *also: str) -> DataFrame:
    """(customer_id, item_id, value double > 0, and the columns `also`) of the rows of `pairs`: intensity x 2^(-days since last_on / half_life_days)."""
    value = F.col("intensity") * F.pow(F.lit(2.0), -F.datediff(F.lit(as_of), F.col("last_on")) / F.lit(float(half_life_days)))
    return pair_rows.where((F.col("intensity") > 0) & F.col("last_on").isNotNull()).select("customer_id", "item_id", value.alias("value"), *also)


def offered_items(items: DataFrame, customer_item_days: DataFrame, as_of: datetime.date, sellable_days: int, block_list: Sequence[str] = ()) -> DataFrame:
    """(item_id, title, category, price, first_listed_on, is_sellable): every item, as it is described now; is_sellable: it can be recommended
    as of the date.

    That is: not withdrawn nor on the block list, first listed on or before `as_of`, and sold or first listed on one of the days from `as_of` - `sellable_days`
    to `as_of`, both inclusive. An item whose listing day nobody knows must have been sold.
    """
    since, until = F.date_sub(F.lit(as_of), sellable_days), F.lit(as_of)
    in_window = F.col("activity_date").between(since, until) & (F.col("purchase_count") > 0)
    sold = customer_item_days.where(in_window).groupBy("item_id").agg(F.lit(True).alias("is_sold"))
    is_listed = F.coalesce(F.col("first_listed_on") <= until, F.lit(True))
    is_recent = F.coalesce(F.col("is_sold"), F.col("first_listed_on").between(since, until), F.lit(False))
    is_sellable = F.col("is_sellable") & is_listed & is_recent & ~F.col("item_id").isin(*block_list)
    return items.join(sold, "item_id", how="left").select(
        "item_id", "title", "category", "price", "first_listed_on", is_sellable.alias("is_sellable")
    )


def _days(customer_item_days: DataFrame, cancellations: DataFrame, as_of: datetime.date) -> DataFrame:
    return effective_item_days(customer_item_days.where(F.col("activity_date") <= F.lit(as_of)), cancellations, as_of)


def _exact_sum(value: Column) -> Column:
    return F.sum((F.least(value, F.lit(_MOST)) * _BILLION + 0.5).cast("bigint"))
