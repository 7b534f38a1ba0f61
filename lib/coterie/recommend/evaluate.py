"""How good recommendations are: measured on days after the split date, which the models have not seen.

Protocol. Models are fitted on what was known on the evening of the split date (purchases cancelled later still count there), and offer items
that were sellable then. Truth: what each customer bought in the window, the days after it up to and including its last, purchases cancelled in
full by the last day left out. Every truth item counts, also one that could not be offered yet.

- protocol `new`: items that the customer had (seen, see `interactions.pairs`) on the split date are left out of truth and lists; customers
  whose truth becomes empty by that are left out, and counted (measure `excluded`, k 0).
- protocol `all`: nothing is left out.
- population `warm`: customers with an effective purchase up to the split date; `cold`: those without.
- customers who bought nothing in the window are not measured. Lists are filled up from the popular list, so that a cold customer's list is
  mostly that; they are measured before they are rearranged for variety or new items. The popular list is made of the days up to the split
  date as well. Which items are withdrawn, their titles, categories and last prices are those of now: the lake keeps no history of them.
- with more customers than `at_most`, so many are drawn by a hash of their id.

Measures and interval: see `measures`.
"""

import datetime
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from coterie.recommend.measures import values_of

_VALUES = "population string, protocol string, model string, measure string, k int, value double, low double, high double, customers bigint"


def held_out_customers(truth: DataFrame, pairs: DataFrame, at_most: int) -> DataFrame:
    """(customer_id, keep_seen, truth array<string>): whom to measure, by protocol: keep_seen is true for `all`, false for `new`.

    truth: (customer_id, item_id) bought in the window; pairs: `interactions.pairs` as of the split date. truth is never empty.
    """
    bought = truth.groupBy("customer_id").agg(F.sort_array(F.collect_set("item_id")).alias("now"))
    drawn = Window.orderBy(F.xxhash64("customer_id"), "customer_id")
    is_few = bought.withColumn("turn", F.row_number().over(drawn)).where(F.col("turn") <= at_most)
    before = pairs.groupBy("customer_id").agg(F.collect_list(F.when(F.col("is_seen"), F.col("item_id"))).alias("had"))
    joined = is_few.join(before, "customer_id", how="left")
    new = F.array_except("now", F.coalesce("had", F.array().cast("array<string>")))
    protocols = F.array(
        F.struct(F.lit(True).alias("keep_seen"), F.col("now").alias("truth")), F.struct(F.lit(False).alias("keep_seen"), new.alias("truth"))
    )
    exploded = joined.select("customer_id", F.explode(protocols).alias("of"))
    return exploded.where(F.size("of.truth") > 0).select("customer_id", "of.keep_seen", "of.truth")


def bought_between(purchases: DataFrame, after: datetime.date, until: datetime.date) -> DataFrame:
    """(customer_id, item_id) of the purchases after the one day, up to and including the other."""
    is_within = (F.col("purchased_on") > F.lit(after)) & (F.col("purchased_on") <= F.lit(until))
    return purchases.where(is_within).select("customer_id", "item_id")


def quality(lists: DataFrame, popular: DataFrame, alike: DataFrame | None, customers: int, offered: int, ks: Sequence[int], resamples: int) -> DataFrame:
    """(population, protocol, model, measure, k, value, low, high, customers): every measure of every model.

    lists: of `serve.MEASURED`, at least as long as the longest k. popular: (item_id, buyers double) of the split date; alike: the rows of the
    model item_knn, where there is one; customers: who bought anything up to then; offered: the items that could be offered.
    """
    protocol = F.when(F.col("keep_seen"), F.lit("all")).otherwise(F.lit("new")).alias("protocol")
    population = F.when(F.col("is_warm"), F.lit("warm")).otherwise(F.lit("cold")).alias("population")
    rows = lists.select(population, protocol, "model", "customer_id", F.xxhash64("customer_id").alias("customer_hash"), "truth", "items")
    near = alike.select(F.col("id").alias("item_id"), "ids", "factors") if alike is not None else None
    nothing = (F.lit(None).cast("array<string>").alias("ids"), F.lit(None).cast("array<float>").alias("factors"))
    facts = popular.join(near, "item_id", how="left") if near is not None else popular.select("*", *nothing)
    groups = F.explode(F.array(*(F.struct(F.lit(p).alias("population"), F.lit(q).alias("protocol")) for p in ("warm", "cold") for q in ("new", "all"))))
    copies = facts.select(groups.alias("of"), "item_id", "buyers", F.lit(float(customers)).alias("customers"), "ids", "factors")
    copies = copies.select("of.population", "of.protocol", "item_id", "buyers", "customers", "ids", "factors")
    key = ("population", "protocol")
    together = rows.groupBy(*key).cogroup(copies.groupBy(*key))
    measured = together.applyInArrow(lambda mine, shelf: values_of(mine, shelf, ks, resamples, max(1, offered)), _VALUES)
    return measured.unionByName(_excluded(rows))


def _excluded(rows: DataFrame) -> DataFrame:
    counted = rows.groupBy("population", "model").agg(
        F.count(F.when(F.col("protocol") == "all", F.lit(1))).alias("customers"), F.count(F.when(F.col("protocol") == "new", F.lit(1))).alias("new")
    )
    value = (F.col("customers") - F.col("new")).cast("double").alias("value")
    unknown = (F.lit(None).cast("double").alias(name) for name in ("low", "high"))
    what = (F.lit("new").alias("protocol"), "model", F.lit("excluded").alias("measure"), F.lit(0).alias("k"))
    return counted.select("population", *what, value, *unknown, "customers")


def headline(rows: Sequence[Mapping[str, object]], protocol: str = "new") -> dict[str, dict[str, float]]:
    """{model: {measure_at_k: value}} of warm customers under one protocol: the main figures of a model."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["protocol"] == protocol and row["population"] == "warm" and row["k"] != 0:
            found.setdefault(str(row["model"]), {})[f"{row['measure']}_at_{row['k']}"] = float(str(row["value"]))
    return found
