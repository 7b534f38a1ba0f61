"""A segmentation by centres: every customer belongs to the nearest one. Plain numpy, since Spark's workers run it."""

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Clusters = NDArray[np.int32]


_ITSELF = 1e-6  # a point nearer than that is the customer that it was made from: points are written down to nine decimals


@dataclass(frozen=True)
class Placement:
    """Where each row of a matrix belongs: cluster (0-based), confidence (0..1), Euclidean distance to what stands for the own cluster,
    and the cluster that comes second (-1: there is none)."""

    cluster: Clusters
    confidence: Floats
    distance: Floats
    second: Clusters


def nearest_of(distances: Floats, apart: Floats | None = None) -> Placement:
    """(clusters, n) distances to each cluster -> the nearest cluster of each row, the first of equally near ones.

    `apart`, of the same shape, is measured by where given: the distance to the nearest point of the cluster that is not the row itself.

    Confidence is 1 - d1 / d2, of the distances to the nearest and the next cluster: 1 on the nearest, 0 in the middle between two, and not
    below 0. With one cluster it is 1.
    """
    rows = np.arange(distances.shape[1])
    cluster = distances.argmin(axis=0)
    nearest = (distances if apart is None else apart)[cluster, rows]
    if len(distances) == 1:
        return Placement(cluster.astype(np.int32), np.ones(len(rows)), nearest, np.full(len(rows), -1, np.int32))
    others = distances.copy()
    others[cluster, rows] = np.inf
    second = others.argmin(axis=0)
    next_nearest = others[second, rows]
    confidence = np.maximum(0.0, 1 - np.divide(nearest, next_nearest, out=np.ones_like(nearest), where=next_nearest > 0))
    return Placement(cluster.astype(np.int32), confidence, nearest, second.astype(np.int32))


def other_than_itself(two: Floats) -> Floats:
    """(1 or 2, n) distances to the nearest points of a cluster -> (n,): to the nearest that is no customer's own, where there are two."""
    apart: Floats = np.where(two[0] < _ITSELF, two[-1], two[0])
    return apart


def rounded(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    """To nine decimals: Spark adds up in the order in which tasks end, and the last digits of a sum must not make another model."""
    return tuple(tuple(round(float(value), 9) for value in row) for row in matrix)


@dataclass(frozen=True)
class CentresModel:
    """Centres of d numbers each; d may be 0, where no feature tells customers apart, and then there is one centre.

    `groups`: the cluster of each centre, rising from 0 with no gap; None where each centre is a cluster. `noise`: no cluster is.
    """

    centres: tuple[tuple[float, ...], ...]
    groups: tuple[int, ...] | None = None
    noise: None = None

    @property
    def clusters(self) -> int:
        return len(self.centres) if self.groups is None else max(self.groups) + 1

    @property
    def has_middles(self) -> bool:
        return self.groups is None

    def place(self, matrix: Floats) -> Placement:
        """(n, d) -> the cluster of the nearest centre. Distances are summed row by row, so that they do not depend on how rows are cut into batches."""
        distances = np.stack([np.sqrt(((matrix - np.asarray(centre)) ** 2).sum(axis=1)) for centre in self.centres])
        if self.groups is None:
            return nearest_of(distances)
        groups = np.asarray(self.groups)
        found = [np.sort(distances[groups == group], axis=0)[:2] for group in range(self.clusters)]
        return nearest_of(np.stack([two[0] for two in found]), np.stack([other_than_itself(two) for two in found]))

    def keeping(self, clusters: list[int]) -> "CentresModel":
        """The model with only the clusters named, in that order."""
        if self.groups is None:
            return CentresModel(tuple(self.centres[cluster] for cluster in clusters))
        kept = [place for place, group in enumerate(self.groups) if group in clusters]
        return CentresModel(tuple(self.centres[place] for place in kept), tuple(clusters.index(self.groups[place]) for place in kept))

    def to_json(self) -> str:
        return json.dumps({"centres": self.centres} | ({} if self.groups is None else {"groups": self.groups}))

    @staticmethod
    def from_json(text: str) -> "CentresModel":
        found = json.loads(text)
        groups = found.get("groups")
        return CentresModel(tuple(tuple(float(value) for value in centre) for centre in found["centres"]), None if groups is None else tuple(groups))


def matrix_of(batch: pa.RecordBatch) -> Floats:
    """The column `features`, arrays of one length, as (rows, length); the length is 0 where no feature is left."""
    flat: Floats = batch.column("features").flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(batch.num_rows, len(flat) // max(batch.num_rows, 1))
