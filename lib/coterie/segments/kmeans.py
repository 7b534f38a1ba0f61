"""KMeans and bisecting KMeans: MLlib's on all customers, scikit-learn's on the sample."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import sklearn.cluster
from pyspark.ml.clustering import BisectingKMeans, KMeans
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.segments.centres import CentresModel, Floats, rounded
from coterie.segments.draw import drawn
from coterie.segments.effort import COMPARED_ON, ClusterModel, Effort, Parameters, Trial

_AS_GOOD = 1.01  # a sum of squares within one per cent of the trial's
_AWAY = 10.0  # units of the vectors, in every direction
_TOLERANCE = 1e-3  # Lloyd's iterations end when no centre moves farther, in units of the vectors: scikit-learn's default is several times that


def try_kmeans(matrix: Floats, counts: Sequence[int], effort: Effort) -> Iterator[Trial]:
    """Lloyd's algorithm from a k-means++ start (Arthur & Vassilvitskii 2007), the best of ten."""
    for k in counts:
        found = sklearn.cluster.KMeans(k, n_init=10, max_iter=effort.max_iterations, random_state=effort.seed).fit(matrix)
        yield Trial({"k": k}, CentresModel(rounded(found.cluster_centers_)))


def fit_kmeans(frame: DataFrame, trial: ClusterModel, parameters: Parameters, effort: Effort) -> ClusterModel:
    """Lloyd's algorithm from a k-means|| start (Bahmani et al. 2012), on Euclidean distance.

    A single start ends in a poor local minimum now and then. So up to `starts` fits are made, with the seeds from `seed` on, until one is
    as good on a sample as the trial is; where none is, the trial stands.
    """

    def fitted(seed: int) -> CentresModel:
        made = KMeans(k=parameters["k"], seed=seed, maxIter=effort.max_iterations, tol=_TOLERANCE, featuresCol="features").fit(frame)
        return CentresModel(rounded(np.asarray(made.clusterCenters())))

    return _best(frame, trial, effort, fitted)


def try_bisecting(matrix: Floats, counts: Sequence[int], effort: Effort) -> Iterator[Trial]:
    """The cluster with the largest sum of squares is halved until there are k (Steinbach, Karypis & Kumar 2000)."""
    for k in counts:
        found = sklearn.cluster.BisectingKMeans(k, n_init=5, max_iter=effort.max_iterations, random_state=effort.seed).fit(matrix)
        yield Trial({"k": k}, CentresModel(rounded(found.cluster_centers_)))


def fit_bisecting(frame: DataFrame, trial: ClusterModel, parameters: Parameters, effort: Effort) -> ClusterModel:
    """MLlib halves all clusters of a level, the larger first; a customer belongs to the nearest leaf. Starts as for KMeans.

    MLlib tells the two halves of a cluster apart at first by 1e-4 of its centre's distance from 0. Standardised vectors have their middle there
    and would never be halved, so the fit is made to vectors moved away from 0, and its centres are moved back.
    """
    moved = frame.select(array_to_vector(F.transform(vector_to_array(F.col("features")), lambda value: value + F.lit(_AWAY))).alias("features"))

    def fitted(seed: int) -> CentresModel:
        made = BisectingKMeans(k=parameters["k"], seed=seed, maxIter=effort.max_iterations, featuresCol="features").fit(moved)
        return CentresModel(rounded(np.asarray(made.clusterCenters()) - _AWAY))

    return _best(frame, trial, effort, fitted)


def _best(frame: DataFrame, trial: ClusterModel, effort: Effort, fitted: Callable[[int], CentresModel]) -> ClusterModel:
    """The first fit as good as the trial on the sample, else the trial."""
    _, sample = drawn(frame, COMPARED_ON)
    good_enough = _squares(trial, sample) * _AS_GOOD
    for start in range(effort.starts):
        model = fitted(effort.seed + start)
        if _squares(model, sample) <= good_enough:
            return model
    return trial


def _squares(model: ClusterModel, sample: Floats) -> float:
    return float((model.place(sample).distance ** 2).sum())
