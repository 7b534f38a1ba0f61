"""The best products of each row, and all above a threshold: from float32 tiles, made exact. No Spark here.

n rows on the left, m on the right; `best` is the whole for two matrices.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from coterie.pairs.kernels import GROUPS, LEAST, MOST, Floats, Places, Side, collect, collect_left, leave_out, ordered, passing, raise_borders, survivors
from coterie.pairs.products import DenseProducts, Products
from coterie.pairs.rows import DenseRows, spread

_TILE_ROWS = 64
_SAMPLE = 1024  # rows of the other side that a row's border is guessed from
_GUESSED_FROM = 12 * _SAMPLE  # fewer rows are compared before a guess has paid
Flags = NDArray[np.bool_]
NOBODY = np.zeros(0, np.int32)


@dataclass(frozen=True)
class Found:
    """For each of n rows the best of the other side, best first: pointers (n + 1,), places and scores of all rows after each other."""

    pointers: Places
    places: Places
    scores: Floats

    def part(self, first: int, last: int) -> "Found":
        """Of rows first to last - 1."""
        start, stop = self.pointers[first], self.pointers[last]
        return Found(self.pointers[first : last + 1] - start, self.places[start:stop], self.scores[start:stop])

    def of(self, rows: Places) -> "Found":
        """Of the rows named."""
        at, pointers = spread(self.pointers[rows], np.diff(self.pointers)[rows])
        return Found(pointers, self.places[at], self.scores[at])


@dataclass(frozen=True)
class LeftOut:
    """What must not be found: for row r of the left side the right side's rows places[pointers[r]:pointers[r + 1]]. pointers (n + 1,)."""

    pointers: Places
    places: Places


