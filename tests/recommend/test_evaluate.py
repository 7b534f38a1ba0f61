import math

import pytest
from market_rows import ago
from pyspark.sql import DataFrame, SparkSession

from coterie.recommend.evaluate import bought_between, headline, held_out_customers, quality
from coterie.recommend.serve import MEASURED
from coterie.recommend.verbs import ROWS

SEEN = "customer_id string, item_id string, is_seen boolean"
PURCHASES = "customer_id string, item_id string, purchased_on date"


@pytest.fixture(scope="module")
def held_out(spark: SparkSession) -> DataFrame:
    seen = spark.createDataFrame([("ann", "a", True), ("bob", "a", True), ("cid", "a", False), ("eve", "b", True)], SEEN)
    purchases = [
        ("ann", "a", ago(0)), ("ann", "b", ago(13)), ("ann", "b", ago(2)), ("ann", "x", ago(14)),  # the 14th day back belongs to the training
        ("bob", "a", ago(3)), ("cid", "a", ago(3)), ("dan", "c", ago(1)), ("eve", "z", ago(20)), ("dan", "later", ago(-1)),
    ]  # fmt: skip
    truth = bought_between(spark.createDataFrame(purchases, PURCHASES), ago(14), ago(0))
    return held_out_customers(truth, seen, 100)


def test_truth_is_what_was_bought_after_the_split_and_new_leaves_out_what_was_had(held_out: DataFrame) -> None:
    assert held_out.columns == ["customer_id", "keep_seen", "truth"]
    assert {(row["customer_id"], row["keep_seen"]): row["truth"] for row in held_out.collect()} == {
        ("ann", True): ["a", "b"], ("ann", False): ["b"],
        ("bob", True): ["a"],  # bought nothing new: measured with all items only
        ("cid", True): ["a"], ("cid", False): ["a"],  # had looked, not bought
        ("dan", True): ["c"], ("dan", False): ["c"],
    }


def test_so_many_customers_are_drawn_and_the_same_ones_in_any_order(spark: SparkSession) -> None:
    rows = [(f"c{number}", item) for number in range(50) for item in "ab"]
    nobody = spark.createDataFrame([], SEEN)
    drawn = [
        {row["customer_id"] for row in held_out_customers(spark.createDataFrame(turned, "customer_id string, item_id string"), nobody, 7).collect()}
        for turned in (rows, rows[::-1])
    ]
    assert len(drawn[0]) == 7
    assert drawn[0] == drawn[1]


def measured(spark: SparkSession, *rows: tuple[str, bool, bool, str, str, str]) -> DataFrame:
    """Rows of MEASURED from (customer, keep_seen, is_warm, truth, model, items), items of one letter."""
    return spark.createDataFrame([(*row[:3], list(row[3]), row[4], list(row[5]), [0.0] * len(row[5])) for row in rows], MEASURED)


def popular(spark: SparkSession, **buyers: int) -> DataFrame:
    return spark.createDataFrame([(item, float(count)) for item, count in buyers.items()], "item_id string, buyers double")


def test_each_population_protocol_and_model_has_its_measures_beside_the_others(spark: SparkSession) -> None:
    rows = [
        ("ann", True, True, "ab", "als", "xab"), ("bob", True, True, "a", "als", ""), ("ann", False, True, "b", "als", "xb"),
        *((customer, keep_seen, False, truth, "als", "") for customer, truth in (("cid", "a"), ("dan", "c")) for keep_seen in (True, False)),
    ]  # fmt: skip
    rows += [(*row[:4], "popular", "a") for row in rows]
    alike = spark.createDataFrame([("item", "a", ["b"], [0.5])], ROWS)
    found = quality(measured(spark, *rows), popular(spark, a=3, b=0, x=3), alike, 15, 8, [1, 3], 30).collect()
    value = {(row["protocol"], row["population"], row["model"], row["measure"], row["k"]): row["value"] for row in found}
    assert len(value) == len(found)
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
    assert value["new", "warm", "als", "novelty", 3] == pytest.approx((2 + 4) / 2)  # x: (3 + 1) / 16, b: (0 + 1) / 16
    assert value["all", "warm", "als", "diversity", 3] == pytest.approx(((1 + 1 + 0.5) / 3 + 0) / 2)
    customers = {(row["protocol"], row["population"]): row["customers"] for row in found if row["measure"] == "map"}
    assert customers == {("all", "warm"): 2, ("new", "warm"): 1, ("all", "cold"): 2, ("new", "cold"): 2}
    assert all(row["low"] <= row["value"] <= row["high"] for row in found if row["measure"] not in ("coverage", "gini", "excluded"))
    main = headline([row.asDict() for row in found])
    assert sorted(main) == ["als", "popular"]
    assert main["als"]["mrr_at_3"] == 0.5
    assert headline([row.asDict() for row in found], "all")["popular"]["hit_rate_at_1"] == 1


def test_an_item_that_nobody_bought_yet_is_the_most_novel_and_like_none(spark: SparkSession) -> None:
    # "new" stands in no purchase, so that the popular model has no row of it. Of 15 customers 3 had a: 2 bits, and nobody new: 4 bits.
    lists = measured(spark, ("ann", False, True, "x", "content", "abn"))
    alike = spark.createDataFrame([("item", "a", ["b"], [1.0])], ROWS)
    found = quality(lists, popular(spark, a=3, b=3), alike, 15, 8, [3], 0).collect()
    value = {row["measure"]: row["value"] for row in found}
    assert value["novelty"] == pytest.approx((2 + 2 + 4) / 3)
    assert value["diversity"] == pytest.approx((0 + 1 + 1) / 3)
