"""Hierarchical clustering: small clusters made on Spark, their centres joined on the driver; the tree is kept and can be cut elsewhere."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sklearn.cluster
from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame
from scipy.cluster.hierarchy import fcluster, linkage

from coterie.segments.centres import CentresModel, Floats, Placement, rounded
from coterie.segments.draw import drawn
from coterie.segments.effort import ClusterModel, Effort, Parameters, Trial

MICRO = 400  # small clusters, at most: their tree is made at once
LINKAGES = ("ward", "average", "single")  # single follows chains, ward keeps clusters compact
_ITERATIONS = 20  # a small cluster need not be settled to the last


@dataclass(frozen=True)
class HierarchyModel:
    """Centres of small clusters and the tree that joins them (scipy's linkage: two parts, their distance, size), cut into `cut` clusters."""

    centres: tuple[tuple[float, ...], ...]
    tree: tuple[tuple[float, ...], ...]
    cut: int
    noise: None = None

    @cached_property
    def _flat(self) -> CentresModel:
        groups = fcluster(np.asarray(self.tree).reshape(-1, 4), self.cut, "maxclust") - 1 if self.tree else np.zeros(1, int)
        return CentresModel(self.centres, tuple(int(group) for group in groups))

    @property
    def clusters(self) -> int:
        return self._flat.clusters

    @property
    def has_middles(self) -> bool:
        return False

    def place(self, matrix: Floats) -> Placement:
        """(n, d) -> the cluster of the nearest centre."""
        return self._flat.place(matrix)

    def cut_into(self, clusters: int) -> "HierarchyModel":
        """The same tree cut elsewhere."""
        return HierarchyModel(self.centres, self.tree, clusters)

    def keeping(self, clusters: list[int]) -> ClusterModel:
        """The model with only the clusters named; the tree itself where that is all of them."""
        return self if clusters == list(range(self.clusters)) else self._flat.keeping(clusters)

    def to_json(self) -> str:
        return json.dumps({"centres": self.centres, "tree": self.tree, "cut": self.cut})

    @staticmethod
    def from_json(text: str) -> ClusterModel:
        found = json.loads(text)
        if "tree" not in found:
            return CentresModel.from_json(text)
        return HierarchyModel(tuple(tuple(row) for row in found["centres"]), tuple(tuple(row) for row in found["tree"]), found["cut"])


def try_hierarchy(matrix: Floats, counts: Sequence[int], effort: Effort) -> Iterator[Trial]:
    """Each linkage cut into each number of clusters."""
    centres = small_clusters(matrix, MICRO, effort.seed)
    for kind in LINKAGES:
        tree = _tree(centres, kind)
        for k in counts:
            yield Trial({"k": k, "linkage": kind}, HierarchyModel(centres, tree, k))


def fit_hierarchy(frame: DataFrame, trial: ClusterModel, parameters: Parameters, effort: Effort) -> HierarchyModel:
    """The small clusters are MLlib's, of everyone; where there are hardly more customers than that, each is one."""
    _, sample = drawn(frame, 2 * MICRO)
    if len(sample) < 2 * MICRO:
        centres = small_clusters(sample, MICRO, effort.seed)
    else:
        made = KMeans(k=MICRO, seed=effort.seed, maxIter=_ITERATIONS, featuresCol="features").fit(frame)
        centres = rounded(np.asarray(made.clusterCenters()))
    return HierarchyModel(centres, _tree(centres, parameters["linkage"]), parameters["k"])


def small_clusters(matrix: Floats, most: int, seed: int) -> tuple[tuple[float, ...], ...]:
    """The centres of at most `most` small clusters (KMeans), or the different points themselves where there are no more."""
    points = np.unique(matrix, axis=0)
    if len(points) <= most:
        return rounded(points)
    return rounded(sklearn.cluster.KMeans(most, n_init=1, max_iter=_ITERATIONS, random_state=seed).fit(matrix).cluster_centers_)


def _tree(centres: tuple[tuple[float, ...], ...], kind: str) -> tuple[tuple[float, ...], ...]:
    return rounded(linkage(np.asarray(centres), kind)) if len(centres) > 1 else ()
