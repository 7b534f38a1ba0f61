"""Candidates for customers, a tile at a time: the best of every model, their union, and what a ranker may know of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coterie.recommend.tasks.block import Block, Floats, Places, Shelf
from coterie.recommend.tasks.scorers import Ready

_CELLS_AT_ONCE = 1_000_000  # scores of one model held at a time: 8 MB
_LEAST = 0.02  # added to a share before its logarithm is taken
NEW = "new"  # the source of what places are kept for: no candidate of a ranker's
_IMPERSONAL = ("popular", "repeat", NEW)  # what these say is in the features of the item and of the history, or in none
OF_ITEM = ("log_recent_buyers", "log_repeat_rate")
OF_HISTORY = ("is_had", "had_log_recent_buyers", "had_log_repeat_rate", "had_log_days", "had_log_age", "had_log_customer_days", "had_log_customer_age")


@dataclass(frozen=True)
class Drawn:
    """What a tile gave. rows: (r,) places in block.asked. lists: by kind (r, C) item places, best first, -1 for none; scores: (r, C).
    Union of the lists but NEW: union_rows (c,) 0 .. r - 1 in order, union_items (c,), features (c, F) as `feature_names` names them."""

    rows: Places
    lists: Mapping[str, Places]
    scores: Mapping[str, Floats]
    union_rows: Places
    union_items: Places
    features: Floats


def feature_names(kinds: Sequence[str]) -> list[str]:
    """Of each personal model the logarithm of its score as a share of its highest for the customer, for all candidates and for those that the
    customer had; of the item how many bought it lately and how many come back for it; of the history how often and how long ago."""
    personal = [kind for kind in kinds if kind not in _IMPERSONAL]
    return [*(f"log_{kind}" for kind in personal), *(f"had_log_{kind}" for kind in personal), *OF_ITEM, *OF_HISTORY]


def drawn(block: Block, shelf: Shelf, ready: Mapping[str, Ready], count: int, with_features: bool) -> Iterator[Drawn]:
    """Every row of `block.asked`, tile by tile: the `count` best sellable items of each model, without those seen unless keep_seen."""
    m = len(shelf.ids)
    facts = _Facts.of(block, shelf) if with_features else None
    at_once = max(1, _CELLS_AT_ONCE // max(1, m))
    is_seen = block.own["is_seen"] > 0
    for start in range(0, len(block.customers), at_once):
        stop = min(len(block.customers), start + at_once)
        tiles = {kind: scores.tile(start, stop) for kind, scores in ready.items()}
        highest = {kind: tile.max(axis=1, initial=-np.inf) for kind, tile in tiles.items()} if facts else {}
        mine = is_seen & (block.own_rows >= start) & (block.own_rows < stop)
        for keep_seen in (False, True):
            rows = np.flatnonzero((block.asked >= start) & (block.asked < stop) & (block.keep_seen == keep_seen))
            if not len(rows):
                continue
            at = block.asked[rows] - start
            barred = np.zeros((stop - start, m), bool)
            barred[:, ~shelf.is_sellable] = True
            if not keep_seen:
                barred[block.own_rows[mine] - start, block.own_items[mine]] = True
            found = {kind: best(np.where(barred, -np.inf, tile)[at], count) for kind, tile in tiles.items()}
            lists, scores = {kind: places for kind, (places, _) in found.items()}, {kind: values for kind, (_, values) in found.items()}
            codes = [np.flatnonzero(places >= 0) // places.shape[1] * m + places[places >= 0] for kind, places in lists.items() if kind != NEW]
            union = np.unique(np.concatenate(codes))
            union_rows, union_items = union // m, union % m
            columns: list[Floats] = []
            if facts is not None:
                shares = {kind: _share(tile[at[union_rows], union_items], highest[kind][at[union_rows]]) for kind, tile in tiles.items()}
                columns = facts.columns(start + at[union_rows], union_items, [shares[kind] for kind in ready if kind not in _IMPERSONAL])
            features = np.column_stack(columns) if columns else np.zeros((len(union), 0))
            yield Drawn(rows, lists, scores, union_rows, union_items, features)


def best(scores: Floats, count: int) -> tuple[Places, Floats]:
    """(n, count) places of the highest scores of each row, -1 where no more are finite, and the scores; ties go to the smaller place.

    scores: (n, m), rounded.
    """
    rows, columns = np.nonzero((scores >= _lower_bound(scores, count)[:, None]) & (scores > -np.inf))
    return in_order(rows, columns, scores[rows, columns], len(scores), count)


def in_order(rows: Places, columns: Places, scores: Floats, n: int, count: int) -> tuple[Places, Floats]:
    """(n, count) columns of each row's entries (row, column, score), the highest score first, then the smaller column, -1 where there are no
    more; and the scores, -inf there."""
    places, values = np.full((n, count), -1), np.full((n, count), -np.inf)
    order = np.lexsort((columns, -scores, rows))
    rows = rows[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    top = rank < count
    places[rows[top], rank[top]], values[rows[top], rank[top]] = columns[order][top], scores[order][top]
    return places, values


def _lower_bound(scores: Floats, count: int) -> Floats:
    """(n,): a value that at least `count` scores of the row reach, cheaply: the count-th highest of the maxima of 8 x count groups of columns."""
    groups = 8 * count
    width = scores.shape[1] // groups
    if width < 2:
        return np.full(len(scores), -np.inf)
    maxima = scores[:, : groups * width].reshape(len(scores), width, groups).max(axis=1)
    bound: Floats = np.partition(maxima, groups - count, axis=1)[:, groups - count]
    return bound


def _share(scores: Floats, highest: Floats) -> Floats:
    """ln of the score as a share of the customer's highest; nothing said, or below 0, is as good as 0."""
    share = np.where((scores > 0) & (highest > 0), scores / np.where(highest > 0, highest, 1.0), 0.0)
    return np.round(np.log(share + _LEAST), 9)


