"""Hills and valleys of the density of points: how deep the valleys are that a labelling runs along, and the labelling that the hills make.

The log-density of a point follows from the distance to its k nearest neighbours (in as many dimensions as the points fill), that of the way
between two points from the longer of their distance and the two neighbourhoods' (mutual reachability). A hill's prominence is how far one must
go down from its top, in log-density, to reach a higher one. (Chazal, Guibas, Oudot & Skraba 2013, ToMATo; the measure is in the spirit of
Moulavi et al. 2014, DBCV.) In numpy and numba, on the driver's sample.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from coterie.pairs.compiled import compiled
from coterie.segments.centres import Floats
from coterie.segments.measures import Labels

_CLOSEST = 1e-3  # of the median neighbourhood: points closer than that are as good as equal, and no denser


@dataclass(frozen=True)
class Relief:
    """`height` (n,): log-density of each point. Links between points `left` and `right`, the highest first: `link` is the log-density on the way.

    All points are connected. `neighbours` is the k of the estimate, `noise` how far the log-density of even points strays by chance: the
    largest of n / k estimates with a standard error of 1 / sqrt(k) each.
    """

    height: Floats
    left: Labels
    right: Labels
    link: Floats
    neighbours: int
    noise: float


def relief(points: Floats, neighbours: int) -> Relief:
    """(n, d) points, n at least 2 -> their relief; fewer neighbours are taken of few points, a tenth of them at most and two at least."""
    count, dimensions = points.shape
    most = max(2, min(neighbours, count // 10))
    most = min(most, count - 1)
    distances, found = NearestNeighbors(n_neighbors=most + 1).fit(points).kneighbors(points)
    distances, found = distances[:, 1:], found[:, 1:]
    core = np.sqrt((distances**2).mean(axis=1))
    core = np.maximum(core, _CLOSEST * max(float(np.median(core)), 1e-12))
    filled = min(float(dimensions), _intrinsic(distances))
    left, right = np.repeat(np.arange(count), most), found.ravel()
    reach = np.maximum(np.maximum(core[left], core[right]), distances.ravel())
    low, high = np.minimum(left, right), np.maximum(left, right)
    first = np.unique(low * count + high, return_index=True)[1]
    left, right, reach = _connected(points, core, low[first], high[first], reach[first])
    order = np.lexsort((right, left, reach))
    noise = float(np.sqrt(2 * np.log(max(count / most, 2.0)) / most))
    return Relief(-filled * np.log(core), left[order], right[order], -filled * np.log(reach[order]), most, noise)


def valley_depth(of: Relief, labels: Labels) -> float:
    """How deep the valleys between clusters are against the dents within them, from -1 to 1; labels from 0, -1 for noise.

    A cluster's outer depth O is what one must go down from the lower of two tops to pass to the cluster easiest to reach; its inner depth I is
    the largest prominence of a hill within it (of at least `neighbours` points), and `noise` at least. The measure is the mean over points
    of (O - I) / max(O, I), 0 for noise. It is near 1 where clusters are hills of their own, whatever their shape, and below 0 where borders run
    across a hill or a cluster holds several. 0 for one cluster.
    """
    clusters = int(labels.max()) + 1
    if clusters < 2:
        return 0.0
    lowest = float(of.link[-1])
    inner = np.maximum(_inner(labels, of.left, of.right, of.link, of.height, clusters, of.neighbours, lowest), of.noise)
    outer = np.minimum(_outer(labels, of.left, of.right, of.link, of.height, clusters), float(of.height.max()) - lowest + 1)
    sizes = np.bincount(labels[labels >= 0], minlength=clusters)
    return float(((outer - inner) / np.maximum(outer, inner) * sizes).sum() / len(labels))


def prominences(of: Relief) -> Floats:
    """Of every hill of at least `neighbours` points but the highest, falling."""
    found = _hills(of.left, of.right, of.link, of.height, of.neighbours, np.inf)[1]
    return np.sort(found[found > 0])[::-1]


def hills(of: Relief, least: float) -> Labels:
    """(n,) the hill of each point, numbered from 0: those with a prominence of at least `least`, and the highest."""
    tops = _hills(of.left, of.right, of.link, of.height, of.neighbours, least)[0]
    labels: Labels = np.unique(tops, return_inverse=True)[1].astype(np.int64)
    return labels


def _intrinsic(distances: Floats) -> float:
    """The number of dimensions that points fill, from the distances to the nearest ones (Levina & Bickel 2005, eq. 8, inverses averaged)."""
    usable = distances[:, 0] > 0
    if distances.shape[1] < 2 or not usable.any():
        return 1.0
    inverse = float(np.log(distances[usable, -1:] / distances[usable, :-1]).mean())
    return max(1.0, 1 / inverse) if inverse > 0 else 1.0


def _connected(points: Floats, core: Floats, left: Labels, right: Labels, reach: Floats) -> tuple[Labels, Labels, Floats]:
    """The links, and the shortest one more from each smallest part to the rest until all is one."""
    count = len(points)
    parts, part = connected_components(coo_matrix((reach, (left, right)), (count, count)), directed=False)
    while parts > 1:
        inside = part == _smallest(part)
        own, others = np.flatnonzero(inside), np.flatnonzero(~inside)
        gap, nearest = NearestNeighbors(n_neighbors=1).fit(points[others]).kneighbors(points[own])
        far = others[nearest[:, 0]]
        ways = np.maximum(np.maximum(core[own], core[far]), gap[:, 0])
        best = int(ways.argmin())
        left, right, reach = np.append(left, own[best]), np.append(right, far[best]), np.append(reach, ways[best])
        part = np.where(inside, part[far[best]], part)
        parts -= 1
    return left, right, reach


def _smallest(part: NDArray[np.int32]) -> int:
    names, sizes = np.unique(part, return_counts=True)
    return int(names[sizes.argmin()])


@compiled()
def _top(parent: Labels, place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return place


@compiled()
def _tops(parent: Labels, height: Floats, one: int, other: int) -> tuple[int, int]:
    """The tops of the hills of two points, the higher first, of equally high ones the first; one and the same twice where they share it."""
    high, low = _top(parent, one), _top(parent, other)
    if height[high] < height[low] or (height[high] == height[low] and high > low):
        return low, high
    return high, low


@compiled()
def _hills(left: Labels, right: Labels, link: Floats, height: Floats, small: int, least: float) -> tuple[Labels, Floats]:
    """The top of each point's hill after hills below `least` have joined the higher one they meet first, and each top's prominence (0: none)."""
    count = len(height)
    parent, sizes, found = np.arange(count), np.ones(count, np.int64), np.zeros(count)
    for at in range(len(left)):
        high, low = _tops(parent, height, left[at], right[at])
        if high == low:
            continue
        prominence = height[low] - link[at] if sizes[low] >= small else 0.0
        found[low] = max(found[low], prominence)
        if prominence < least:
            parent[low] = high
            sizes[high] += sizes[low]
    for place in range(count):
        parent[place] = _top(parent, place)
    return parent, found


@compiled()
def _inner(labels: Labels, left: Labels, right: Labels, link: Floats, height: Floats, clusters: int, small: int, lowest: float) -> Floats:
    """Of each cluster the largest prominence of a hill of at least `small` points in it; its parts that no link joins meet at `lowest`."""
    count = len(height)
    parent, sizes, found = np.arange(count), np.ones(count, np.int64), np.zeros(clusters)
    for at in range(len(left)):
        cluster = labels[left[at]]
        if cluster < 0 or cluster != labels[right[at]]:
            continue
        high, low = _tops(parent, height, left[at], right[at])
        if high == low:
            continue
        if sizes[low] >= small:
            found[cluster] = max(found[cluster], height[low] - link[at])
        parent[low] = high
        sizes[high] += sizes[low]
    largest = np.full(clusters, -1)
    for place in range(count):
        if parent[place] == place and labels[place] >= 0:
            cluster = labels[place]
            if largest[cluster] < 0 or sizes[place] > sizes[largest[cluster]]:
                largest[cluster] = place
    for place in range(count):
        if parent[place] == place and labels[place] >= 0 and sizes[place] >= small:
            cluster = labels[place]
            if place != largest[cluster]:
                found[cluster] = max(found[cluster], min(height[place], height[largest[cluster]]) - lowest)
    return found


@compiled()
def _outer(labels: Labels, left: Labels, right: Labels, link: Floats, height: Floats, clusters: int) -> Floats:
    """Of each cluster how far down the way to another leads, from the lower of the two tops; infinite where no way does."""
    tops, found = np.full(clusters, -np.inf), np.full(clusters, np.inf)
    for place in range(len(height)):
        if labels[place] >= 0:
            tops[labels[place]] = max(tops[labels[place]], height[place])
    for at in range(len(left)):
        one, other = labels[left[at]], labels[right[at]]
        if one >= 0 and other >= 0 and one != other:
            depth = min(tops[one], tops[other]) - link[at]
            found[one], found[other] = min(found[one], depth), min(found[other], depth)
    return found
