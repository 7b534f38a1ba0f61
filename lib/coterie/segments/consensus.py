"""Consensus: what the other methods agree on. Customers that many of them put together belong together (Fred & Jain 2005)."""

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from coterie.segments.centres import CentresModel, Floats
from coterie.segments.effort import Trial
from coterie.segments.hierarchy import MICRO, small_clusters

_LEAST = 3  # fewer opinions are none


def try_consensus(matrix: Floats, trials: Sequence[Trial], counts: Sequence[int], seed: int) -> list[Trial]:
    """Evidence accumulation over small clusters: how many of the trials put two of them together, joined by average linkage.

    The tree is cut where the next step would cost most (the longest lifetime), into as many clusters as `counts` allows. Empty where fewer
    than three trials are there.
    """
    if len(trials) < _LEAST or not counts:
        return []
    centres = small_clusters(matrix, MICRO, seed)
    points = np.asarray(centres)
    if len(points) < 3:
        return []
    together = np.zeros((len(points), len(points)))
    for trial in trials:
        labels = trial.model.place(points).cluster
        together += labels[:, None] == labels[None, :]
    apart = 1 - together / len(trials)
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), "average")
    # Cut into k clusters, the tree stands from the height of its (n - k)-th join to that of the next.
    heights = np.concatenate([[0.0], tree[:, 2]])
    able = [k for k in counts if 2 <= k < len(points)]
    if not able:
        return []
    k = max(able, key=lambda k: (round(heights[len(points) - k + 1] - heights[len(points) - k], 9), -k))
    groups = fcluster(tree, k, "maxclust") - 1
    numbers = np.unique(groups, return_inverse=True)[1]
    return [Trial({"k": int(numbers.max()) + 1, "opinions": len(trials)}, CentresModel(centres, tuple(int(group) for group in numbers)))]
