"""Lists made more varied, or opened to new items, after they were ranked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from coterie.recommend.tasks.block import Floats, Places, Shelf
from coterie.recommend.tasks.random import hashed


@dataclass(frozen=True)
class Rearrangement:
    """max_per_category: items of one category in a list, at most; 0: any. mmr: 0 (rank alone) .. 1 (variety alone). new_share: of all places of
    all lists, the share for items listed within the last `new_days`; 0: none are reserved. similar: the model whose item weights say what is alike."""

    max_per_category: int
    mmr: float
    new_share: float
    new_days: int
    similar: str

    @property
    def is_needed(self) -> bool:
        return self.max_per_category > 0 or self.mmr > 0 or self.new_share > 0


def rearranged(
    places: Places, scores: Floats, named: NDArray[Any], count: int, how: Rearrangement, shelf: Shelf, customers: pa.Array
) -> tuple[Places, Floats, NDArray[Any]]:
    """The first `count` of each row of a longer list (r, pool), chosen one after another (maximal marginal relevance).

    At each place the candidate with the highest (1 - mmr) x relevance - mmr x (greatest similarity to those chosen already), Carbonell and
    Goldstein 1998, The use of MMR, with relevance 1 / rank. A candidate of a full category is left out, so that a list may end early. Places are
    reserved for new items at the end of the list: the whole part of new_share x count, and one more for the customers whom a hash draws.
    """
    r, pool = places.shape
    rows = np.arange(r)
    codes = pc.fill_null(shelf.categories, "").dictionary_encode()
    category, known = codes.indices.to_numpy().astype(np.int64), np.array([bool(name) for name in codes.dictionary.to_pylist()] or [False])
    weights = shelf.side(how.similar, "item").matrix(shelf.ids, shelf.ids)
    weights = weights.maximum(weights.T).tocsr()
    largest = max(1e-12, float(weights.max())) if weights.nnz else 1.0
    reserved = _reserved(customers, how.new_share * count)
    is_new = (shelf.listed_ages <= how.new_days)[np.maximum(places, 0)] & (places >= 0)
    is_free, likeness = places >= 0, np.zeros((r, pool))
    in_category = np.zeros((r, len(codes.dictionary) or 1))
    chosen = np.full((r, count), -1)
    for turn in range(count):
        worth = (1 - how.mmr) / (1.0 + np.arange(pool)) - how.mmr * likeness
        if how.max_per_category:
            mine = category[np.maximum(places, 0)]
            is_free &= ~(known[mine] & (in_category[rows[:, None], mine] >= how.max_per_category))
        needs_new = (reserved - np.where(chosen >= 0, is_new[rows[:, None], np.maximum(chosen, 0)], False).sum(axis=1)) >= count - turn
        worth = np.where(needs_new[:, None] & is_new, worth + 100, worth)
        worth = np.where(is_free, worth, -np.inf)
        pick = worth.argmax(axis=1)
        some = is_free.any(axis=1)
        chosen[some, turn] = pick[some]
        is_free[rows, pick] = False
        item = np.where(some, places[rows, pick], -1)
        if how.max_per_category:
            np.add.at(in_category, (rows[some], category[item[some]]), 1)
        if how.mmr > 0:
            likeness = np.maximum(likeness, _likeness(weights, item, places) / largest)
    taken = np.maximum(chosen, 0)
    items = np.where(chosen >= 0, np.take_along_axis(places, taken, axis=1), -1)
    return items, np.take_along_axis(scores, taken, axis=1), np.take_along_axis(named, taken, axis=1)


def _likeness(weights: sparse.csr_matrix, items: Places, places: Places) -> Floats:
    """(r, pool): of the row's item to each item of its pool."""
    rows = weights[np.maximum(items, 0)]
    found: Floats = np.asarray(rows[np.repeat(np.arange(len(items)), places.shape[1]), np.maximum(places, 0).ravel()]).reshape(places.shape)
    return np.where((items >= 0)[:, None], found, 0.0)


def _reserved(customers: pa.Array, places: float) -> Places:
    """(r,): how many places each customer's list keeps for new items, `places` on average."""
    drawn = hashed(customers) / 2**32
    return (int(places) + (drawn < places - int(places))).astype(np.int64)
