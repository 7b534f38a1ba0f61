"""A segmentation by centres: every customer belongs to the nearest one. Plain numpy, since Spark's workers run it."""

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """Where each row of a matrix belongs: cluster (0-based), confidence (0..1), distance to the own centre (Euclidean)."""

    cluster: NDArray[np.int32]
    confidence: Floats
    distance: Floats


@dataclass(frozen=True)
class CentresModel:
    """k centres of d numbers each; d may be 0, where no feature tells customers apart, and then there is one centre."""

    centres: tuple[tuple[float, ...], ...]

    @property
    def clusters(self) -> int:
        return len(self.centres)

    def place(self, matrix: Floats) -> Placement:
        """(n, d) -> the nearest centre of each row, the first of equally near ones.

        Confidence is 1 - d1 / d2, of the distances to the nearest and the next centre: 1 on a centre, 0 in the middle between two. With one
        centre it is 1. Distances are summed row by row, so that they do not depend on how rows are cut into batches.
        """
        distances = np.stack([np.sqrt(((matrix - np.asarray(centre)) ** 2).sum(axis=1)) for centre in self.centres])
        cluster = distances.argmin(axis=0)
        nearest = distances.min(axis=0)
        if self.clusters == 1:
            return Placement(cluster.astype(np.int32), np.ones(len(matrix)), nearest)
        second = np.partition(distances, 1, axis=0)[1]
        confidence = 1 - np.divide(nearest, second, out=np.ones_like(nearest), where=second > 0)
        return Placement(cluster.astype(np.int32), confidence, nearest)

    def keeping(self, clusters: list[int]) -> "CentresModel":
        """The model with only the centres named, in that order."""
        return CentresModel(tuple(self.centres[cluster] for cluster in clusters))

    def to_json(self) -> str:
        return json.dumps({"centres": self.centres})

    @staticmethod
    def from_json(text: str) -> "CentresModel":
        return CentresModel(tuple(tuple(float(value) for value in centre) for centre in json.loads(text)["centres"]))


def matrix_of(batch: pa.RecordBatch) -> Floats:
    """The column `features`, arrays of one length, as (rows, length); the length is 0 where no feature is left."""
    flat: Floats = batch.column("features").flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(batch.num_rows, len(flat) // max(batch.num_rows, 1))
