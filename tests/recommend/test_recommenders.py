"""One suite for every recommender, on a market whose right answers are visible; see `market`."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from market import BOARD, BOUGHT, CUSTOMERS, RECOMMENDERS, TITLES, Kept, asked, bought_of, kept, loaded_again, training, turned, union
from market_rows import AS_OF, ago
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.recommend.serve import MEASURED, SERVED, Request, measured, served
from coterie.recommend.tasks.rearrange import Rearrangement
from coterie.recommend.verbs import ROWS, digest, model_id

EVERY = pytest.mark.parametrize("kind", list(RECOMMENDERS))
PERSONAL = pytest.mark.parametrize("kind", ["als", "user_knn", "item_knn", "ease", "content"])
AS_RANKED = Rearrangement(0, 0.0, 0.0, 30, "item_knn")
LENGTH = 3

Lists = dict[tuple[str, str, bool], list[tuple[str, float]]]


@dataclass(frozen=True)
class Market:
    """The lists of everyone by every model; and again by models that were fitted on turned rows, saved and loaded, in other blocks."""

    kept: Kept
    measured: list[Row]
    served: list[Row]
    again: list[Row]
    schemas: tuple[str, str]


def as_served(models: Any, request: Request) -> DataFrame:
    """As the job does it: the model that serves, and the popular one to fill up."""
    own = {kind: [fitted for fitted in models if fitted[0].kind in {kind, "popular"}] for kind in RECOMMENDERS}
    return union(served(own[kind], request, kind, None, AS_RANKED).select(F.lit(kind).alias("model"), "*") for kind in RECOMMENDERS)


@pytest.fixture(scope="module")
def market(spark: SparkSession) -> Market:
    known, other = training(spark), turned(training(spark))
    first, second = kept(spark, known), kept(spark, other)
    request = Request(asked(spark, CUSTOMERS), known, 5, LENGTH, 2)
    lists = measured(first.fitted, request)
    offers = as_served(first.fitted, request)
    again = measured(loaded_again(spark, second), replace(request, known=other, blocks=3, customers=request.customers.repartition(4)))
    return Market(first, lists.collect(), offers.collect(), again.collect(), (lists.schema.simpleString(), offers.drop("model").schema.simpleString()))


@pytest.fixture(scope="module")
def lists(market: Market) -> Lists:
    return by_customer(market.measured)


def by_customer(rows: list[Row]) -> Lists:
    return {(row["model"], row["customer_id"], row["keep_seen"]): list(zip(row["items"], row["factors"], strict=True)) for row in rows}


def offers(market: Market, kind: str) -> dict[tuple[str, bool], list[Row]]:
    found: dict[tuple[str, bool], list[Row]] = {}
    for row in sorted((row for row in market.served if row["model"] == kind), key=lambda row: row["rank"]):
        found.setdefault((row["customer_id"], row["keep_seen"]), []).append(row)
    return found


@EVERY
def test_a_fit_gives_rows_of_one_schema(spark: SparkSession, market: Market, kind: str) -> None:
    names = [(field.name, field.dataType) for field in spark.createDataFrame([], ROWS).schema]
    assert market.kept.schemas[kind] == spark.createDataFrame([], ROWS).schema.simpleString(), names
    assert market.schemas == tuple(spark.createDataFrame([], of).schema.simpleString() for of in (MEASURED, SERVED))


@EVERY
def test_everyone_gets_a_list_with_ranks_without_gaps_and_falling_scores(market: Market, kind: str) -> None:
    found = offers(market, kind)
    assert sorted(found) == sorted((customer, keep) for customer in CUSTOMERS for keep in (False, True))
    for rows in found.values():
        assert [row["rank"] for row in rows] == [1, 2, 3]
        assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
        assert all(math.isfinite(row["score"]) and row["reason"].strip() for row in rows)
        assert {row["source"] for row in rows} <= {kind, "popular"}


@EVERY
def test_nothing_is_offered_twice_or_withdrawn_or_seen_unless_asked_for(market: Market, kind: str) -> None:
    for (customer, keep), rows in offers(market, kind).items():
        items = {row["item_id"] for row in rows}
        assert len(items) == LENGTH
        assert "k gone" not in items
        assert keep or not items & bought_of(customer)


@EVERY
def test_what_is_measured_is_what_is_served(market: Market, lists: Lists, kind: str) -> None:
    for (customer, keep), rows in offers(market, kind).items():
        assert [(row["item_id"], row["score"]) for row in rows] == [(item, pytest.approx(score, abs=1e-6)) for item, score in lists[kind, customer, keep]]
    warm = {row["customer_id"]: row["is_warm"] for row in market.measured}
    assert warm == {customer: customer != "stranger" for customer in CUSTOMERS}


@EVERY
def test_saved_loaded_turned_and_in_other_blocks_the_lists_are_the_same(market: Market, lists: Lists, kind: str) -> None:
    again = by_customer(market.again)
    for (model, customer, keep), offered in lists.items():
        if model == kind:
            assert again[model, customer, keep] == [(item, pytest.approx(score, abs=1e-5)) for item, score in offered], (customer, keep)


@PERSONAL
def test_the_own_number_is_the_best_of_the_board(market: Market, kind: str) -> None:
    found = offers(market, kind)
    for n in range(8):
        best = found[f"board{n}", False][0]
        assert (best["item_id"], best["source"]) == (f"b{n}", kind)


@PERSONAL
def test_the_last_of_each_block_is_offered_what_is_missing(market: Market, kind: str) -> None:
    found = offers(market, kind)
    assert [found[f"block{n}", False][0]["item_id"] for n in (4, 9)] == ["k4", "k9"]


@PERSONAL
def test_of_the_chain_the_links_before_and_after_come_first(market: Market, kind: str) -> None:
    found = offers(market, kind)
    for n in range(1, 5):
        assert {row["item_id"] for row in found[f"chain{n}", False][:2]} == {f"l{n - 1}", f"l{n + 2}"}


@pytest.mark.parametrize(
    ("kind", "words"), [("als", "fits your taste for {}"), ("item_knn", "goes with {}"), ("ease", "goes with {}"), ("content", "is like {}")]
)
def test_an_own_item_is_the_reason(market: Market, kind: str, words: str) -> None:
    found = offers(market, kind)
    for n in range(8):
        assert found[f"board{n}", False][0]["reason"] == words.format(TITLES[f"b{n}"])  # all of the same parity are called alike
    for n in range(1, 5):
        assert found[f"chain{n}", False][0]["reason"] in {words.format(TITLES[f"l{m}"]) for m in (n, n + 1)}


def test_neighbours_and_everybody_are_reasons_too(market: Market) -> None:
    assert offers(market, "user_knn")["board0", False][0]["reason"] == "bought by 3 customers like you"
    # Of the items sold in the last days k0 .. k3 and k5 .. k8 have five buyers each.
    assert [(row["item_id"], row["reason"]) for row in offers(market, "popular")["stranger", False]] == [
        (f"k{m}", "bought by 5 customers in the last 14 days") for m in range(3)
    ]


def test_content_offers_what_nobody_bought_yet(market: Market) -> None:
    assert [row["item_id"] for row in offers(market, "content")["board2", False]][:2] == ["b2", "z new"]
    for kind in ("als", "user_knn", "item_knn", "ease"):
        assert "z new" not in {row["item_id"] for row in market.served if row["model"] == kind}


def test_repeat_offers_what_was_bought_and_only_on_demand(market: Market) -> None:
    found = offers(market, "repeat")
    for customer in set(CUSTOMERS) - {"stranger"}:
        mine = [row for row in found[customer, True] if row["source"] == "repeat"]
        assert {row["item_id"] for row in mine} <= bought_of(customer)
        assert len(mine) == min(LENGTH, len(bought_of(customer) - {"k gone"}))
        assert {row["reason"] for row in mine} == {"you bought it 3 days ago"}
        assert {row["source"] for row in found[customer, False]} == {"popular"}


@EVERY
def test_strangers_get_what_is_popular(market: Market, kind: str) -> None:
    everybody = [row["item_id"] for row in offers(market, "popular")["stranger", False]]
    rows = offers(market, kind)["stranger", False]
    assert [row["item_id"] for row in rows] == everybody
    assert {row["source"] for row in rows} == {"popular"}


def ids(spark: SparkSession, **changes: Any) -> dict[str, str]:
    known = training(spark, **changes)
    known_by = digest(known)
    return {kind: model_id(recommender, known.as_of, known_by) for kind, recommender in RECOMMENDERS.items()}


@pytest.fixture(scope="module")
def known_as(spark: SparkSession) -> dict[str, dict[str, str]]:
    return {
        "same": ids(spark), "turned": ids(spark, bought=BOUGHT[::-1]), "one less": ids(spark, bought=BOUGHT[1:]), "other date": ids(spark, date=ago(1)),
        "other day": ids(spark, days_ago=4), "other title": ids(spark, titles=TITLES | {"b0": "Board odd"}), "twice": ids(spark, bought=[*BOUGHT, BOARD[0]]),
    }  # fmt: skip


@EVERY
def test_a_model_is_known_by_data_date_and_settings_in_any_order(market: Market, known_as: dict[str, dict[str, str]], kind: str) -> None:
    [model] = [model for recommender, model in market.kept.fitted if recommender.kind == kind]
    assert known_as["same"][kind] == known_as["turned"][kind] == model.model_id
    assert (model.kind, model.as_of) == (kind, AS_OF)
    others = {name: found[kind] for name, found in known_as.items() if name not in ("same", "turned")}
    assert len({known_as["same"][kind], *others.values()}) == 1 + len(others)
    recommender = RECOMMENDERS[kind]
    [first, *_] = recommender.settings
    changed = replace(recommender, **{first: recommender.settings[first] + 1})  # type: ignore[type-var]
    assert model_id(changed, AS_OF, "data") != model_id(recommender, AS_OF, "data")


def test_memory_is_no_setting_that_a_model_is_known_by() -> None:
    for kind in ("user_knn", "item_knn", "content"):
        recommender = RECOMMENDERS[kind]
        assert model_id(replace(recommender, memory_mb=999), AS_OF, "data") == model_id(recommender, AS_OF, "data")  # type: ignore[type-var]


def test_each_block_of_customers_is_a_task_of_its_own(spark: SparkSession) -> None:
    known = training(spark)
    lists = measured(kept(spark, known).fitted, Request(asked(spark, [f"customer {n}" for n in range(60)]), known, 5, 3, 5))
    block = F.pmod(F.xxhash64("customer_id"), F.lit(5)).alias("block")
    found = {tuple(row) for row in lists.select(block, F.spark_partition_id()).collect()}
    assert {block for block, _ in found} == {0, 1, 2, 3, 4}
    assert len({task for _, task in found}) == len(found) == 5


def test_nothing_to_learn_from_gives_empty_models_and_the_items_by_id(spark: SparkSession) -> None:
    full = training(spark, titles={"b": "Bag", "a": "Apron"})
    empty = replace(full, pairs=full.pairs.limit(0), purchases=full.purchases.limit(0))
    models = kept(spark, empty)
    held = {row["model_id"] for row in models.model_factors.where("size(factors) > 0").collect()}
    assert {recommender.kind for recommender, model in models.fitted if model.model_id in held} <= {"content"}  # which learns from the titles alone
    found = measured(models.fitted, Request(asked(spark, ["ann"]), empty, 5, 3, 2)).collect()
    assert {(row["model"], row["keep_seen"]): row["items"] for row in found} == {(kind, keep): ["a", "b"] for kind in RECOMMENDERS for keep in (False, True)}


def test_one_customer_and_one_item_are_enough(spark: SparkSession) -> None:
    only = training(spark, [("ann", "a")], {"a": "Apron"})
    found = measured(kept(spark, only).fitted, Request(asked(spark, ["ann"]), only, 5, 3, 2)).collect()
    assert {(row["model"], row["keep_seen"]): row["items"] for row in found} == {
        (kind, keep): ["a"] if keep else [] for kind in RECOMMENDERS for keep in (False, True)
    }


def test_ease_with_more_items_than_allowed_says_the_arithmetic(spark: SparkSession) -> None:
    with pytest.raises(UserError) as refused:
        replace(RECOMMENDERS["ease"], max_items=3).fit(training(spark, [("ann", name) for name in "abcd"]))  # type: ignore[type-var]
    # Two square matrices of float64: 2 x 8 x 4 x 4 bytes.
    assert str(refused.value) == (
        "EASE would hold 4 x 4 numbers, about 0.0 GB, in one task, and recommend.ease.max_items is 3; "
        "raise it where a task has the memory, or leave 'ease' out of recommend.models"
    )
