"""One suite for every recommender, on data whose right answers are visible."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from market_rows import AS_OF, ago
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from coterie.lake import Lake
from coterie.recommend.als import AlsRecommender
from coterie.recommend.blocks import histories
from coterie.recommend.popular import PopularRecommender
from coterie.recommend.verbs import LISTS, Model, Recommender, Request, Training, loaded, model_id, saved_factors, saved_row
from coterie.schemas import MODELS

ALS = AlsRecommender(rank=6, iterations=8, regularisation=0.01, alpha=20.0, blocks=2, seed=1)
POPULAR = PopularRecommender(popular_days=30)
EVERY = pytest.mark.parametrize("recommender", [ALS, POPULAR], ids=lambda recommender: recommender.kind)

Bought = list[tuple[str, str]]

# Customer n buys the items of its own parity, but not item n: implicit's checkerboard, where the best offer is the own number.
CHECKERBOARD: Bought = [(f"c{n}", f"i{m}") for n in range(10) for m in range(10) if (n - m) % 2 == 0 and n != m]
# Two blocks of customers and items that never meet; the last customer of each block lacks the last item of it.
BLOCKS: Bought = [(f"c{n}", f"i{m}") for n in range(12) for m in range(12) if n // 6 == m // 6 and not (n % 6 == 5 and m % 6 == 5)]


@dataclass(frozen=True)
class Market:
    training: Training
    request: Request


@pytest.fixture(scope="module")
def market(spark: SparkSession) -> Callable[[Bought, list[str]], Market]:
    def made(bought: Bought, customers: list[str], days_ago: int = 3) -> Market:
        rows = [(customer, item, math.log(6), True, True) for customer, item in bought]
        pairs = spark.createDataFrame(rows, "customer_id string, item_id string, strength double, is_bought boolean, is_seen boolean")
        purchases = pairs.select("customer_id", "item_id", F.lit(ago(days_ago)).alias("purchased_on"), F.lit(1).cast("bigint").alias("purchase_count"),
                                 F.lit(2).cast("decimal(28,4)").alias("quantity"))
        names = sorted({item for _, item in bought})
        kinds = "item_id string, title string, first_listed_on date, is_sellable boolean"
        items = spark.createDataFrame([(name, f"Title of {name}", ago(90), True) for name in names], kinds)
        asked = spark.createDataFrame([(customer, False) for customer in customers], "customer_id string, keep_seen boolean")
        return Market(Training(AS_OF, pairs, purchases), Request(histories(asked, pairs), items, 3, 2))

    return made


def lists(rows: DataFrame) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(rows.collect(), key=lambda row: (row["customer_id"], row["rank"])):
        found.setdefault(row["customer_id"], []).append(row)
    return found


@pytest.fixture(scope="module")
def fitted(market: Callable[[Bought, list[str]], Market]) -> dict[str, tuple[Market, Model]]:
    """Each recommender fitted on the checkerboard."""
    board = market(CHECKERBOARD, [f"c{n}" for n in range(10)])
    return {recommender.kind: (board, recommender.fit(board.training, "m1")) for recommender in (ALS, POPULAR)}


@EVERY
def test_lists_have_the_schema_ranks_without_gaps_falling_scores_and_nothing_seen_or_twice(
    spark: SparkSession, fitted: dict[str, tuple[Market, Model]], recommender: Recommender
) -> None:
    board, model = fitted[recommender.kind]
    found = recommender.recommend(model, board.request)
    assert found.schema.simpleString() == spark.createDataFrame([], LISTS).schema.simpleString()
    for customer, rows in lists(found).items():
        assert [row["rank"] for row in rows] == [1, 2, 3]
        assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
        assert len({row["item_id"] for row in rows} - {item for buyer, item in CHECKERBOARD if buyer == customer}) == 3
        assert all(row["reason"].strip() for row in rows)


@EVERY
def test_a_model_is_saved_and_loaded_without_a_change(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, fitted: dict[str, tuple[Market, Model]], recommender: Recommender
) -> None:
    board, model = fitted[recommender.kind]
    lake = Lake(spark, str(tmp_path_factory.mktemp("models") / "lake"))
    lake.replace("model_factors", saved_factors(model), f"model_id = '{model.model_id}'")
    kinds = ", ".join(f"{column.name} {column.type}" for column in MODELS.columns)
    [row] = spark.createDataFrame([saved_row(model, {"ndcg_at_10": 0.5}, True, 1)], kinds).collect()
    again = loaded(row, lake.read("model_factors"))
    assert (again.kind, again.as_of, again.settings) == (model.kind, model.as_of, model.settings)
    found = lists(recommender.recommend(again, replace(board.request, blocks=3)))  # and blocks change nothing
    assert found == lists(recommender.recommend(model, board.request))


@EVERY
def test_a_model_is_known_by_data_date_and_settings_in_any_order(market: Callable[[Bought, list[str]], Market], recommender: Recommender) -> None:
    training = market(BLOCKS, []).training
    known = model_id(recommender, training)
    turned = market(BLOCKS[::-1], []).training
    assert model_id(recommender, replace(turned, pairs=turned.pairs.repartition(5))) == known
    assert model_id(recommender, market(BLOCKS[1:], []).training) != known
    assert model_id(recommender, replace(training, as_of=ago(1))) != known
    other = replace(ALS, rank=7) if recommender is ALS else PopularRecommender(31)
    assert model_id(other, training) != known


@EVERY
def test_withdrawn_items_are_not_offered_and_seen_ones_only_on_demand(
    spark: SparkSession, fitted: dict[str, tuple[Market, Model]], recommender: Recommender
) -> None:
    board, model = fitted[recommender.kind]
    asked = spark.createDataFrame([("c0", True), ("c0", False)], "customer_id string, keep_seen boolean")
    items = board.request.items.withColumn("is_sellable", F.col("item_id").isin("i0", "i2", "i4", "i1"))
    request = replace(board.request, customers=histories(asked, board.training.pairs), items=items, count=10)
    found = recommender.recommend(model, request).collect()
    assert sorted(row["item_id"] for row in found if row["keep_seen"]) == ["i0", "i1", "i2", "i4"]
    assert sorted(row["item_id"] for row in found if not row["keep_seen"]) == ["i0", "i1"]


@EVERY
def test_nothing_to_learn_from_gives_an_empty_model_and_no_error(market: Callable[[Bought, list[str]], Market], recommender: Recommender) -> None:
    board = market(BLOCKS[:1], ["c0", "stranger"])
    empty = Training(AS_OF, board.training.pairs.limit(0), board.training.purchases.limit(0))
    assert recommender.recommend(recommender.fit(empty, "m0"), board.request).count() == (0 if recommender is ALS else 1)


@EVERY
def test_one_customer_and_one_item_are_enough(market: Callable[[Bought, list[str]], Market], recommender: Recommender) -> None:
    board = market([("only", "thing")], ["only"])
    assert recommender.recommend(recommender.fit(board.training, "m0"), board.request).count() == 0  # it has that one already


def test_als_offers_the_own_number_of_the_checkerboard_because_of_a_neighbour(fitted: dict[str, tuple[Market, Model]]) -> None:
    board, model = fitted["als"]
    for customer, rows in lists(ALS.recommend(model, board.request)).items():
        assert rows[0]["item_id"] == f"i{customer[1:]}"
        own = {f"because you bought Title of {item}" for buyer, item in CHECKERBOARD if buyer == customer}
        assert rows[0]["reason"] in own


def test_als_completes_the_blocks_and_knows_no_strangers(market: Callable[[Bought, list[str]], Market]) -> None:
    board = market(BLOCKS, ["c5", "c11", "stranger"])
    found = lists(ALS.recommend(ALS.fit(board.training, "m2"), board.request))
    assert {customer: rows[0]["item_id"] for customer, rows in found.items()} == {"c5": "i5", "c11": "i11"}


def test_popular_counts_buyers_then_units_then_ids_in_the_shortest_window(spark: SparkSession) -> None:
    bought = [
        *(("ann", "cup", 0, 1), ("bob", "cup", 29, 1)),  # two buyers within 30 days
        *(("ann", "bag", 1, 3), ("ann", "ant", 2, 1), ("ann", "ant", 3, 1), ("bob", "axe", 5, 2)),  # one buyer; 3, 2 and 2 units
        *(("ann", "old", 30, 9), ("bob", "old", 40, 9), ("cid", "old", 50, 9)),  # three buyers, but before
        ("cid", "older", 100, 1),
    ]
    rows = [(customer, item, ago(days), 1, float(units)) for customer, item, days, units in bought]
    purchases = spark.createDataFrame(rows, "customer_id string, item_id string, purchased_on date, purchase_count bigint, quantity double")
    kinds = "item_id string, title string, first_listed_on date, is_sellable boolean"
    items = spark.createDataFrame(
        [(name, None, None, True) for name in ("ant", "axe", "bag", "cup", "old", "older")] + [("new", None, ago(4), True)], kinds
    )
    pairs = spark.createDataFrame([], "customer_id string, item_id string, strength double, is_bought boolean, is_seen boolean")
    asked = spark.createDataFrame([("zoe", False)], "customer_id string, keep_seen boolean")
    model = POPULAR.fit(Training(AS_OF, pairs, purchases), "m3")
    found = lists(POPULAR.recommend(model, Request(histories(asked, pairs), items, 10, 1)))["zoe"]
    assert [(row["item_id"], row["score"], row["reason"]) for row in found] == [
        ("cup", 2.0, "bought by 2 customers in the last 30 days"),
        ("bag", 1.0, "bought by 1 customer in the last 30 days"),
        ("ant", 1.0, "bought by 1 customer in the last 30 days"),
        ("axe", 1.0, "bought by 1 customer in the last 30 days"),
        ("old", 0.0, "bought by 3 customers in the last 90 days"),
        ("older", 0.0, "bought by 1 customer in the last 360 days"),
        ("new", 0.0, f"in the shop since {ago(4)}"),
    ]
