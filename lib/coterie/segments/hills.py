"""Clusters as the hills of the density of points, whatever their shape; learned on the sample, whose points then stand for all."""

from collections.abc import Iterator, Sequence

from pyspark.sql import DataFrame

from coterie.segments.centres import Floats
from coterie.segments.density import hills, prominences, relief
from coterie.segments.effort import ClusterModel, Effort, Parameters, Trial
from coterie.segments.landmarks import LandmarksModel, exactly

_NEIGHBOURS = (8, 12, 18)  # few see small hills, many are not misled by chance
_LEAST = 0.25  # a hill lower than this share of the noise is none


def try_hills(matrix: Floats, counts: Sequence[int], effort: Effort) -> Iterator[Trial]:
    """The k most prominent hills, for each k that there are enough hills for."""
    points = exactly(matrix)
    for neighbours in _NEIGHBOURS:
        of = relief(matrix, neighbours)
        found = prominences(of)
        for k in counts:
            if 2 <= k <= len(found) + 1 and found[k - 2] >= _LEAST * of.noise:
                labels = hills(of, float(found[k - 2]))
                yield Trial({"k": k, "neighbours": neighbours}, LandmarksModel(points, tuple(labels.tolist())))


def keep_trial(frame: DataFrame, trial: ClusterModel, parameters: Parameters, effort: Effort) -> ClusterModel:
    """What was learned on the sample holds for everyone: each belongs to the cluster of the nearest sampled customer."""
    return trial
