"""Customers in blocks beside all items: the one way in which every model's scores become lists."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.recommend.tasks.block import ASKED, ITEM, ITEM_FACTS, OWN, OWN_FACTS
from coterie.recommend.tasks.lists import Draw, measured_lists, served_lists
from coterie.recommend.tasks.ranker import Ranker
from coterie.recommend.tasks.rearrange import Rearrangement
from coterie.recommend.verbs import Model, Recommender, Training, named, rows_of

Fitted = tuple[Recommender, Model]

FILLER = "popular"  # whose items fill up every list; always among the models
BLEND = "blend"  # the ranker over the candidates of all models
MEASURED = "customer_id string, keep_seen boolean, is_warm boolean, truth array<string>, model string, items array<string>, factors array<double>"
SERVED = "customer_id string, keep_seen boolean, rank int, item_id string, score double, source string, reason string"

_LEFT = ("part", "id", "keep_seen", "ids", "factors")
_RIGHT = ("part", "side", "id", "ids", "factors", "name", "category", "listed_age", "is_sellable")
_IS_LEFT = "is_left"
_NONE = 9999.0  # days, where there is no day


@dataclass(frozen=True)
class Request:
    """Whom to serve, with what.

    customers: (customer_id, keep_seen, truth array<string>), each customer_id once with keep_seen and once without at most: with keep_seen
    the list may hold items seen before. truth travels to the measured lists. known: what is known of them and of the items. candidates: of
    each model; count: the length of a list. blocks: into how many blocks customers are cut, by hash; a block is the work of one task.
    """

    customers: DataFrame
    known: Training
    candidates: int
    count: int
    blocks: int


def measured(models: Sequence[Fitted], request: Request, ranker: Ranker | Sequence[Ranker] | None = None, negatives: float = 0.0) -> DataFrame:
    """Rows of MEASURED: for each row asked for each model's list as it would be served, before any rearrangement, and that of `ranker`, where given, as BLEND.

    Several rankers are each for the customers of one part, see `tasks.lists.part_of`.

    With `negatives` also EXAMPLES for a ranker to learn from, see `tasks.lists.measured_lists`.
    """
    kernel = functools.partial(measured_lists, draw=draw_of(models, request), filler=FILLER, blend=BLEND, ranker=ranker, negatives=negatives)
    return _in_blocks(models, request, kernel, MEASURED)


def served(models: Sequence[Fitted], request: Request, chosen: str, ranker: Ranker | None, rearrange: Rearrangement) -> DataFrame:
    """Rows of SERVED: the list of each row asked for, by the model `chosen`, or by `ranker` over the candidates of all models."""
    kernel = functools.partial(
        served_lists, draw=draw_of(models, request), chosen=chosen, filler=FILLER, ranker=ranker, rearrange=rearrange
    )
    return _in_blocks(models, request, kernel, SERVED)


def draw_of(models: Sequence[Fitted], request: Request) -> Draw:
    return Draw(tuple(recommender.scorer for recommender, _ in models), request.candidates, request.count)


def _in_blocks(models: Sequence[Fitted], request: Request, kernel: Callable[..., Any], schema: str) -> DataFrame:
    """Rows of `schema`: what `kernel(customers of a block, all items)`, a function of two Arrow tables, gives for each block.

    What is not about one customer is copied to every block by a shuffle. So nothing passes through the driver, and neither a broadcast's
    limits nor the message limit of Spark Connect (128 MB, where a function carries what it closes over) bound it: a task's memory does,
    with one block of customers and one copy of the models. Each block is a task of its own: by a hash of their numbers some would share one.
    """
    blocks = request.blocks
    block = F.pmod(F.xxhash64("id"), F.lit(blocks)).cast("int").alias("block")
    left = _customer_rows(models, request).select(block, F.lit(True).alias(_IS_LEFT), *_LEFT)
    copies = F.explode(F.sequence(F.lit(0), F.lit(blocks - 1))).alias("block")
    right = _shelf_rows(models, request).select(copies, F.lit(False).alias(_IS_LEFT), *_RIGHT)
    together = left.unionByName(right, allowMissingColumns=True).repartitionById(blocks, "block")
    return together.mapInArrow(functools.partial(_of_block, kernel=kernel), schema)


def _of_block(batches: Iterable[pa.RecordBatch], kernel: Callable[[pa.Table, pa.Table], pa.Table]) -> Iterator[pa.RecordBatch]:
    """What the kernel gives of the rows of one block, customers and items among each other."""
    left, right = [], []
    for batch in batches:  # taken apart one by one, so that a task never holds the models twice
        is_left = batch.column(_IS_LEFT)
        left.append(batch.filter(is_left).select(_LEFT))
        right.append(batch.filter(pc.invert(is_left)).select(_RIGHT))
    if left:
        yield from kernel(pa.Table.from_batches(left), pa.Table.from_batches(right)).to_batches()


def _customer_rows(models: Sequence[Fitted], request: Request) -> DataFrame:
    """Rows of _LEFT: who is asked for, what they did, and what the models know of them."""
    not_asked = F.lit(False).alias("keep_seen")
    asked = request.customers.select(
        F.lit(ASKED).alias("part"), F.col("customer_id").alias("id"), "keep_seen", F.col("truth").alias("ids"), F.array().cast("array<float>").alias("factors")
    )
    wanted = request.customers.select(F.col("customer_id").alias("id"))
    facts = F.array(*(_own_fact(name, request.known).cast("float") for name in OWN_FACTS)).alias("facts")
    met = request.known.pairs.join(wanted.withColumnRenamed("id", "customer_id"), "customer_id", how="left_semi")
    grouped = met.select("customer_id", "item_id", facts).groupBy("customer_id").agg(F.collect_list(F.struct("item_id", "facts")).alias("own"))
    own = grouped.select(
        F.lit(OWN).alias("part"), F.col("customer_id").alias("id"), not_asked, F.col("own.item_id").alias("ids"), F.flatten("own.facts").alias("factors")
    )
    learned = rows_of(model for _, model in models).where(F.col("side") == "customer").join(wanted, "id", how="left_semi")
    return asked.unionByName(own).unionByName(learned.select(F.col("kind").alias("part"), "id", not_asked, _ids(), "factors"))


def _own_fact(name: str, known: Training) -> Column:
    def age(day: str) -> Column:
        return F.coalesce(F.datediff(F.lit(known.as_of), F.col(day)).cast("double"), F.lit(_NONE))

    ages = {"last_age": age("last_on"), "first_bought_age": age("first_bought_on"), "last_bought_age": age("last_bought_on")}
    return ages.get(name, F.col(name))


def _shelf_rows(models: Sequence[Fitted], request: Request) -> DataFrame:
    """Rows of _RIGHT: the items with the popular model's facts, and what the models know of items or need of all customers."""
    [popular] = [model for recommender, model in models if recommender.kind == FILLER]
    facts = popular.rows.select(F.col("id").alias("item_id"), "factors")
    without = F.array(*(F.lit(0.0).cast("float") for _ in ITEM_FACTS))
    listed_age = F.coalesce(F.datediff(F.lit(request.known.as_of), F.col("first_listed_on")).cast("double"), F.lit(_NONE)).alias("listed_age")
    items = request.known.items.join(facts, "item_id", how="left").select(
        F.lit(ITEM).alias("part"), F.lit("").alias("side"), F.col("item_id").alias("id"), F.array().cast("array<string>").alias("ids"),
        F.coalesce("factors", without).alias("factors"), named("title", "item_id").alias("name"), "category", listed_age, "is_sellable",
    )  # fmt: skip
    of_items_alone = (F.lit(None).cast("string").alias("name"), F.lit(None).cast("string").alias("category"), F.lit(0.0).alias("listed_age"))
    learned = rows_of(model for _, model in models).where((F.col("side") != "customer") & (F.col("kind") != FILLER))
    learned = learned.select(F.col("kind").alias("part"), "side", "id", _ids(), "factors", *of_items_alone, F.lit(False).alias("is_sellable"))
    return items.unionByName(learned)


def _ids() -> Column:
    return F.coalesce("ids", F.array().cast("array<string>")).alias("ids")
