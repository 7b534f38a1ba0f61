"""MLlib's KMeans behind the verb set."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame

from coterie.segments.centres import CentresModel

_SHORT = 4  # iterations after which a good start is told from a poor one


@dataclass(frozen=True)
class KMeansSegmenter:
    """Lloyd's algorithm from a k-means|| start (Bahmani et al. 2012), on Euclidean distance. `k` is at least 2.

    It finds k segments, or fewer where there are fewer different vectors. Centres are kept to nine decimals: Spark adds up in the order in
    which tasks end, and the last digits of a sum must not make another model.

    A single start ends in a poor local minimum now and then. So there are short runs from `starts` starts, with the seeds from `seed` on, and
    the one with the smallest sum of squares is run to its end (short runs: Biernacki, Celeux, Govaert 2003).
    """

    k: int
    seed: int = 1
    max_iterations: int = 50
    starts: int = 1

    def fit(self, frame: DataFrame) -> CentresModel:
        """`frame` has a row a customer and `features`, a vector; its partitions must not depend on the cores."""
        fitted = self._run(self._best_seed(frame), self.max_iterations).fit(frame)
        return CentresModel(tuple(tuple(round(float(value), 9) for value in centre) for centre in fitted.clusterCenters()))

    def _best_seed(self, frame: DataFrame) -> int:
        if self.starts == 1:
            return self.seed

        def cost(seed: int) -> float:
            return round(self._run(seed, min(_SHORT, self.max_iterations)).fit(frame).summary.trainingCost, 6)

        seeds = range(self.seed, self.seed + self.starts)
        with ThreadPoolExecutor() as pool:  # a run is many short jobs that leave cores idle
            costs = dict(zip(seeds, pool.map(cost, seeds), strict=True))
        return min(seeds, key=lambda seed: costs[seed])  # the first of equals

    def _run(self, seed: int, iterations: int) -> KMeans:
        return KMeans(k=self.k, seed=seed, maxIter=iterations, featuresCol="features")
