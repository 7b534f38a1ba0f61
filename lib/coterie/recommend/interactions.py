"""What customers have done with items, as a recommender needs it: strengths, what was seen, and what can be sold."""

import datetime
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.features.effective import effective_item_days

_EXACT = "decimal(38,9)"  # decayed weights are added up as decimals: a sum of floats would depend on the order of the rows


def effective_purchases(customer_item_days: DataFrame, cancellations: DataFrame, as_of: datetime.date) -> DataFrame:
    """(customer_id, item_id, purchased_on, purchase_count bigint, quantity decimal): purchases that count as of the date.

    Days up to `as_of`, inclusive. A purchase cancelled in full on or before `as_of` does not count; a day with none left has no row.
    """
    effective = _days(customer_item_days, cancellations, as_of)
    return effective.where(F.col("purchase_count") > 0).select(
        "customer_id", "item_id", F.col("activity_date").alias("purchased_on"), "purchase_count", F.col("purchase_quantity").alias("quantity")
    )


def pairs(
    customer_item_days: DataFrame,
    cancellations: DataFrame,
    as_of: datetime.date,
    weights: Mapping[str, float],
    half_life_days: int,
    history_days: int,
) -> DataFrame:
    """(customer_id, item_id, strength double, is_bought, is_seen boolean): one row per customer and item that met up to `as_of`, inclusive.

    strength: ln(1 + s), where s adds up weight x count x 2^(-age / half_life_days) over the days of the last `history_days`; the age of
    `as_of` itself is 0 days. The logarithm keeps the hundredth event from counting as much as the first (Hu, Koren, Volinsky 2008,
    section 2, give such a scaling as the other choice). `weights` is by event type; a type not named counts nothing.
    Purchases cancelled in full do not count. Returns and partial cancels reduce: purchases weigh by the share of their units that was
    kept, over all time, so that what came back altogether weighs nothing and a box returned out of ten a tenth less.
    strength is 0 where nothing is left to learn from.
    is_bought: an effective purchase, of any age. is_seen: is_bought, or more units bought than given back.
    """
    days = _days(customer_item_days, cancellations, as_of)
    age = F.datediff(F.lit(as_of), F.col("activity_date"))
    decay = F.when(age < history_days, F.pow(F.lit(2.0), -age / F.lit(float(half_life_days)))).otherwise(F.lit(0.0))
    weighted = {kind: F.col(f"{kind}_count") * F.lit(float(weight)) for kind, weight in sorted(weights.items())}
    purchase = weighted.pop("purchase", F.lit(0.0))
    other = sum(weighted.values(), F.lit(0.0))
    summed = days.groupBy("customer_id", "item_id").agg(
        _exact_sum(other * decay).alias("other"),
        _exact_sum(purchase * decay).alias("purchase"),
        F.sum("purchase_count").alias("purchases"),
        F.sum("purchase_quantity").alias("bought"),
        F.sum("quantity").alias("held"),
    )
    held, bought = F.col("held").cast("double"), F.col("bought").cast("double")
    kept = F.when(F.col("bought") > 0, F.greatest(F.lit(0.0), F.least(F.lit(1.0), held / bought))).otherwise(F.lit(0.0))
    strength = F.log1p(F.col("other").cast("double") + F.col("purchase").cast("double") * kept)
    is_bought = F.col("purchases") > 0
    return summed.select(
        "customer_id", "item_id", strength.alias("strength"), is_bought.alias("is_bought"), (is_bought | (F.col("held") > 0)).alias("is_seen")
    )


def learnable(pair_rows: DataFrame) -> DataFrame:
    """(customer_id, item_id, strength double > 0) of the rows of `pairs`."""
    return pair_rows.where(F.col("strength") > 0).select("customer_id", "item_id", "strength")


def offered_items(items: DataFrame, customer_item_days: DataFrame, as_of: datetime.date, sellable_days: int) -> DataFrame:
    """(item_id, title, first_listed_on, is_sellable): every item; is_sellable: it can be recommended as of the date.

    That is: not withdrawn, first listed on or before `as_of`, and sold or first listed on one of the days from `as_of` - `sellable_days`
    to `as_of`, both inclusive. An item whose listing day nobody knows must have been sold.
    """
    since, until = F.date_sub(F.lit(as_of), sellable_days), F.lit(as_of)
    in_window = F.col("activity_date").between(since, until) & (F.col("purchase_count") > 0)
    sold = customer_item_days.where(in_window).groupBy("item_id").agg(F.lit(True).alias("is_sold"))
    is_listed = F.coalesce(F.col("first_listed_on") <= until, F.lit(True))
    is_recent = F.coalesce(F.col("is_sold"), F.col("first_listed_on").between(since, until), F.lit(False))
    joined = items.join(sold, "item_id", how="left")
    return joined.select("item_id", "title", "first_listed_on", (F.col("is_sellable") & is_listed & is_recent).alias("is_sellable"))


def _days(customer_item_days: DataFrame, cancellations: DataFrame, as_of: datetime.date) -> DataFrame:
    return effective_item_days(customer_item_days.where(F.col("activity_date") <= F.lit(as_of)), cancellations, as_of)


def _exact_sum(value: Column) -> Column:
    return F.sum(F.round(value, 9).cast(_EXACT))