def top(products: Products, k: int, *, itself: bool = False, positive: bool = True, left_out: LeftOut | None = None, both: bool = True) -> tuple[Found, Found]:
    """The k best of the other side for each row of the left side, and, with `both`, for each of the right.

    Order: score descending, then place ascending. itself: both sides are one, a row is not compared with itself, and the two answers are one.
    positive: only scores above 0 count. left_out: for the left side's rows; not together with `both`.
    """
    k = min(k, max(1, products.n, products.m))
    left = _side(products.slack[0], products.n, products.n, k, positive)
    # Every chunk is as wide as the others: there are borders for what lies beyond the last row.
    padded = -(-products.m // products.width) * products.width
    right = _side(products.slack[1], products.m if both else 0, padded, k, positive)
    if left_out is None:
        _guess(products, k, left[0], swapped=False)
        if both and not itself:
            _guess(products, k, right[0], swapped=True)
    if itself:
        right[0][: products.m] = left[0]
        left = right = (right[0], *left[1:])
    is_guessed = tuple(side[0] > (0.0 if positive else LEAST) for side in (left, right))
    with threadpool_limits(1, user_api="blas"):  # Spark has given every core a task already
        for tile, row, first in _tiles(products, itself, left_out):
            if both:
                collect(tile, row, first, k, left, right)
            else:
                collect_left(tile, row, first, k, left)
    found = _exact(products, left, is_guessed[0], k, positive, itself, left_out, swapped=False)
    return found, found if itself or not both else _exact(products, right, is_guessed[1], k, positive, itself, None, swapped=True)


def in_range(products: Products, threshold: float, *, itself: bool = False) -> Iterator[tuple[Places, Places, Floats]]:
    """(rows, places, scores) of all pairs with a score of at least `threshold`, each once, tile by tile; itself: both sides are one, place > row."""
    rows, places = np.empty(_TILE_ROWS * products.width, np.int32), np.empty(_TILE_ROWS * products.width, np.int32)
    border = (threshold / products.scale - products.slack[0].astype(np.float64)).astype(np.float32)
    # Whoever asks for the next tile does other work meanwhile, with the limit in force: it is a task's, not a tile's.
    with threadpool_limits(1, user_api="blas"):
        for tile, row, first in _tiles(products, itself, None):
            count = passing(tile, min(products.width, products.m - first), row, first, border, rows, places)
            if count:
                scores = products.exact(rows[:count], places[:count])
                kept = scores >= threshold
                yield rows[:count][kept], places[:count][kept], scores[kept]


def best(left: Floats, right: Floats, left_out: tuple[Places, Places], k: int) -> tuple[Places, Floats]:
    """Places (n, k) of the right rows with the highest dot products, -1 where there are no more, and their scores, 0 there.

    left: (n, f), right: (m, f), float32. left_out: rows of the left and of the right side that are not paired. Equal scores, to 12 decimals:
    the smaller place first.
    """
    products = DenseProducts(DenseRows(left, np.ones(len(left))), DenseRows(right, np.ones(len(right))))
    found, _ = top(products, k, positive=False, left_out=by_row(*left_out, len(left)), both=False)
    places, scores = np.full((len(left), k), -1), np.zeros((len(left), k))
    rows = np.repeat(np.arange(len(left)), np.diff(found.pointers))
    ranks = np.arange(len(rows)) - found.pointers[rows]
    places[rows, ranks], scores[rows, ranks] = found.places, found.scores
    return places, scores


def by_row(rows: Places, places: Places, size: int) -> LeftOut:
    """Pairs in any order, by row."""
    order = np.argsort(rows, kind="stable")
    return LeftOut(np.searchsorted(rows[order], np.arange(size + 1)), places[order].astype(np.int32))


def _side(slack: Floats, size: int, padded: int, k: int, positive: bool) -> Side:
    """Nothing kept yet; room for about 3 k candidates a row before they are cut back."""
    border = np.full(padded, MOST, np.float32)
    border[: len(slack)] = 0.0 if positive else LEAST
    room = max(3 * k, k + 96)
    return border, slack, np.zeros(size, np.int64), np.empty((size, room), np.int32), np.empty((size, room), np.float32)


def _guess(products: Products, k: int, border: Floats, swapped: bool) -> None:
    """Borders to begin with, from a sample of the other side: few that are not among the k best will pass them.

    Of m rows, k s / m of the k best are in a sample of s on average. The border is put three standard deviations, and two, below them: in a row
    in a thousand fewer than k pass it. These are told by that and compared anew.
    """
    size = products.n if swapped else products.m
    if size < _GUESSED_FROM:
        return
    sample = products.sample(_SAMPLE, swapped)
    hits = k * _SAMPLE / size
    rank = int(np.ceil(hits + 3 * np.sqrt(hits) + 2))
    if rank <= _SAMPLE // (4 * GROUPS):
        with threadpool_limits(1, user_api="blas"):
            for tile, row, _ in _tiles(sample, False, None):
                raise_borders(tile, row, rank, sample.scale / products.scale, border)


def _tiles(products: Products, itself: bool, left_out: LeftOut | None) -> Iterator[tuple[Floats, int, int]]:
    """(tile, first row, first column) over all pairs, those left out and what lies beyond the last column at LEAST; itself: only those above the diagonal."""
    room = np.empty((_TILE_ROWS, products.width), np.float32)
    for first, last, fill in products.chunks():
        for row in range(0, last if itself else products.n, _TILE_ROWS):
            tile = room[: min(_TILE_ROWS, products.n - row)]
            fill(tile, row)
            tile[:, last - first :] = LEAST
            if itself and row + len(tile) > first:
                tile[np.arange(first, first + products.width) <= np.arange(row, row + len(tile))[:, None]] = LEAST
            if left_out is not None:
                leave_out(tile, last - first, row, first, left_out.pointers, left_out.places)
            yield tile, row, first


def _exact(products: Products, side: Side, is_guessed: Flags, k: int, positive: bool, itself: bool, left_out: LeftOut | None, swapped: bool) -> Found:
    """The k best of each row, from what may be among them. Compared anew, exactly, with everything are rows with too many near ties or too high a guess."""
    size = len(side[2])
    rows, places, is_short = survivors(k, side)
    found = Found(*ordered(rows, places, products.exact(rows, places, swapped), size, k, positive))
    again = (side[2] < 0) | (is_guessed[:size] & is_short)
    if not again.any():
        return found
    lists: dict[int, tuple[Places, Floats]] = {}
    for row in np.flatnonzero(again).tolist():
        scores = products.exact_row(row, swapped)
        kept = np.ones(len(scores), bool) if not positive else scores > 0
        if itself:
            kept[row] = False
        if left_out is not None:
            kept[left_out.places[left_out.pointers[row] : left_out.pointers[row + 1]]] = False
        lists[row] = _first(np.flatnonzero(kept), scores, k)
    return _put(found, lists)


def _first(candidates: Places, scores: Floats, k: int) -> tuple[Places, Floats]:
    """The k best of the candidates in order."""
    if len(candidates) > k:
        kth = np.partition(scores[candidates], len(candidates) - k)[len(candidates) - k]
        candidates = candidates[scores[candidates] >= kth]
    chosen = candidates[np.lexsort((candidates, -scores[candidates]))[:k]]
    return chosen, scores[chosen]


def _put(found: Found, lists: dict[int, tuple[Places, Floats]]) -> Found:
    """`found`, with the lists of some rows in the place of what it has for them."""
    rows, sizes = np.array(list(lists)), np.diff(found.pointers)
    stays = np.ones(len(sizes), bool)
    stays[rows] = False
    kept = np.repeat(stays, sizes)
    sizes[rows] = [len(places) for places, _ in lists.values()]
    pointers = np.concatenate(([0], np.cumsum(sizes)))
    is_new = np.repeat(~stays, sizes)
    places, scores = np.empty(pointers[-1], np.int32), np.empty(pointers[-1])
    places[~is_new], scores[~is_new] = found.places[kept], found.scores[kept]
    places[is_new], scores[is_new] = (np.concatenate(parts) for parts in zip(*lists.values(), strict=True))
    return Found(pointers, places, scores)
