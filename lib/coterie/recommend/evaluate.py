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

Measures and interval: see `measures`. coverage at k: distinct items in the lists up to rank k, divided by the items that could be offered.
"""

import datetime
import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.recommend.measures import batch_sums, means
from coterie.recommend.serve import Fitted, filled, offers
from coterie.recommend.verbs import Request

_GROUP = ("protocol", "population", "model")
_SUMS = "protocol string, population string, model string, sums array<double>"
_VALUES = "protocol string, population string, model string, measure string, k int, value double, low double, high double, customers bigint"


def truths(purchases: DataFrame, pairs: DataFrame, split_date: datetime.date) -> DataFrame:
    """(protocol, population, customer_id, item_id): the truth of each protocol.

    purchases: effective as of the as-of date; pairs: `interactions.pairs` as of the split date.
    """
    bought = purchases.where(F.col("purchased_on") > F.lit(split_date)).groupBy("customer_id", "item_id").agg(F.lit(True).alias("is_bought_now"))
    before = pairs.where("is_bought").groupBy("customer_id").agg(F.lit("warm").alias("population"))
    seen = pairs.where("is_seen").select("customer_id", "item_id", "is_seen")
    known = bought.join(before, "customer_id", how="left").join(seen, ["customer_id", "item_id"], how="left")
    protocols = F.when(F.col("is_seen"), F.array(F.lit("all"))).otherwise(F.array(F.lit("all"), F.lit("new")))
    return known.select(F.explode(protocols).alias("protocol"), F.coalesce("population", F.lit("cold")).alias("population"), "customer_id", "item_id")


def lists_of(recommenders: Sequence[Fitted], filler: str, truth: DataFrame, request: Request) -> DataFrame:
    """(protocol, model, customer_id, rank, item_id): the lists of the customers of each protocol, of `request.count` items.

    Whom to serve follows from `truth`, whatever the request's own customers.
    """
    keep_seen = (F.col("protocol") == "all").alias("keep_seen")
    customers = truth.groupBy("protocol", "customer_id").count().select("customer_id", keep_seen)
    asked = replace(request, customers=customers)
    served = filled(offers(recommenders, asked), filler, request.count, [recommender.kind for recommender, _ in recommenders])
    protocol = F.when(F.col("keep_seen"), F.lit("all")).otherwise(F.lit("new"))
    return served.select(protocol.alias("protocol"), F.col("list").alias("model"), "customer_id", "rank", "item_id")


def quality(lists: DataFrame, truth: DataFrame, offered_count: DataFrame, models: Sequence[str], ks: Sequence[int], resamples: int) -> DataFrame:
    """(protocol, population, model, measure, k, value, low, high, customers): every measure of every model, the longest k last.

    offered_count: one row, (offered bigint): the items that could be offered. A population without customers has no row.
    """
    measured = truth.groupBy("protocol", "population", "customer_id").agg(F.count(F.lit(1)).alias("truth_count"))
    customers = measured.select("*", F.explode(F.array(*(F.lit(model) for model in models))).alias("model"))
    values = _averages(lists, truth, customers, ks, resamples)
    return values.unionByName(_coverage(lists, measured, offered_count, ks)).unionByName(_excluded(measured, models))


def _averages(lists: DataFrame, truth: DataFrame, customers: DataFrame, ks: Sequence[int], resamples: int) -> DataFrame:
    found = lists.join(truth, ["protocol", "customer_id", "item_id"], how="inner")
    hits = found.groupBy("protocol", "model", "customer_id").agg(F.sort_array(F.collect_list("rank")).alias("hits"))
    joined = customers.join(hits, ["protocol", "model", "customer_id"], how="left")
    rows = joined.select(
        *_GROUP, F.xxhash64("customer_id").alias("customer_hash"), "truth_count", F.coalesce("hits", F.array().cast("array<int>")).alias("hits")
    )
    sums = rows.mapInArrow(functools.partial(batch_sums, ks=tuple(ks), resamples=resamples), _SUMS)
    # A lambda: of a partial Spark cannot tell the kind.
    return sums.groupBy(*_GROUP).applyInArrow(lambda table: means(table, ks, resamples), _VALUES)


def _coverage(lists: DataFrame, measured: DataFrame, offered_count: DataFrame, ks: Sequence[int]) -> DataFrame:
    placed = lists.join(measured, ["protocol", "customer_id"], how="inner")
    items = placed.groupBy(*_GROUP, "item_id").agg(F.min("rank").alias("rank"))
    counted = items.groupBy(*_GROUP).agg(*(F.count(F.when(F.col("rank") <= k, F.lit(1))).alias(str(k)) for k in ks))
    sizes = measured.groupBy("protocol", "population").agg(F.count(F.lit(1)).alias("customers"))
    long = counted.unpivot([*_GROUP], [*(str(k) for k in ks)], "k", "items").join(sizes, ["protocol", "population"], how="inner").crossJoin(offered_count)
    value = F.try_divide(F.col("items").cast("double"), F.col("offered").cast("double"))
    return _without_interval(long, "coverage", F.col("k").cast("int"), value)


def _excluded(measured: DataFrame, models: Sequence[str]) -> DataFrame:
    protocols = F.collect_set("protocol")
    only_seen = measured.groupBy("population", "customer_id").agg((F.size(protocols) == 1).cast("bigint").alias("is_excluded"))
    counted = only_seen.groupBy("population").agg(F.sum("is_excluded").cast("double").alias("value"), F.count(F.lit(1)).alias("customers"))
    named = counted.select("*", F.lit("new").alias("protocol"), F.explode(F.array(*(F.lit(model) for model in models))).alias("model"))
    return _without_interval(named, "excluded", F.lit(0), F.col("value"))


def _without_interval(frame: DataFrame, measure: str, k: Column, value: Column) -> DataFrame:
    bounds = [F.lit(None).cast("double").alias(name) for name in ("low", "high")]
    return frame.select(*_GROUP, F.lit(measure).alias("measure"), k.alias("k"), value.alias("value"), *bounds, "customers")


def quality_rows(measured: DataFrame, as_of: datetime.date, test_days: int) -> DataFrame:
    """Rows of table `recommendation_quality` from those of `quality`."""
    window = f"{as_of - datetime.timedelta(days=test_days - 1)}..{as_of}"
    return measured.select(F.lit(as_of).alias("as_of"), F.lit(window).alias("window"), "*")


def headline(rows: Sequence[Mapping[str, object]]) -> dict[str, dict[str, float]]:
    """{model: {measure_at_k: value}} of warm customers and new items: the figures that a model is known by."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["protocol"] == "new" and row["population"] == "warm" and row["k"] != 0:
            found.setdefault(str(row["model"]), {})[f"{row['measure']}_at_{row['k']}"] = float(str(row["value"]))
    return found