@dataclass(frozen=True)
class _Facts:
    """What is known of items, of customers, and of both, ready to be looked up by (customer, item)."""

    items: Floats  # (m, OF_ITEM)
    own: Floats  # (entries + 1, 4): ln(1 + days), ln(1 + age) of the item, ln of days and ln(1 + age) of the customer; the last row: never had
    codes: Places  # (entries,) customer * m + item of what was bought, in order
    m: int

    @staticmethod
    def of(block: Block, shelf: Shelf) -> "_Facts":
        m, u = len(shelf.ids), len(block.customers)
        items = np.column_stack([np.log1p(shelf.facts["recent_buyers"]), np.log(np.maximum(shelf.facts["repeat_rate"], _LEAST))])
        had = block.own["bought_days"] > 0
        rows, days, age, oldest = (block.own_rows[had], *(block.own[name][had] for name in ("bought_days", "last_bought_age", "first_bought_age")))
        latest = np.full(u, np.inf)
        np.minimum.at(latest, rows, age)
        ages = np.concatenate([age, oldest]).astype(np.int64)
        visits = np.unique(np.concatenate([rows, rows]) * (ages.max(initial=0) + 1) + ages)  # the days that are known: an item's first and last
        customer_days = np.bincount(visits // (ages.max(initial=0) + 1), minlength=u)
        own = np.column_stack([np.log1p(days), np.log1p(age), np.log1p(customer_days[rows]), np.log1p(latest[rows])])
        return _Facts(items, np.vstack([own, np.zeros((1, 4))]), rows * m + block.own_items[had], m)

    def columns(self, customers: Places, items: Places, shares: Sequence[Floats]) -> list[Floats]:
        codes, last = customers * self.m + items, len(self.codes)
        place = np.minimum(np.searchsorted(self.codes, codes), last)
        is_had = place < last
        is_had[is_had] = self.codes[place[is_had]] == codes[is_had]
        own, of_item = self.own[np.where(is_had, place, last)], self.items[items]
        had = is_had.astype(np.float64)
        return [*shares, *(share * had for share in shares), *of_item.T, had, *(of_item * had[:, None]).T, *own.T]


def filled(places: Places, scores: Floats, filler: Places, count: int) -> tuple[Places, Floats, NDArray[np.bool_]]:
    """(r, count) lists that begin with `places`, then the entries of `filler` that are not in it already; their scores (for the filler's 0,
    or the lowest of the list where that is below), and which are the filler's. -1 where there are no more."""
    first, first_scores = places[:, :count], scores[:, :count]
    more = np.where((filler[:, :, None] == first[:, None, :]).any(axis=2), -1, filler)
    both = np.concatenate([first, more], axis=1)
    lowest = np.where(first >= 0, first_scores, 0.0).min(axis=1, initial=0.0)
    values = np.concatenate([first_scores, np.tile(lowest[:, None], (1, more.shape[1]))], axis=1)
    is_filler = np.concatenate([np.zeros(first.shape, bool), np.ones(more.shape, bool)], axis=1)
    order = np.argsort(both < 0, axis=1, kind="stable")[:, :count]
    return tuple(np.take_along_axis(array, order, axis=1) for array in (both, values, is_filler))  # type: ignore[return-value]
