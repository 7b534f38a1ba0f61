"""Measures of a segmentation on a sample of vectors: Euclidean, in the space that was clustered; and of what a shop can do with it."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn import config_context
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

from coterie.segments.centres import Floats

Labels = NDArray[np.int64]
_MEGABYTES = 32  # of distances at a time: by default it is a gigabyte


def sample_measures(matrix: Floats, labels: Labels, distances: Floats | None = None) -> dict[str, float]:
    """Silhouette (Rousseeuw 1987) with its standard error, Davies-Bouldin (1979) and Calinski-Harabasz (1974) of vectors (n, d).

    labels: from 0, -1 for noise, which counts as a silhouette of 0 and is left out of the other two. None of them is defined for one
    segment, nor where every customer is a segment or no feature is left: then the result is empty. `distances` (n, n): of the vectors,
    where they are known.
    """
    inside = labels >= 0
    points, own = matrix[inside], labels[inside]
    found = len(np.unique(own))
    if matrix.shape[1] == 0 or not 2 <= found <= len(own) - 1:
        return {}
    silhouettes = np.zeros(len(labels))
    with config_context(working_memory=_MEGABYTES):
        if distances is None:
            silhouettes[inside] = silhouette_samples(points, own, metric="euclidean")
        else:
            silhouettes[inside] = silhouette_samples(distances if inside.all() else distances[np.ix_(inside, inside)], own, metric="precomputed")
    return {
        "silhouette": float(silhouettes.mean()),
        "silhouette_se": float(silhouettes.std(ddof=1) / np.sqrt(len(silhouettes))),
        "davies_bouldin": float(davies_bouldin_score(points, own)),
        "calinski_harabasz": float(calinski_harabasz_score(points, own)),
    }


def share_measures(sizes: Iterable[int]) -> dict[str, float]:
    """Shares of the smallest and the largest of the segments that hold customers; empty where nobody is in any."""
    filled = sorted(size for size in sizes if size)
    return {"smallest_share": filled[0] / sum(filled), "largest_share": filled[-1] / sum(filled)} if filled else {}


def value_measures(values: Mapping[str, Floats], labels: Labels) -> dict[str, float]:
    """How far the segments tell customers apart in each of `values` (recency, frequency, monetary), and how the money lies among them.

    `..._explained`: share of the variance of the values' ranks that lies between segments (Kruskal & Wallis 1952, H / (n - 1)): of ranks,
    since a few very large customers are most of the variance of the money itself. `value_explained`: their mean. `value_concentration`:
    Gini coefficient of the revenue if each customer had the mean of the segment, 0 for segments that are all worth the same.
    """
    if not values or len(labels) < 2:
        return {}
    found = {f"{name}_explained": _between(rankdata(column), labels) for name, column in values.items()}
    found["value_explained"] = float(np.mean(list(found.values())))
    money = np.maximum(values["monetary"], 0) if "monetary" in values else np.zeros(len(labels))
    if money.sum() > 0:
        found["value_concentration"] = _gini(money, labels)
    return found


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


def _between(values: Floats, labels: Labels) -> float:
    whole = ((values - values.mean()) ** 2).sum()
    means = np.array([values[labels == label].mean() for label in np.unique(labels)])
    sizes = np.unique(labels, return_counts=True)[1]
    return float((sizes * (means - values.mean()) ** 2).sum() / whole) if whole > 0 else 0.0


def _gini(money: Floats, labels: Labels) -> float:
    names, sizes = np.unique(labels, return_counts=True)
    totals = np.array([money[labels == label].sum() for label in names])
    order = np.argsort(totals / sizes, kind="stable")
    customers = np.concatenate([[0.0], np.cumsum(sizes[order]) / sizes.sum()])
    revenue = np.concatenate([[0.0], np.cumsum(totals[order]) / totals.sum()])
    return float(1 - (np.diff(customers) * (revenue[1:] + revenue[:-1])).sum())
