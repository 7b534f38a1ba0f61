"""The verb set of segmentation methods, and the methods there are.

A method is a file with two functions and a line in METHODS. `tries(sample, counts, effort)` gives a model for each way worth trying, on the
driver's sample; `fit(frame, trial, parameters, effort)` fits the one that was chosen to all customers, on Spark; `assign(model, frame)` places
any customers; `to_json` and `load` make the model a text that `models` keeps, and read it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.segments.centres import CentresModel, Floats, matrix_of
from coterie.segments.dbscan import fit_dbscan, try_dbscan
from coterie.segments.effort import ClusterModel, Effort, Parameters, Trial
from coterie.segments.hierarchy import HierarchyModel, fit_hierarchy, try_hierarchy
from coterie.segments.hills import keep_trial, try_hills
from coterie.segments.kmeans import fit_bisecting, fit_kmeans, try_bisecting, try_kmeans
from coterie.segments.landmarks import LandmarksModel
from coterie.segments.mixture import MixtureModel, fit_mixture, try_mixture

Tries = Callable[[Floats, Sequence[int], Effort], Iterator[Trial]]
Fit = Callable[[DataFrame, ClusterModel, Parameters, Effort], ClusterModel]


@dataclass(frozen=True)
class Method:
    """`tries` is None for the consensus, which is made of the others' trials."""

    tries: Tries | None
    fit: Fit
    load: Callable[[str], ClusterModel]


METHODS: dict[str, Method] = {
    "kmeans": Method(try_kmeans, fit_kmeans, CentresModel.from_json),
    "bisecting_kmeans": Method(try_bisecting, fit_bisecting, CentresModel.from_json),
    "gaussian_mixture": Method(try_mixture, fit_mixture, MixtureModel.from_json),
    "hierarchical": Method(try_hierarchy, fit_hierarchy, HierarchyModel.from_json),
    "dbscan": Method(try_dbscan, fit_dbscan, LandmarksModel.from_json),
    "density_hills": Method(try_hills, keep_trial, LandmarksModel.from_json),
    "consensus": Method(None, keep_trial, CentresModel.from_json),
}


_TOTALS = pa.schema({"cluster": pa.int32(), "customers": pa.int64(), "squares": pa.float64()})


def laid_out(frame: DataFrame, partitions: int) -> DataFrame:
    """The frame in a fixed number of partitions by hash of the id, sorted within: fits on it do not follow the cores."""
    return frame.repartition(partitions, "customer_id").sortWithinPartitions("customer_id")


def assign(model: ClusterModel, frame: DataFrame) -> DataFrame:
    """(customer_id, features) -> (customer_id, cluster, confidence, distance, second): clusters from 0, confidence 0..1, second null for none."""

    def placed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = model.place(matrix_of(batch))
            second = pa.array(found.second, mask=found.second < 0)
            yield pa.RecordBatch.from_arrays(
                [batch.column("customer_id"), pa.array(found.cluster), pa.array(found.confidence), pa.array(found.distance), second],
                ["customer_id", "cluster", "confidence", "distance", "second"],
            )

    return _arrays(frame).mapInArrow(placed, "customer_id string, cluster int, confidence double, distance double, second int")


def sums_of(model: ClusterModel, matrix: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Of each cluster the rows (n, d) that it has, and their squared distances to it added up."""
    found = model.place(matrix)
    squares: Floats = np.bincount(found.cluster, weights=found.distance**2, minlength=model.clusters).astype(np.float64)
    return np.bincount(found.cluster, minlength=model.clusters), squares


def cluster_totals(model: ClusterModel, frame: DataFrame) -> DataFrame:
    """Of each cluster, by partition: (cluster, customers, squares), squared distances to the own cluster added up.

    Clusters without customers have no row.
    """

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sizes, squares = np.zeros(model.clusters, dtype=np.int64), np.zeros(model.clusters)
        for batch in batches:
            more = sums_of(model, matrix_of(batch))
            sizes, squares = sizes + more[0], squares + more[1]
        rows = [{"cluster": cluster, "customers": int(count), "squares": float(squares[cluster])} for cluster, count in enumerate(sizes) if count]
        yield pa.RecordBatch.from_pylist(rows, schema=_TOTALS)

    return _arrays(frame).mapInArrow(totals, "cluster int, customers bigint, squares double")


def _arrays(frame: DataFrame) -> DataFrame:
    return frame.select("customer_id", vector_to_array(F.col("features")).alias("features"))
