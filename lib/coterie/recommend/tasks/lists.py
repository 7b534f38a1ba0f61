"""The kernels: lists of all models for measuring and for training a ranker, and the list that is served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from coterie.recommend.tasks.block import Block, Floats, Places, Shelf, block_of, shelf_of
from coterie.recommend.tasks.drawn import NEW, Drawn, drawn, feature_names, filled, in_order
from coterie.recommend.tasks.random import hashed, splitmix
from coterie.recommend.tasks.ranker import Ranker
from coterie.recommend.tasks.rearrange import Rearrangement, rearranged
from coterie.recommend.tasks.scorers import Fresh, Ready, Scorer, popular_places

EXAMPLES = "examples"  # the rows that hold a customer's candidates for a ranker to learn from
MEASURED_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()), ("keep_seen", pa.bool_()), ("is_warm", pa.bool_()), ("truth", pa.list_(pa.string())), ("model", pa.string()),
        ("items", pa.list_(pa.string())), ("factors", pa.list_(pa.float64())),
    ]
)  # fmt: skip
SERVED_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()), ("keep_seen", pa.bool_()), ("rank", pa.int32()), ("item_id", pa.string()), ("score", pa.float64()),
        ("source", pa.string()), ("reason", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """What to draw from: the scorers, the popular one among them; how many candidates of each; how long a list is."""

    scorers: tuple[Scorer, ...]
    candidates: int
    count: int

    @property
    def kinds(self) -> list[str]:
        return [scorer.kind for scorer in self.scorers]

    def ready(self, block: Block, shelf: Shelf) -> dict[str, Ready]:
        return {scorer.kind: scorer.ready(block, shelf) for scorer in self.scorers}

    def drawn_at_least(self) -> int:
        return max(self.candidates, self.count)


def measured_lists(
    left: pa.Table, right: pa.Table, draw: Draw, filler: str, blend: str, ranker: Ranker | Sequence[Ranker] | None, negatives: float
) -> pa.Table:
    """Rows of MEASURED_SCHEMA: for each row asked for and each model the list as it would be served, filled up by `filler`, before any rearrangement.

    factors: the scores. With `ranker` also their list, as the model `blend`; with several each is for the customers of one part, see
    `part_of`. With `negatives` also EXAMPLES: every candidate that is in the truth and, drawn by a hash, that share of the others, of rows
    that some model beside `filler` knows; factors, item by item: 1 or 0 for in the truth or not, then the features.
    """
    if not len(left) or not len(right):
        return MEASURED_SCHEMA.empty_table()
    shelf = shelf_of(right)
    block = block_of(left, shelf)
    warm = np.bincount(block.own_rows, block.own["bought_days"], minlength=len(block.customers)) > 0
    parts = []

    def listed(tile: Drawn, model: str, places: Places, scores: Floats) -> None:
        kept = places >= 0
        items, values = shelf.ids.take(pa.array(places[kept])), pa.array(scores[kept])
        parts.append(_measured(block, tile.rows, warm, model, items, kept.sum(axis=1), values, 1))

    with threadpool_limits(1):  # Spark has given every core a task already
        for tile in drawn(block, shelf, draw.ready(block, shelf), draw.drawn_at_least(), ranker is not None or negatives > 0):
            for kind in draw.kinds:
                listed(tile, kind, *filled(tile.lists[kind], tile.scores[kind], tile.lists[filler], draw.count)[:2])
            if ranker is not None:
                places, scores = ranked(tile, _margins(block, tile, ranker), filler, draw.count)
                listed(tile, blend, *filled(places, scores, tile.lists[filler], draw.count)[:2])
            if negatives:
                is_true = _in_truth(block, shelf, tile)
                kept = (is_true | _drawn_negatives(block, shelf, tile, negatives)) & _is_known(tile, filler)[tile.union_rows]
                values = np.column_stack([is_true[kept], tile.features[kept]])
                lengths = np.bincount(tile.union_rows[kept], minlength=len(tile.rows))
                items = shelf.ids.take(pa.array(tile.union_items[kept]))
                parts.append(_measured(block, tile.rows, warm, EXAMPLES, items, lengths, pa.array(values.ravel()), values.shape[1]))
    return pa.concat_tables(parts) if parts else MEASURED_SCHEMA.empty_table()


def part_of(customers: pa.Array, parts: int) -> Places:
    """(n,): the part, 0 .. parts - 1, that each customer is in, by a hash of the id."""
    return (hashed(customers) % np.uint64(parts)).astype(np.int64)


def _margins(block: Block, tile: Drawn, ranker: Ranker | Sequence[Ranker]) -> Floats:
    if isinstance(ranker, Ranker):
        return ranker.margins(tile.features)
    part = part_of(block.customers, len(ranker))[block.asked[tile.rows[tile.union_rows]]]
    margins: Floats = np.choose(part, [one.margins(tile.features) for one in ranker])
    return margins


def _is_known(tile: Drawn, filler: str) -> NDArray[np.bool_]:
    """(r,): some model beside `filler` has a candidate for the row; that there are new items says nothing of a customer."""
    personal = [lists[:, 0] >= 0 for kind, lists in tile.lists.items() if kind not in {filler, NEW}]
    known: NDArray[np.bool_] = np.any(personal, axis=0) if personal else np.zeros(len(tile.rows), bool)
    return known


def _in_truth(block: Block, shelf: Shelf, tile: Drawn) -> NDArray[np.bool_]:
    """(c,): the candidate is in the truth of its row."""
    truth = block.truth.take(pa.array(tile.rows))
    rows = pc.list_parent_indices(truth).to_numpy()
    places = pc.index_in(truth.flatten(), value_set=shelf.ids).fill_null(-1).to_numpy(zero_copy_only=False)
    m = len(shelf.ids)
    return np.isin(tile.union_rows * m + tile.union_items, (rows * m + places)[places >= 0])


def _drawn_negatives(block: Block, shelf: Shelf, tile: Drawn, negatives: float) -> NDArray[np.bool_]:
    """(c,): that share of the candidates, by a hash of customer and item, so that blocks and tiles change nothing."""
    hashes = hashed(block.customers)[block.asked[tile.rows[tile.union_rows]]]
    drawn_ones: NDArray[np.bool_] = splitmix(hashes * np.uint64(len(shelf.ids)) + tile.union_items.astype(np.uint64)) < negatives
    return drawn_ones


def served_lists(left: pa.Table, right: pa.Table, draw: Draw, chosen: str, filler: str, ranker: Ranker | None, rearrange: Rearrangement) -> pa.Table:
    """Rows of SERVED_SCHEMA: for each row asked for the `count` best, ranks 1.. without a gap while there are items to offer.

    The order is that of the model `chosen`, or of `ranker` over the union of all candidates, where given; then `rearrange`; then `filler`.
    source: the model that ranked the item highest of all, the first in order of the scorers where several did, and whose reason it is.
    """
    if not len(left) or not len(right):
        return SERVED_SCHEMA.empty_table()
    shelf = shelf_of(right)
    block, parts = block_of(left, shelf), []
    pool = draw.count if not rearrange.is_needed else max(draw.drawn_at_least(), 3 * draw.count)
    with threadpool_limits(1):
        ready = draw.ready(block, shelf)
        if rearrange.new_share > 0:
            ready |= {NEW: Fresh(NEW, rearrange.new_days).ready(block, shelf)}
        for tile in drawn(block, shelf, ready, max(pool, draw.drawn_at_least()), ranker is not None):
            if ranker is None:
                places, scores = tile.lists[chosen], tile.scores[chosen]
            else:
                places, scores = ranked(tile, ranker.margins(tile.features), filler, pool)
            places, scores, is_filler = filled(places, scores, tile.lists[filler], pool)
            named = np.where(is_filler, filler, chosen if ranker is None else "").astype(object)
            if rearrange.max_per_category > 0:
                places, scores, named = _with_more(places, scores, named, tile.lists[filler], filler)
            if rearrange.new_share > 0:
                places, scores, named = _with_more(places, scores, named, tile.lists[NEW], NEW)
            if rearrange.is_needed:
                whose = block.customers.take(pa.array(block.asked[tile.rows]))
                places, scores, named = rearranged(places, scores, named, draw.count, rearrange, shelf, whose)
            parts.append(_served(block, shelf, tile, places, scores, named, list(ready), ready))
    return pa.concat_tables(parts) if parts else SERVED_SCHEMA.empty_table()


def _with_more(places: Places, scores: Floats, named: NDArray[Any], others: Places, kind: str) -> tuple[Places, Floats, NDArray[Any]]:
    """The lists with those of `others` that are not in them behind, named `kind`."""
    more = np.where((others[:, :, None] == places[:, None, :]).any(axis=2), -1, others)
    names = np.full(more.shape, kind, object)
    return np.concatenate([places, more], axis=1), np.concatenate([scores, np.zeros(more.shape)], axis=1), np.concatenate([named, names], axis=1)


def ranked(tile: Drawn, margins: Floats, filler: str, count: int) -> tuple[Places, Floats]:
    """(r, count) item places by margin, the highest first, then the smaller place; -1 where there are no more; and the margins.

    A row of which no model but `filler` knows anything gets none: there the ranker knows nothing either.
    """
    known = _is_known(tile, filler)[tile.union_rows]
    return in_order(tile.union_rows[known], tile.union_items[known], margins[known], len(tile.rows), count)


def _measured(block: Block, rows: Places, warm: NDArray[np.bool_], model: str, items: pa.Array, lengths: Places, values: pa.Array, width: int) -> pa.Table:
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    asked = pa.array(block.asked[rows])
    return pa.Table.from_arrays(
        [
            block.customers.take(asked),
            pa.array(block.keep_seen[rows]),
            pa.array(warm[block.asked[rows]]),
            block.truth.take(pa.array(rows)),
            pa.array([model] * len(rows), pa.string()),
            pa.ListArray.from_arrays(ends, items),
            pa.ListArray.from_arrays((ends * width).astype(np.int32), values),
        ],
        schema=MEASURED_SCHEMA,
    )


def _served(
    block: Block, shelf: Shelf, tile: Drawn, places: Places, scores: Floats, named: NDArray[Any], kinds: Sequence[str], ready: Mapping[str, Ready]
) -> pa.Table:
    rows, at = np.nonzero(places >= 0)
    items, customers = places[rows, at], block.asked[tile.rows[rows]]
    sources = named[rows, at]
    unnamed = np.flatnonzero(sources == "")
    if len(unnamed):
        # The rank of each offer in each model's list, too late a one where it is in none.
        late = max(lists.shape[1] for lists in tile.lists.values()) + 1
        ranks = []
        for kind in kinds:
            is_there = tile.lists[kind][rows[unnamed]] == items[unnamed, None]
            ranks.append(np.where(is_there.any(axis=1), is_there.argmax(axis=1), late))
        sources[unnamed] = np.array(kinds, object)[np.argmin(np.array(ranks), axis=0)]
    reasons = np.full(len(rows), None, object)
    for kind in kinds:
        mine = np.flatnonzero(sources == kind)
        reasons[mine] = ready[kind].reasons(customers[mine], items[mine])
    unsaid = np.flatnonzero(reasons == None)  # noqa: E711 - an array of objects
    if len(unsaid):
        order = popular_places(shelf)
        reasons[unsaid] = [f"number {order[item] + 1:,} of what the shop sells" for item in items[unsaid]]
    return pa.Table.from_arrays(
        [
            block.customers.take(pa.array(customers)),
            pa.array(block.keep_seen[tile.rows[rows]]),
            pa.array((at + 1).astype(np.int32)),
            shelf.ids.take(pa.array(items)),
            pa.array(np.where(np.isfinite(scores[rows, at]), scores[rows, at], 0.0)),
            pa.array(sources.tolist(), pa.string()),
            pa.array(reasons.tolist(), pa.string()),
        ],
        schema=SERVED_SCHEMA,
    )


def names_of(draw: Draw) -> tuple[str, ...]:
    """The features of a candidate, in order."""
    return tuple(feature_names(draw.kinds))
