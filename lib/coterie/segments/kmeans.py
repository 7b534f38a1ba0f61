"""MLlib's KMeans behind the verb set."""

from dataclasses import dataclass

from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame

from coterie.segments.centres import CentresModel


@dataclass(frozen=True)
class KMeansSegmenter:
    """Lloyd's algorithm from a k-means|| start (Bahmani et al. 2012), on Euclidean distance. `k` is at least 2.

    It finds k segments, or fewer where there are fewer different vectors. Centres are kept to nine decimals: Spark adds up in the order in
    which tasks end, and the last digits of a sum must not make another model.

    Of `starts` fits with the seeds from `seed` on, the one with the smallest sum of squares is kept: a single start ends in a poor local
    minimum now and then.
    """

    k: int
    seed: int = 1
    max_iterations: int = 50
    starts: int = 1

    def fit(self, frame: DataFrame) -> CentresModel:
        """`frame` has a row a customer and `features`, a vector; its partitions must not depend on the cores."""
        estimator = KMeans(k=self.k, maxIter=self.max_iterations, featuresCol="features")
        fits = [estimator.setSeed(self.seed + start).fit(frame) for start in range(self.starts)]
        fitted = min(fits, key=lambda fit: round(fit.summary.trainingCost, 6))  # the first of equals
        return CentresModel(tuple(tuple(round(float(value), 9) for value in centre) for centre in fitted.clusterCenters()))
