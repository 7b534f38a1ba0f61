"""MLlib's KMeans behind the verb set."""

from dataclasses import dataclass

import numpy as np
import sklearn.cluster
from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame

from coterie.segments.centres import CentresModel, Floats
from coterie.segments.draw import drawn

_REFERENCE = 4000  # customers that scikit-learn clusters, to tell a good minimum from a poor one
_AS_GOOD = 1.01  # a sum of squares within one per cent of scikit-learn's
_TOLERANCE = 1e-3  # Lloyd's iterations end when no centre moves farther, in units of the vectors: scikit-learn's default is several times that


@dataclass(frozen=True)
class KMeansSegmenter:
    """Lloyd's algorithm from a k-means|| start (Bahmani et al. 2012), on Euclidean distance. `k` is at least 2.

    It finds k segments, or fewer where there are fewer different vectors. Centres are kept to nine decimals: Spark adds up in the order in
    which tasks end, and the last digits of a sum must not make another model.

    A single start ends in a poor local minimum now and then. So up to `starts` fits are made, with the seeds from `seed` on, until one is
    as good on a sample as what scikit-learn finds there from ten starts of its own; else the best of them is taken.
    """

    k: int
    seed: int = 1
    max_iterations: int = 50
    starts: int = 1

    def fit(self, frame: DataFrame) -> CentresModel:
        """`frame` has a row a customer: customer_id and `features`, a vector; its partitions must not depend on the cores."""
        if self.starts == 1:
            return self._fitted(frame, self.seed)
        _, sample = drawn(frame, _REFERENCE)
        good_enough = self._reference(sample) * _AS_GOOD
        found: list[tuple[float, CentresModel]] = []
        while len(found) < self.starts and not (found and found[-1][0] <= good_enough):
            model = self._fitted(frame, self.seed + len(found))
            found.append((round(float((model.place(sample).distance ** 2).sum()), 6), model))
        return min(found, key=lambda one: one[0])[1]  # the first of equals

    def _fitted(self, frame: DataFrame, seed: int) -> CentresModel:
        fitted = KMeans(k=self.k, seed=seed, maxIter=self.max_iterations, tol=_TOLERANCE, featuresCol="features").fit(frame)
        return CentresModel(tuple(tuple(round(float(value), 9) for value in centre) for centre in fitted.clusterCenters()))

    def _reference(self, sample: Floats) -> float:
        """The sum of squares that scikit-learn reaches on the sample."""
        clusters = min(self.k, len(np.unique(sample, axis=0)))
        return float(sklearn.cluster.KMeans(clusters, n_init=10, random_state=self.seed).fit(sample).inertia_)
