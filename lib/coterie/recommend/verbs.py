"""The verb set of every recommender: fit, recommend, save and load, on frames of fixed schemas."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

LISTS = "customer_id string, keep_seen boolean, rank int, item_id string, score double, reason string"  # what `recommend` gives


@dataclass(frozen=True)
class Training:
    """All that a recommender may learn from: what was known on the evening of `as_of`.

    pairs: as `interactions.pairs` gives it; purchases: as `interactions.effective_purchases` does.
    """

    as_of: datetime.date
    pairs: DataFrame
    purchases: DataFrame


@dataclass(frozen=True)
class Request:
    """Whom to serve, with what.

    customers: as `blocks.histories` gives them, each customer_id once with keep_seen and once without at most: with keep_seen the list
    may hold items seen before, so that one request can ask for lists of both sorts. items: as `interactions.offered_items` gives them.
    count: the length of a list. blocks: into how many blocks customers are cut, by hash; a block is the work of one task and is held in
    its memory.
    """

    customers: DataFrame
    items: DataFrame
    count: int
    blocks: int


@dataclass(frozen=True)
class Model:
    """A fitted recommender. factors: (side, id, factors array<float>), as table `model_factors` holds it."""

    model_id: str
    kind: str
    as_of: datetime.date
    settings: str
    factors: DataFrame


class Recommender(Protocol):
    """A kind of recommender with its settings. A new one is one class with these five members, entered in `pipeline.recommend`."""

    @property
    def kind(self) -> str:
        """Its name, as in `recommendations.source` and `models.kind`."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """What a fit depends on beside its data."""
        ...

    def learns_from(self, training: Training) -> DataFrame:
        """The rows that a fit depends on: the model is known by their digest."""
        ...

    def fit(self, training: Training, model_id: str) -> Model: ...

    def recommend(self, model: Model, request: Request) -> DataFrame:
        """Rows of `LISTS`: the best items for each row of request.customers it can serve, at most request.count, ranks 1.. without a gap, no item twice.

        Only items that are sellable, and not seen unless keep_seen. A customer it cannot serve has no row. `score` falls with the rank.
        """
        ...


def model_id(recommender: Recommender, training: Training) -> str:
    """SHA-256 of kind, settings, date and training data: known before the fit, and the same for the same input.

    The data enter by the number of their rows and the sum of their xxhash64, which no order of rows changes.
    """
    hashed = recommender.learns_from(training).select(F.xxhash64("*").cast("decimal(38,0)").alias("hash"))
    rows, total = hashed.agg(F.count(F.lit(1)), F.sum("hash")).collect()[0]  # one row
    content = [recommender.kind, _settings(recommender), str(training.as_of), int(rows), str(total)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def fitted(recommender: Recommender, training: Training, known_as: str, factors: DataFrame) -> Model:
    """The model that a fit gives."""
    return Model(known_as, recommender.kind, training.as_of, _settings(recommender), factors)


def saved_row(model: Model, measures: Mapping[str, float], is_current: bool, schema_version: int) -> tuple[Any, ...]:
    """The model's row of table `models`, in the order of its columns; its numbers are in `model_factors`."""
    rounded = {name: float(value) for name, value in sorted(measures.items())}
    return (model.model_id, model.kind, model.as_of, model.settings, rounded, schema_version, is_current, None, "model_factors")


def saved_factors(model: Model) -> DataFrame:
    """The model's rows of table `model_factors`."""
    return model.factors.select(F.lit(model.model_id).alias("model_id"), "side", "id", "factors")


def loaded(row: Row, model_factors: DataFrame) -> Model:
    """The model of a row of `models`, with its factors from table `model_factors`."""
    return Model(row["model_id"], row["kind"], row["as_of"], row["settings"], _factors_of(row["model_id"], model_factors))


def restored(recommender: Recommender, known_as: str, as_of: datetime.date, model_factors: DataFrame) -> Model:
    """The model of that id as `model_factors` holds it, before `models` has a row of it."""
    return Model(known_as, recommender.kind, as_of, _settings(recommender), _factors_of(known_as, model_factors))


def side(model: Model, name: str, id_column: str) -> DataFrame:
    """(`id_column`, factors): the model's customers or items."""
    # Both sides may meet in one query: each has columns of its own, by an alias, or Spark finds them ambiguous.
    return model.factors.where(F.col("side") == name).select(F.col("id").alias(id_column), F.col("factors").alias("factors"))


def named(title: str, item_id: str) -> Column:
    """What an item is called in a sentence: its title, cut at 80 characters, else its id."""
    words = F.substring(F.trim(title), 1, 80)
    return F.when(F.length(words) > 0, words).otherwise(F.concat(F.lit("item "), item_id))


def _factors_of(known_as: str, model_factors: DataFrame) -> DataFrame:
    return model_factors.where(F.col("model_id") == known_as).select("side", "id", "factors")


def _settings(recommender: Recommender) -> str:
    return json.dumps(dict(recommender.settings), sort_keys=True)
