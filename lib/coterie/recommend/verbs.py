"""The verb set of every recommender: fit, recommend, save and load, on frames of fixed schemas."""

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from coterie.recommend.tasks.scorers import Scorer

ROWS = "side string, id string, ids array<string>, factors array<float>"  # what `fit` gives


@dataclass(frozen=True)
class Training:
    """All that a recommender may learn from: what was known on the evening of `as_of`.

    pairs: as `interactions.pairs` gives it; purchases: as `interactions.effective_purchases` does; items: as `interactions.offered_items`.
    similar: as `user_knn.similar_customers` gives it, where it is known already.
    """

    as_of: datetime.date
    pairs: DataFrame
    purchases: DataFrame
    items: DataFrame
    similar: DataFrame | None = None


@dataclass(frozen=True)
class Model:
    """A fitted recommender. factors: of table `model_factors`, in which its own rows, of ROWS, are those with its model_id.

    side "customer" is what the model knows of one customer, and travels with the customer; every other side goes to all tasks.
    ids: what the factors are about where the row is about others (related items, neighbours), one or more factors each; null for a vector.
    """

    model_id: str
    kind: str
    as_of: datetime.date
    settings: str
    factors: DataFrame

    @property
    def rows(self) -> DataFrame:
        return self.factors.where(F.col("model_id") == self.model_id).select("side", "id", "ids", "factors")


class Recommender(Protocol):
    """A kind of recommender with its settings. A new one is one class with these members, entered in `recommend.family`."""

    @property
    def kind(self) -> str:
        """Its name, as in `recommendations.source` and `models.kind`."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """What a fit depends on beside its data."""
        ...

    def fit(self, training: Training) -> DataFrame:
        """Rows of ROWS; none where there is nothing to learn from."""
        ...

    @property
    def scorer(self) -> Scorer:
        """How its rows become scores, in a task."""
        ...


def digest(training: Training) -> str:
    """Of all that can be learned from: the rows of each frame and the sum of their xxhash64, which no order of rows changes."""
    sums = []
    for name, frame in (("pairs", training.pairs), ("purchases", training.purchases), ("items", training.items)):
        hashed = frame.select(F.xxhash64("*").cast("decimal(38,0)").alias("hash"))
        sums.append(hashed.agg(F.lit(name).alias("name"), F.count(F.lit(1)).alias("rows"), F.sum("hash").cast("string").alias("total")))
    rows = sums[0].unionByName(sums[1]).unionByName(sums[2]).collect()  # three
    return json.dumps(sorted(tuple(row) for row in rows))


def model_id(recommender: Recommender, as_of: datetime.date, known_by: str) -> str:
    """SHA-256 of kind, settings, date and the training data's digest: known before the fit, and the same for the same input."""
    return hashlib.sha256(json.dumps([recommender.kind, settings_of(recommender), str(as_of), known_by]).encode()).hexdigest()


def saved_row(model: Model, measures: Mapping[str, float], is_current: bool, schema_version: int, payload: str | None = None) -> tuple[Any, ...]:
    """The model's row of table `models`, in the order of its columns; its rows are in `model_factors`."""
    rounded = {name: float(value) for name, value in sorted(measures.items())}
    return (model.model_id, model.kind, model.as_of, model.settings, rounded, schema_version, is_current, payload, "model_factors")


def saved_rows(known_as: str, rows: DataFrame) -> DataFrame:
    """A fit's rows of table `model_factors`."""
    return rows.select(F.lit(known_as).alias("model_id"), "side", "id", "ids", "factors")


def loaded(row: Row, model_factors: DataFrame) -> Model:
    """The model of a row of `models`, with its rows from table `model_factors`."""
    return Model(row["model_id"], row["kind"], row["as_of"], row["settings"], model_factors)


def restored(recommender: Recommender, known_as: str, as_of: datetime.date, model_factors: DataFrame) -> Model:
    """The model of that id as `model_factors` holds it, before `models` has a row of it."""
    return Model(known_as, recommender.kind, as_of, settings_of(recommender), model_factors)


def rows_of(models: Iterable[Model]) -> DataFrame:
    """(kind, and the columns of ROWS) of several models; a table that holds more than one of them is read once."""
    found = list(models)
    tables = {id(model.factors): model.factors for model in found}
    kinds = F.create_map(*(F.lit(name) for model in found for name in (model.model_id, model.kind)))
    together = reduce(DataFrame.unionByName, tables.values()).where(F.col("model_id").isin([model.model_id for model in found]))
    return together.select(kinds[F.col("model_id")].alias("kind"), "side", "id", "ids", "factors")


def settings_of(recommender: Recommender) -> str:
    return json.dumps(dict(recommender.settings), sort_keys=True)


def named(title: str, item_id: str) -> Column:
    """What an item is called in a sentence: its title, cut at 80 characters, else its id."""
    words = F.substring(F.trim(title), 1, 80)
    return F.when(F.length(words) > 0, words).otherwise(F.concat(F.lit("item "), item_id))
