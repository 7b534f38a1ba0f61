"""DBSCAN: clusters are where customers are dense; who lies in between is noise, which is an outcome and no error."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import sklearn.cluster
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from coterie.errors import UserError
from coterie.pairs.between import between_range
from coterie.segments.centres import Floats
from coterie.segments.draw import drawn
from coterie.segments.effort import ClusterModel, Effort, Parameters, Trial
from coterie.segments.landmarks import LandmarksModel, exactly
from coterie.segments.measures import Labels

FITTED_ON = 50_000  # customers, at most; the others belong where a dense one of these is in reach
_MOST_PAIRS = 50_000_000
_AT_ONCE = 1_000_000  # pairs that are compared exactly at a time
_ROUNDING = 2.0**-20  # far above what products of float32 values are off, relative to the largest squared length


def try_dbscan(matrix: Floats, counts: Sequence[int], effort: Effort) -> Iterator[Trial]:
    """(Ester, Kriegel, Sander & Xu 1996), with as many neighbours as Sander et al. 1998 say and the distance from the curve's bend; no k."""
    neighbours = max(5, 2 * matrix.shape[1])
    if len(matrix) <= neighbours:
        return
    eps = bend(k_distances(matrix, neighbours))
    if eps > 0:
        found = sklearn.cluster.DBSCAN(eps=eps, min_samples=neighbours).fit(matrix)
        model = _model(matrix, found.labels_, found.core_sample_indices_, eps)
        yield Trial({"eps": eps, "neighbours": neighbours}, model)


def fit_dbscan(frame: DataFrame, trial: ClusterModel, parameters: Parameters, effort: Effort) -> LandmarksModel:
    """Exact, on at most FITTED_ON customers; the pairs in reach of each other are found by the blockwise engine."""
    _, matrix = drawn(frame, FITTED_ON)
    labels, is_core = dbscan(frame.sparkSession, matrix, parameters["eps"], parameters["neighbours"])
    return _model(matrix, labels, np.flatnonzero(is_core), parameters["eps"])


def dbscan(spark: SparkSession, matrix: Floats, eps: float, neighbours: int) -> tuple[Labels, NDArray[np.bool_]]:
    """(n, d) -> the cluster of each point, -1 for noise, and whether it is a core point; scikit-learn's numbering.

    A core point has `neighbours` points within `eps`, itself included. Core points in reach of each other share a cluster; another point
    belongs to the first cluster with a core point in its reach. Raises UserError where more than 50 million pairs are in reach.
    """
    count = len(matrix)
    left, right = _in_reach(spark, matrix, eps)
    is_core = np.bincount(left, minlength=count) + np.bincount(right, minlength=count) + 1 >= neighbours
    both = is_core[left] & is_core[right]
    part = connected_components(coo_matrix((np.ones(both.sum()), (left[both], right[both])), (count, count)), directed=False)[1]
    labels = np.full(count, -1)
    # Numbered by their first core point, as scikit-learn meets them.
    firsts, numbers = np.unique(part[is_core], return_index=True)
    rank = np.empty(len(firsts), np.int64)
    rank[np.argsort(numbers)] = np.arange(len(firsts))
    labels[is_core] = rank[np.searchsorted(firsts, part[is_core])]
    border = np.full(count, count)
    for core, other in ((left, right), (right, left)):
        reaching = is_core[core] & ~is_core[other]
        np.minimum.at(border, other[reaching], labels[core[reaching]])
    labels[border < count] = border[border < count]
    return labels, is_core


def k_distances(matrix: Floats, neighbours: int) -> Floats:
    """The distance of each point to its `neighbours`-th nearest, itself counted, rising."""
    found = NearestNeighbors(n_neighbors=neighbours).fit(matrix).kneighbors(matrix)[0][:, -1]
    return np.sort(found)


def bend(curve: Floats) -> float:
    """Where a rising curve bends up: its point farthest below the chord (Satopää et al. 2011), and a hair above, so that no pair is a tie."""
    if curve[-1] <= curve[0]:
        return float(curve[0]) * (1 + 1e-9)
    chord = np.linspace(0, 1, len(curve))
    place = int((chord - (curve - curve[0]) / (curve[-1] - curve[0])).argmax())
    return float(curve[place]) * (1 + 1e-9)


def _in_reach(spark: SparkSession, matrix: Floats, eps: float) -> tuple[Labels, Labels]:
    """Places of any two different points at most `eps` apart, the smaller first.

    -|x - y|^2 / 2 is the product of (x, 1, -|x|^2 / 2) and (y, -|y|^2 / 2, 1): so the engine finds all pairs above a threshold, a little
    lower than meant, since it holds float32; these are then compared exactly.
    """
    centred = matrix - matrix.mean(axis=0)
    half, one = (centred**2).sum(axis=1) / 2, np.ones(len(matrix))
    slack = float(half.max()) * _ROUNDING * (matrix.shape[1] + 2)
    lifted = [np.column_stack([centred, one, -half]), np.column_stack([centred, -half, one])]
    left, right = (_frame(spark, side) for side in lifted)
    near = between_range(left, right, -eps * eps / 2 - slack).where("row_id < other_id")
    places = near.select(F.col("row_id").cast("int"), F.col("other_id").cast("int"))  # 8 bytes a pair
    found = places.limit(_MOST_PAIRS + 1).toArrow()  # the limit bounds it
    if found.num_rows > _MOST_PAIRS:
        raise UserError(f"more than {_MOST_PAIRS:,} pairs of {len(matrix):,} points are within {eps:g} of each other; take a smaller distance")
    first, second = (column.to_numpy() for column in found.columns)
    kept = np.concatenate([_are_near(matrix, first[at : at + _AT_ONCE], second[at : at + _AT_ONCE], eps) for at in range(0, len(first) + 1, _AT_ONCE)])
    return first[kept], second[kept]


def _are_near(matrix: Floats, first: Labels, second: Labels, eps: float) -> NDArray[np.bool_]:
    apart: Floats = ((matrix[first] - matrix[second]) ** 2).sum(axis=1)
    return apart <= eps * eps


def _frame(spark: SparkSession, rows: Floats) -> DataFrame:
    names = np.char.zfill(np.arange(len(rows)).astype("U"), 8)
    return spark.createDataFrame(pd.DataFrame({"row_id": names, "factors": list(rows)}), "row_id string, factors array<float>")


def _model(matrix: Floats, labels: Labels, cores: Labels, eps: float) -> LandmarksModel:
    return LandmarksModel(exactly(matrix[cores]), tuple(int(label) for label in labels[cores]), float(eps))
