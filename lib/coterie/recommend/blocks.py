"""Customers in blocks, each beside all items, as the input of a numeric kernel."""

from collections.abc import Callable
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_OWN_ITEMS = 20  # of a customer's own items, the strongest so many are looked at for a reason


def beside_all_items(customers: DataFrame, items: DataFrame, kernel: Callable[[Any, Any], Any], schema: str, blocks: int) -> DataFrame:
    """Rows of `schema`: what `kernel(customers of a block, all items)`, a function of two Arrow tables, gives for each block.

    The items are copied to every block by a shuffle. So nothing passes through the driver, and neither a broadcast's limits nor the
    message limit of Spark Connect (128 MB, where a function carries what it closes over) bound their number: a task's memory does,
    with one block of customers and one copy of the items. Customers are cut into blocks by a hash of their id.
    """
    block = F.pmod(F.xxhash64("customer_id"), F.lit(blocks)).cast("int").alias("block")
    left = customers.select(block, "*").repartition(blocks, "block")
    copies = F.explode(F.sequence(F.lit(0), F.lit(blocks - 1))).alias("block")
    right = items.select(copies, "*").repartition(blocks, "block")
    return left.groupBy("block").cogroup(right.groupBy("block")).applyInArrow(kernel, schema)


def histories(customers: DataFrame, pairs: DataFrame) -> DataFrame:
    """(customer_id, keep_seen, seen, own_items, own_strengths, own_bought) for the rows of `customers` (customer_id, keep_seen).

    seen array<string>: items that must not be offered, none with keep_seen. own_...: arrays of the 20 strongest items to learn from,
    strongest first, then by id. A customer without a row in `pairs`, as `interactions.pairs` gives it, has empty arrays.
    """
    learnt = F.when(F.col("strength") > 0, F.struct((-F.col("strength")).alias("order"), "item_id", "is_bought"))
    own = F.slice(F.sort_array(F.collect_list(learnt)), 1, _OWN_ITEMS)
    grouped = pairs.groupBy("customer_id").agg(F.collect_list(F.when(F.col("is_seen"), F.col("item_id"))).alias("had"), own.alias("own"))
    joined = customers.join(grouped, "customer_id", how="left")
    return joined.select(
        "customer_id",
        "keep_seen",
        _or_empty(F.when(~F.col("keep_seen"), F.col("had")), "string").alias("seen"),
        _or_empty(F.col("own.item_id"), "string").alias("own_items"),
        _or_empty(F.transform("own", lambda item: -item["order"]), "double").alias("own_strengths"),
        _or_empty(F.col("own.is_bought"), "boolean").alias("own_bought"),
    )


def _or_empty(array: Column, kind: str) -> Column:
    return F.coalesce(array, F.array().cast(f"array<{kind}>"))
