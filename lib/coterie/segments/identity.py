"""Segments keep their ids from one fit to the next: matched by the customers they share, and never reused."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment


def matched(overlaps: Iterable[tuple[int, int, int]]) -> dict[int, int]:
    """The one-to-one matching of clusters to earlier segments that keeps the most customers where they were.

    `overlaps` are (cluster, earlier segment id, customers). A pair that shares nobody is no match. (Kuhn's assignment problem.)
    """
    shared = {(cluster, segment_id): count for cluster, segment_id, count in overlaps if count}
    clusters, ids = sorted({cluster for cluster, _ in shared}), sorted({segment_id for _, segment_id in shared})
    table = np.array([[shared.get((cluster, segment_id), 0) for segment_id in ids] for cluster in clusters]).reshape(len(clusters), len(ids))
    pairs = zip(*linear_sum_assignment(table, maximize=True), strict=True)
    return {clusters[row]: ids[column] for row, column in pairs if table[row, column]}


def identified(clusters: int, matches: Mapping[int, int], monetary: Sequence[float], highest: int, kept: Sequence[int] = ()) -> list[int]:
    """The id of each cluster: its match, else a new one above `highest`, the largest ever used; new ones by mean monetary, descending.

    `kept` are the ids that the same clusters had when the same model was fitted for the same date before: a cluster without a match has
    its own again, unless a match has taken it.
    """
    ids = dict(matches)
    if kept:
        ids |= {cluster: kept[cluster] for cluster in range(clusters) if cluster not in matches and kept[cluster] not in matches.values()}
    new = sorted((cluster for cluster in range(clusters) if cluster not in ids), key=lambda cluster: (-monetary[cluster], cluster))
    first = max([highest, *ids.values()]) + 1
    ids |= {cluster: first + place for place, cluster in enumerate(new)}
    return [ids[cluster] for cluster in range(clusters)]
