"""The verb set of segmentation methods, and the methods there are.

A method is a file with a segmenter and a model, and a line in METHODS. `fit(frame) -> model` learns from a frame of `customer_id` and
`features`; `assign(model, frame)` places any customers; `to_json` and `from_json` make the model a text that `models` keeps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.segments.centres import CentresModel, Floats, Placement, matrix_of
from coterie.segments.kmeans import KMeansSegmenter


class ClusterModel(Protocol):
    """A fitted method. Its clusters are numbered from 0; `place` runs on Spark's workers."""

    @property
    def clusters(self) -> int: ...

    def place(self, matrix: Floats) -> Placement: ...

    def keeping(self, clusters: list[int]) -> "ClusterModel": ...

    def to_json(self) -> str: ...


class Segmenter(Protocol):
    def fit(self, frame: DataFrame) -> ClusterModel: ...


@dataclass(frozen=True)
class Method:
    """`make(k, seed, max_iterations, starts)` gives the segmenter; `load` reads what its model's `to_json` wrote."""

    make: Callable[[int, int, int, int], Segmenter]
    load: Callable[[str], ClusterModel]


METHODS: dict[str, Method] = {
    "kmeans": Method(KMeansSegmenter, CentresModel.from_json),
}


_TOTALS = pa.schema({"model": pa.string(), "cluster": pa.int32(), "customers": pa.int64(), "squares": pa.float64()})


def laid_out(frame: DataFrame, partitions: int) -> DataFrame:
    """The frame in a fixed number of partitions by hash of the id, sorted within: fits on it do not follow the cores."""
    return frame.repartition(partitions, "customer_id").sortWithinPartitions("customer_id")


def assign(model: ClusterModel, frame: DataFrame) -> DataFrame:
    """(customer_id, features) -> (customer_id, cluster, confidence, distance); clusters from 0, confidence 0..1."""

    def placed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = model.place(matrix_of(batch))
            yield pa.RecordBatch.from_arrays(
                [batch.column("customer_id"), pa.array(found.cluster), pa.array(found.confidence), pa.array(found.distance)],
                ["customer_id", "cluster", "confidence", "distance"],
            )

    return _arrays(frame).mapInArrow(placed, "customer_id string, cluster int, confidence double, distance double")


def cluster_totals(models: dict[str, ClusterModel], frame: DataFrame) -> DataFrame:
    """Of each model and cluster, by partition: (model, cluster, customers, squares), squared distances to the own centre added up.

    All models are measured in one pass. Clusters without customers have no row.
    """

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sizes = {name: np.zeros(model.clusters, dtype=np.int64) for name, model in models.items()}
        squares = {name: np.zeros(model.clusters) for name, model in models.items()}
        for batch in batches:
            matrix = matrix_of(batch)
            for name, model in models.items():
                found = model.place(matrix)
                sizes[name] += np.bincount(found.cluster, minlength=model.clusters)
                squares[name] += np.bincount(found.cluster, weights=found.distance**2, minlength=model.clusters)
        rows = [
            {"model": name, "cluster": cluster, "customers": int(count), "squares": float(squares[name][cluster])}
            for name in models
            for cluster, count in enumerate(sizes[name])
            if count
        ]
        yield pa.RecordBatch.from_pylist(rows, schema=_TOTALS)

    return _arrays(frame).mapInArrow(totals, "model string, cluster int, customers bigint, squares double")


def _arrays(frame: DataFrame) -> DataFrame:
    return frame.select("customer_id", vector_to_array(F.col("features")).alias("features"))
