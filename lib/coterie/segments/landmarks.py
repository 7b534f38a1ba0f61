"""A segmentation by labelled points: every customer belongs to the cluster of the nearest one. For clusters of any shape."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from coterie.segments.centres import Clusters, Floats, Placement, nearest_of, other_than_itself


@dataclass(frozen=True)
class LandmarksModel:
    """Points (m, d) as rows, and the cluster of each, from 0 with no gap.

    `reach`: None, or the distance within which a customer belongs to a cluster: the first of those in reach, by number; who is in reach of
    none is noise, which is the last cluster.
    """

    points: tuple[tuple[float, ...], ...]
    labels: tuple[int, ...]
    reach: float | None = None

    @property
    def clusters(self) -> int:
        return max(self.labels, default=-1) + 1 + (self.reach is not None)

    @property
    def noise(self) -> int | None:
        return None if self.reach is None else self.clusters - 1

    @property
    def has_middles(self) -> bool:
        return False

    def everyone(self) -> "LandmarksModel":
        """The model that knows no noise: who is in reach of no cluster belongs to the nearest."""
        return LandmarksModel(self.points, self.labels)

    def place(self, matrix: Floats) -> Placement:
        """(n, d) -> clusters. A customer who is a point is measured by the next one of the cluster. With `reach` the confidence of noise is 0,
        and so is nobody's second cluster noise."""
        points, labels = np.asarray(self.points).reshape(len(self.points), -1), np.asarray(self.labels)
        if not len(points):
            none = np.full(len(matrix), -1, np.int32)
            return Placement(np.zeros(len(matrix), np.int32), np.zeros(len(matrix)), np.zeros(len(matrix)), none)
        found = [_nearest(points[labels == label], matrix) for label in range(labels.max() + 1)]
        first = np.stack([two[0] for two in found])
        near = nearest_of(np.sqrt(first), np.stack([other_than_itself(np.sqrt(two)) for two in found]))
        return near if self.reach is None else self._within(near, first <= self.reach * self.reach)

    def _within(self, near: Placement, in_reach: NDArray[np.bool_]) -> Placement:
        is_noise = ~in_reach.any(axis=0)
        cluster: Clusters = np.where(is_noise, len(in_reach), in_reach.argmax(axis=0)).astype(np.int32)
        second = np.where(near.cluster == cluster, near.second, near.cluster).astype(np.int32)
        return Placement(cluster, np.where(is_noise, 0.0, near.confidence), near.distance, second)

    def keeping(self, clusters: list[int]) -> "LandmarksModel":
        """The model with only the clusters named, in that order; noise stays the last, named or not."""
        kept = [cluster for cluster in clusters if cluster != self.noise]
        chosen = [(point, kept.index(label)) for point, label in zip(self.points, self.labels, strict=True) if label in kept]
        return LandmarksModel(tuple(point for point, _ in chosen), tuple(label for _, label in chosen), self.reach)

    def to_json(self) -> str:
        return json.dumps({"points": self.points, "labels": self.labels, "reach": self.reach})

    @staticmethod
    def from_json(text: str) -> "LandmarksModel":
        found = json.loads(text)
        return LandmarksModel(tuple(tuple(point) for point in found["points"]), tuple(found["labels"]), found["reach"])


def exactly(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    """The rows as plain numbers, unrounded: whether a point is in reach must not change by being written down."""
    return tuple(tuple(float(value) for value in row) for row in matrix)


def _nearest(points: Floats, matrix: Floats) -> Floats:
    """(1 or 2, n) squared distances of each row to the nearest points, summed up in one order whatever the batch."""
    places = cKDTree(points).query(matrix, k=list(range(1, min(2, len(points)) + 1)))[1]
    squares: Floats = ((matrix[None, :, :] - points[places.T]) ** 2).sum(axis=2)
    return np.sort(squares, axis=0)
