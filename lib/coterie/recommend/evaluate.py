"""How good recommendations are: measured on the last days before the as-of date, which the models have not seen.

Protocol. The split date is `as_of` - test_days. Models are fitted on what was known on the evening of the split date (purchases
cancelled later still count there), and offer items that were sellable then. Truth: what each customer bought on the test_days days after it, up to and
including `as_of`, purchases cancelled in full by `as_of` left out. Every truth item counts, also one that could not be offered yet.

- protocol `new`: items that the customer had (seen, see `interactions.pairs`) on the split date are left out of truth and lists; customers
  whose truth becomes empty by that are left out, and counted (measure `excluded`, k 0).
- protocol `all`: nothing is left out.
- population `warm`: customers with an effective purchase up to the split date; `cold`: those without.
- customers who bought nothing in the window are not measured. Lists are measured as they would be served: filled up from the popular list,
  so that a cold customer's list is mostly that. The popular list is made of the days up to the split date as well.

Measures and interval: see `measures`.
"""

import datetime
import functools
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.recommend.measures import batch_sums, means

_SUMS = "population string, protocol string, model string, sums array<double>, items array<string>, ranks array<int>"
_VALUES = "population string, protocol string, model string, measure string, k int, value double, low double, high double, customers bigint"


def held_out_customers(purchases: DataFrame, pairs: DataFrame, split_date: datetime.date) -> DataFrame:
    """(customer_id, keep_seen, population, truth array<string>): whom to measure, by protocol: keep_seen is true for `all`, false for `new`.

    purchases: effective as of the as-of date, as `interactions.effective_purchases` gives them; pairs: `interactions.pairs` as of the split
    date. truth is never empty.
    """
    is_now = F.col("purchased_on") > F.lit(split_date)
    bought = purchases.where(is_now).groupBy("customer_id").agg(F.sort_array(F.collect_set("item_id")).alias("now"))
    had = F.collect_list(F.when(F.col("is_seen"), F.col("item_id"))).alias("had")
    before = pairs.groupBy("customer_id").agg(F.max("is_bought").alias("is_warm"), had)
    joined = bought.join(before, "customer_id", how="left")
    new = F.array_except("now", F.coalesce("had", F.array().cast("array<string>")))
    protocols = F.array(
        F.struct(F.lit(True).alias("keep_seen"), F.col("now").alias("truth")), F.struct(F.lit(False).alias("keep_seen"), new.alias("truth"))
    )
    population = F.when(F.col("is_warm"), F.lit("warm")).otherwise(F.lit("cold")).alias("population")
    exploded = joined.select("customer_id", population, F.explode(protocols).alias("of"))
    return exploded.where(F.size("of.truth") > 0).select("customer_id", "of.keep_seen", "population", "of.truth")


def quality(lists: DataFrame, tested: DataFrame, models: Sequence[str], item_count: int, ks: Sequence[int], resamples: int) -> DataFrame:
    """(population, protocol, model, measure, k, value, low, high, customers): every measure of every model.

    lists: as `serve.filled` gives them, at least as long as the longest k, for the customers of `tested`, as `held_out_customers` gives
    them; a customer without a list counts as one with an empty list. models: the lists measured. item_count: the items that could be
    offered. A population without customers has no row.
    """
    key = ["model", "customer_id", "keep_seen"]
    in_order = F.sort_array(F.collect_list(F.struct("rank", "item_id"))).alias("ranked")
    ranked = lists.withColumnRenamed("list", "model").groupBy(*key).agg(in_order)
    asked = tested.select("*", F.explode(F.array(*(F.lit(model) for model in models))).alias("model"))
    rows = asked.join(ranked, key, how="left").select(
        "population",
        F.when(F.col("keep_seen"), F.lit("all")).otherwise(F.lit("new")).alias("protocol"),
        "model",
        F.xxhash64("customer_id").alias("customer_hash"),
        "truth",
        F.coalesce(F.col("ranked.item_id"), F.array().cast("array<string>")).alias("offered"),
    )
    sums = rows.mapInArrow(functools.partial(batch_sums, ks=tuple(ks), resamples=resamples), _SUMS)
    # A lambda: of a partial Spark cannot tell the kind. Only sums come together here: a few rows a batch of customers.
    return sums.groupBy("population").applyInArrow(lambda table: means(table, ks, resamples, max(1, item_count)), _VALUES)


def quality_rows(measured: DataFrame, as_of: datetime.date, test_days: int) -> DataFrame:
    """Rows of table `recommendation_quality` from those of `quality`."""
    window = f"{as_of - datetime.timedelta(days=test_days - 1)}..{as_of}"
    return measured.select(F.lit(as_of).alias("as_of"), F.lit(window).alias("window"), "*")


def headline(rows: Sequence[Mapping[str, object]]) -> dict[str, dict[str, float]]:
    """{model: {measure_at_k: value}} of warm customers and new items: the main figures of a model."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["protocol"] == "new" and row["population"] == "warm" and row["k"] != 0:
            found.setdefault(str(row["model"]), {})[f"{row['measure']}_at_{row['k']}"] = float(str(row["value"]))
    return found
