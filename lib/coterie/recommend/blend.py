"""The blend: candidates of all models, ranked by a logistic regression that learned on earlier days what was bought (MLlib's).

MLlib's boosted trees were tried in its place: within the noise of each other on Online Retail, and ten times slower to fit.
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.recommend.tasks.lists import EXAMPLES
from coterie.recommend.tasks.ranker import Ranker

_ROWS = "customer_id string, keep_seen boolean, item_id string, label double, features array<double>"


@dataclass(frozen=True)
class Blend:
    """Logistic regression of whether a candidate was bought, over all candidates that were and a share `negatives` of the others, in
    at most `iterations` steps; `regularisation`: of the squared coefficients of standardised features."""

    iterations: int
    regularisation: float
    negatives: float
    partitions: int

    def fit(self, measured: DataFrame, features: tuple[str, ...]) -> Ranker | None:
        """The ranker from the EXAMPLES of `measured`, rows of `serve.MEASURED`; None where all of them are bought, or none."""
        examples = measured.where(F.col("model") == EXAMPLES).select("customer_id", "keep_seen", "items", "factors")
        rows = examples.mapInArrow(functools.partial(example_rows, width=1 + len(features)), _ROWS)
        kinds = rows.groupBy("label").agg(F.count(F.lit(1))).collect()  # two at most
        if len(kinds) < 2:
            return None
        # A fixed number of partitions, sorted within: sums must not follow the cores.
        ordered = rows.repartition(self.partitions, "customer_id").sortWithinPartitions("customer_id", "keep_seen", "item_id")
        learner = LogisticRegression(featuresCol="vector", labelCol="label", maxIter=self.iterations, regParam=self.regularisation)
        model = learner.fit(ordered.select("label", array_to_vector(F.col("features")).alias("vector")))
        return Ranker(features, tuple(float(value) for value in model.coefficients), float(model.intercept))

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    def known_as(self, features: Sequence[str], learned_from: Sequence[str]) -> str:
        """SHA-256 of the settings, the features and the names of what it learned from: known before the fit."""
        return hashlib.sha256(json.dumps([asdict(self), list(features), list(learned_from)]).encode()).hexdigest()


def example_rows(batches: Iterator[pa.RecordBatch], width: int) -> Iterator[pa.RecordBatch]:
    """(customer_id, keep_seen, item_id, label, features) of each example of batches of (customer_id, keep_seen, items, factors)."""
    for batch in batches:
        lengths = np.diff(batch["items"].offsets.to_numpy())
        rows = pa.array(np.repeat(np.arange(len(batch)), lengths))
        values = batch["factors"].flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
        ends = np.arange(len(values) + 1, dtype=np.int32) * (width - 1)
        features = pa.ListArray.from_arrays(ends, pa.array(values[:, 1:].ravel()))
        columns = [batch["customer_id"].take(rows), batch["keep_seen"].take(rows), batch["items"].flatten(), pa.array(values[:, 0]), features]
        yield pa.RecordBatch.from_arrays(columns, names=["customer_id", "keep_seen", "item_id", "label", "features"])
