"""Measures of a segmentation on a sample of vectors: scikit-learn's, Euclidean, in the space that was clustered."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from coterie.segments.centres import Floats

_MEGABYTES = 32  # of distances at a time: by default it is a gigabyte


def sample_measures(matrix: Floats, labels: NDArray[np.int32]) -> dict[str, float]:
    """Silhouette (Rousseeuw 1987), Davies-Bouldin (1979) and Calinski-Harabasz (1974) of labelled vectors (n, d).

    None of them is defined for one segment, nor where every customer is a segment or no feature is left: then the result is empty.
    """
    found = len(np.unique(labels))
    if matrix.shape[1] == 0 or not 2 <= found <= len(labels) - 1:
        return {}
    with config_context(working_memory=_MEGABYTES):
        silhouette = float(silhouette_score(matrix, labels, metric="euclidean"))
    return {
        "silhouette": silhouette,
        "davies_bouldin": float(davies_bouldin_score(matrix, labels)),
        "calinski_harabasz": float(calinski_harabasz_score(matrix, labels)),
    }


def share_measures(sizes: Iterable[int]) -> dict[str, float]:
    """Shares of the smallest and the largest of the segments that hold customers; empty where nobody is in any."""
    filled = sorted(size for size in sizes if size)
    return {"smallest_share": filled[0] / sum(filled), "largest_share": filled[-1] / sum(filled)} if filled else {}


def adjusted_rand(overlaps: Iterable[tuple[int, int, int]]) -> float | None:
    """Adjusted Rand index (Hubert & Arabie 1985, eq. 5) of two labelings, from their table: (label here, label there, customers).

    1 for the same division, about 0 for unrelated ones; None for fewer than two customers.
    """
    table = list(overlaps)
    rows: dict[int, int] = {}
    columns: dict[int, int] = {}
    for row, column, count in table:
        rows[row] = rows.get(row, 0) + count
        columns[column] = columns.get(column, 0) + count
    together, by_row, by_column = (_pairs(counts) for counts in ((count for _, _, count in table), rows.values(), columns.values()))
    everything = _pairs([sum(rows.values())])
    if not everything:
        return None
    expected, most = by_row * by_column / everything, (by_row + by_column) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs(counts: Iterable[int]) -> int:
    return sum(count * (count - 1) // 2 for count in counts)
