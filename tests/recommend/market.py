"""A market of three islands whose right answers are visible, as the recommenders are given it.

Board: customer n bought the items of its own parity, but not item n: the best offer is the own number (implicit's checkerboard).
Blocks: customers 0 .. 4 bought the items 0 .. 4, and 5 .. 9 the items 5 .. 9, but the last of each not the last.
Chain: customer n bought the links n and n + 1: the nearest are the links before and after.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from market_rows import AS_OF, ago
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.recommend.als import AlsRecommender
from coterie.recommend.content import ContentRecommender
from coterie.recommend.ease import EaseRecommender
from coterie.recommend.item_knn import ItemKnnRecommender
from coterie.recommend.popular import PopularRecommender
from coterie.recommend.repeat import RepeatRecommender
from coterie.recommend.serve import Fitted
from coterie.recommend.user_knn import UserKnnRecommender
from coterie.recommend.verbs import Recommender, Training, digest, loaded, model_id, restored, saved_row, saved_rows
from coterie.schemas import MODELS

RECOMMENDERS: dict[str, Recommender] = {
    recommender.kind: recommender
    for recommender in (
        PopularRecommender(popular_days=14),
        AlsRecommender(rank=8, iterations=5, regularisation=0.1, alpha=10.0, half_life_days=30.0, seed=1),
        UserKnnRecommender(neighbours=10, power=1.0, half_life_days=30.0, memory_mb=64),
        ItemKnnRecommender(neighbours=10, shrinkage=0.5, half_life_days=30.0, own_half_life_days=30.0, memory_mb=64),
        EaseRecommender(regularisation=0.5, own_weight=0.1, half_life_days=30.0, keep=20, max_items=100),
        ContentRecommender(neighbours=10, half_life_days=30.0, category_weight=1.0, price_weight=0.5, memory_mb=64),
        RepeatRecommender(half_life_days=30.0, power=1.0),
    )
}

Bought = Sequence[tuple[str, str]]

BOARD = [(f"board{n}", f"b{m}") for n in range(8) for m in range(8) if (n - m) % 2 == 0 and n != m]
BLOCKS = [(f"block{n}", f"k{m}") for n in range(10) for m in range(10) if n // 5 == m // 5 and not (n % 5 == 4 and m % 5 == 4)]
CHAIN = [(f"chain{n}", f"l{m}") for n in range(6) for m in (n, n + 1)]
WITHDRAWN = [(f"block{n}", "k gone") for n in range(4)]  # whoever has it, block4 must not be offered it
BOUGHT = [*BOARD, *BLOCKS, *CHAIN, *WITHDRAWN]
CUSTOMERS = sorted({customer for customer, _ in BOUGHT} | {"stranger"})

TITLES = {
    **{f"b{m}": f"Board {'odd' if m % 2 else 'even'}" for m in range(8)}, **{f"k{m}": f"Block {'left' if m < 5 else 'right'}" for m in range(10)},
    **{f"l{m}": f"ring{m} ring{m + 1}" for m in range(7)}, "k gone": "Block left", "z new": "Board even",
}  # fmt: skip


def bought_of(customer: str, bought: Bought = BOUGHT) -> set[str]:
    return {item for buyer, item in bought if buyer == customer}


def training(spark: SparkSession, bought: Bought = BOUGHT, titles: dict[str, str] = TITLES, date: datetime.date = AS_OF, days_ago: int = 3) -> Training:
    """Each bought once, so many days before the usual date."""
    day = ago(days_ago)
    pairs = [(customer, item, 1.0, 1.0, day, 1, day, day, True, True) for customer, item in bought]
    pair_kinds = "customer_id string, item_id string, strength double, intensity double, last_on date, bought_days bigint, first_bought_on date, "
    pair_kinds += "last_bought_on date, is_bought boolean, is_seen boolean"
    purchases = [(customer, item, day, 1, Decimal(2), Decimal(9)) for customer, item in bought]
    kinds = "customer_id string, item_id string, purchased_on date, purchase_count bigint, quantity decimal(28,4), revenue decimal(28,4)"
    items = [(item, title, title.split()[0], Decimal(4), ago(90), "gone" not in item) for item, title in titles.items()]
    item_kinds = "item_id string, title string, category string, price decimal(18,4), first_listed_on date, is_sellable boolean"
    frames = (spark.createDataFrame(rows, of) for rows, of in ((pairs, pair_kinds), (purchases, kinds), (items, item_kinds)))
    return Training(date, *frames)


@dataclass(frozen=True)
class Kept:
    """Every recommender fitted; their rows as `model_factors` holds them; the names and types of what each fit gave."""

    fitted: list[Fitted]
    model_factors: DataFrame
    schemas: dict[str, str]


def kept(spark: SparkSession, of: Training) -> Kept:
    """Fits every recommender once: its rows come back as plain rows, so that nothing fits again."""
    known_by = digest(of)
    names = {kind: model_id(recommender, of.as_of, known_by) for kind, recommender in RECOMMENDERS.items()}
    rows = {kind: recommender.fit(of) for kind, recommender in RECOMMENDERS.items()}
    together = union(saved_rows(names[kind], of_model) for kind, of_model in rows.items())
    factors = spark.createDataFrame(together.collect(), together.schema)
    fitted = [(recommender, restored(recommender, names[kind], of.as_of, factors)) for kind, recommender in RECOMMENDERS.items()]
    return Kept(fitted, factors, {kind: of_model.schema.simpleString() for kind, of_model in rows.items()})


def loaded_again(spark: SparkSession, of: Kept) -> list[Fitted]:
    """The same models by way of their rows in `models`."""
    kinds = ", ".join(f"{column.name} {column.type}" for column in MODELS.columns)
    rows = spark.createDataFrame([saved_row(model, {"ndcg_at_10": 0.5}, True, 1) for _, model in of.fitted], kinds).collect()
    again = {row["kind"]: loaded(row, of.model_factors) for row in rows}
    return [(recommender, again[recommender.kind]) for recommender, _ in of.fitted]


def asked(spark: SparkSession, customers: Iterable[str]) -> DataFrame:
    """Each customer with and without what they had."""
    rows = [(customer, keep, ["b0"]) for customer in customers for keep in (False, True)]
    return spark.createDataFrame(rows, "customer_id string, keep_seen boolean, truth array<string>")


def union(frames: Iterable[DataFrame]) -> DataFrame:
    first, *more = frames
    for frame in more:
        first = first.unionByName(frame)
    return first


def turned(of: Training) -> Training:
    """The same rows in other partitions and another order."""
    frames = (frame.repartition(5).sortWithinPartitions(F.xxhash64("item_id").desc()) for frame in (of.pairs, of.purchases, of.items))
    return Training(of.as_of, *frames)
