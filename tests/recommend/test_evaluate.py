import math

import pytest
from market_rows import AS_OF, ago
from pyspark.sql import DataFrame, SparkSession

from coterie.recommend.evaluate import headline, held_out_customers, quality, quality_rows
from coterie.schemas import RECOMMENDATION_QUALITY

PAIRS = "customer_id string, item_id string, is_bought boolean, is_seen boolean"
PURCHASES = "customer_id string, item_id string, purchased_on date"
LISTS = "list string, customer_id string, keep_seen boolean, rank int, item_id string"


@pytest.fixture(scope="module")
def held_out(spark: SparkSession) -> DataFrame:
    pairs = spark.createDataFrame(
        [("ann", "a", True, True), ("bob", "a", True, True), ("cid", "a", False, False), ("eve", "b", True, True)], PAIRS
    )
    purchases = [
        ("ann", "a", ago(0)), ("ann", "b", ago(13)), ("ann", "b", ago(2)), ("ann", "x", ago(14)),  # the 14th day back belongs to the training
        ("bob", "a", ago(3)), ("cid", "a", ago(3)), ("dan", "c", ago(1)), ("eve", "z", ago(20)),
    ]
    return held_out_customers(spark.createDataFrame(purchases, PURCHASES), pairs, ago(14))


def test_truth_is_what_was_bought_after_the_split_and_new_leaves_out_what_was_had(held_out: DataFrame) -> None:
    found = {(row["customer_id"], row["keep_seen"]): (row["population"], row["truth"]) for row in held_out.collect()}
    assert found == {
        ("ann", True): ("warm", ["a", "b"]), ("ann", False): ("warm", ["b"]),
        ("bob", True): ("warm", ["a"]),  # bought nothing new: measured with all items only
        ("cid", True): ("cold", ["a"]), ("cid", False): ("cold", ["a"]),  # had looked, not bought
        ("dan", True): ("cold", ["c"]), ("dan", False): ("cold", ["c"]),
    }


def test_each_population_protocol_and_model_has_its_measures_beside_the_others(spark: SparkSession, held_out: DataFrame) -> None:
    lists = [
        *(("als", "ann", True, rank, item) for rank, item in enumerate("xab", 1)),
        *(("als", "ann", False, rank, item) for rank, item in enumerate("xb", 1)),
        *(("popular", name, keep, 1, "a") for name in ("ann", "bob", "cid", "dan") for keep in (True, False)),
    ]
    measured = quality(spark.createDataFrame(lists, LISTS), held_out, ["als", "popular"], 8, [1, 3], 30)
    rows = quality_rows(measured, AS_OF, 14)
    assert sorted(rows.columns) == sorted(RECOMMENDATION_QUALITY.names)
    found = rows.collect()
    assert {row["window"] for row in found} == {f"{ago(13)}..{AS_OF}"}
    value = {(row["protocol"], row["population"], row["model"], row["measure"], row["k"]): row["value"] for row in found}
    # ann finds a and b at ranks 2 and 3, bob has no list from als.
    ann = (1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3))
    assert value["all", "warm", "als", "ndcg", 3] == pytest.approx(ann / 2, abs=1e-8)
    assert value["all", "warm", "popular", "hit_rate", 1] == 1
    assert value["new", "warm", "als", "mrr", 3] == 0.5
    assert value["new", "cold", "popular", "recall", 1] == 0.5
    assert value["all", "warm", "als", "coverage", 3] == 3 / 8
    assert value["all", "warm", "als", "coverage", 1] == 1 / 8
    assert value["new", "warm", "als", "excluded", 0] == 1
    assert value["new", "cold", "als", "excluded", 0] == 0
    assert {row["customers"] for row in found if (row["population"], row["protocol"], row["measure"]) == ("warm", "new", "map")} == {1}
    assert all(row["low"] <= row["value"] <= row["high"] for row in found if row["measure"] not in ("coverage", "excluded"))
    assert headline([row.asDict() for row in found])["als"]["mrr_at_3"] == 0.5
