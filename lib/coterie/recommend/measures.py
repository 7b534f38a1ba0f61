"""How good lists are, in numpy and Arrow. Runs on workers: nothing of Spark or of settings.

Relevance is binary. For one customer with truth T (items bought in the test window) and a list whose hits stand at the ranks r_1 < r_2 < ...:

ndcg       sum of 1 / log2(r + 1) over hits with r <= k, divided by the same sum over ranks 1 .. min(k, |T|)   (Järvelin, Kekäläinen 2002)
recall     hits with r <= k, divided by |T|
precision  hits with r <= k, divided by k, also where the list is shorter
hit_rate   1 where there is a hit with r <= k
map        mean over min(k, |T|) of j / r_j over hits with r_j <= k: average precision, cut at k   (Manning, Raghavan, Schütze 2008, section 8.4)
mrr        1 / r_1 where r_1 <= k, else 0   (Voorhees 1999)
novelty    mean over the list's items up to k of -log2 of the share of customers who had bought the item, counting one more of each
           (Zhou et al. 2010, Solving the apparent diversity-accuracy dilemma)
diversity  mean over the pairs of items up to k of 1 - s; s: how alike two items are by the model item_knn, 0 where neither is among the other's
           nearest (intra-list diversity, Ziegler et al. 2005); lists with fewer than two items count 0

Of all lists together:
coverage   distinct items at ranks up to k, divided by the items that could be offered
gini       of how often each item that could be offered stands at a rank up to k: 0 all alike, near 1 a few items everywhere
excluded   customers of protocol `all` who are not in `new`: all that they bought they had already

The interval is a Poisson bootstrap over customers (Chamandy, Muralidharan, Najmi, Naidu 2012, Estimating uncertainty for massive data
streams): in each resample a customer counts Poisson(1) times, which follows from a hash of the customer's id, so that it is the same in
every run and for every model. Interval: 2.5 % and 97.5 % quantiles over the resamples. Of all lists together there is none.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from coterie.recommend.tasks.block import Floats, Places
from coterie.recommend.tasks.random import splitmix

NAMES = ("ndcg", "recall", "precision", "hit_rate", "map", "mrr")
_POISSON = np.cumsum(np.exp(-1) / np.cumprod([1, *range(1, 18)]))  # P(at most 0, 1, ..., 17 times)
_DENSE = 6_000  # items whose likeness to each other is held as a full matrix

VALUES_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("population", "protocol", "model", "measure")),
        ("k", pa.int32()),
        *((name, pa.float64()) for name in ("value", "low", "high")),
        ("customers", pa.int64()),
    ]
)
_NO_INTERVAL = {"low": None, "high": None}


def customer_measures(rows: NDArray[np.int64], ranks: NDArray[np.int64], truths: NDArray[np.int64], ks: Sequence[int]) -> Floats:
    """(n, measures x ks) values of n customers. rows, ranks: of each hit, a customer's hits in the order of rank; truths: (n,) |T| > 0."""
    n = len(truths)
    turn = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1  # which hit of its customer
    columns = []
    for k in ks:
        within = ranks <= k
        who, at = rows[within], ranks[within]
        hits = np.bincount(who, minlength=n)
        ideal = np.cumsum(1 / np.log2(np.arange(2, k + 2)))[np.minimum(k, truths) - 1]
        columns += [
            np.bincount(who, 1 / np.log2(at + 1), minlength=n) / ideal,
            hits / truths,
            hits / k,
            hits > 0,
            np.bincount(who, turn[within] / at, minlength=n) / np.minimum(k, truths),
            np.bincount(who, np.where(turn[within] == 1, 1 / at, 0), minlength=n),
        ]
    return np.column_stack(columns).astype(np.float64)


def resample_counts(hashes: NDArray[np.int64], resamples: int) -> Floats:
    """(1 + resamples, n): how often each customer counts; row 0 is the sample itself. They follow from the customer's hash."""
    with np.errstate(over="ignore"):
        streams = hashes.astype(np.uint64)[None, :] + np.arange(resamples, dtype=np.uint64)[:, None] * np.uint64(0x9E3779B97F4A7C15)
    uniform = splitmix(streams)
    counts = np.searchsorted(_POISSON, uniform, side="right").astype(np.float64)
    return np.vstack([np.ones((1, len(hashes))), counts])


def found_hits(offered: pa.ListArray, truth: pa.ListArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and rank (from 1) of each entry of `offered`, a list of distinct items a row, that is in the same row's `truth`."""
    rows, truth_rows = _parents(offered), _parents(truth)
    # Numbers for items that hold within this batch: a row and an item together are one number, which is looked up.
    codes = pa.concat_arrays([offered.flatten(), truth.flatten()]).dictionary_encode()
    numbers, width = codes.indices.to_numpy().astype(np.int64), len(codes.dictionary) + 1
    is_hit = np.isin(rows * width + numbers[: len(rows)], truth_rows * width + numbers[len(rows) :])
    ranks = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
    return rows[is_hit], ranks[is_hit]


def values_of(lists: pa.Table, facts: pa.Table, ks: Sequence[int], resamples: int, offered: int) -> pa.Table:
    """Rows of VALUES_SCHEMA for the lists of one population and protocol; low and high are null without resamples, and of coverage and
    gini: a resample has fewer customers that differ, and so fewer items, whatever the lists.

    lists: (population, protocol, model, customer_id, customer_hash bigint, truth list<string> not empty, items list<string> best first), one row a
    customer and model, every model with the same customers. facts: (item_id, buyers, customers double, ids list<string>, factors list<float>: the
    items it is alike to, and how much; null without item_knn). offered: the items that could be offered, more than 0.
    """
    if not len(lists):
        return VALUES_SCHEMA.empty_table()
    found: list[dict[str, Any]] = []
    shelf = _Facts.of(_with_unbought(facts, lists))
    common = {name: lists[name][0].as_py() for name in ("population", "protocol")}
    with threadpool_limits(1):
        for model in sorted(pc.unique(lists["model"]).to_pylist()):
            mine = lists.filter(pc.equal(lists["model"], model)).sort_by("customer_id")
            items = mine["items"].combine_chunks()
            counts = resample_counts(mine["customer_hash"].to_numpy(), resamples)
            truths = pc.list_value_length(mine["truth"]).to_numpy().astype(np.int64)
            hits = found_hits(items, mine["truth"].combine_chunks())
            per_customer = {(name, k): values for (name, k), values in zip(_labels(ks), customer_measures(*hits, truths, ks).T, strict=True)}
            per_customer |= shelf.per_customer(items, ks)
            totals = counts.sum(axis=1)
            for (name, k), values in per_customer.items():
                found.append(common | {"model": model, "measure": name, "k": k, "customers": len(mine), **_interval(counts @ values, totals)})
            for k in ks:
                exposures = _exposures(items, k, counts[:1])
                for name, value in (("coverage", (exposures > 0).sum(axis=1) / offered), ("gini", gini(exposures, offered))):
                    found.append(common | {"model": model, "measure": name, "k": k, "customers": len(mine), "value": float(value[0]), **_NO_INTERVAL})
    return pa.Table.from_pylist(found, schema=VALUES_SCHEMA)


def gini(exposures: Floats, offered: int) -> Floats:
    """(rows,): the Gini coefficient of each row's counts (rows, items), with zeros added up to `offered` items; 0 where nothing is counted."""
    n, width = max(offered, exposures.shape[1]), exposures.shape[1]
    in_order = np.sort(exposures, axis=1)
    places = np.arange(n - width + 1, n + 1)
    total = in_order.sum(axis=1)
    return np.where(total > 0, (in_order * (2 * places - n - 1)).sum(axis=1) / np.maximum(n * total, 1e-300), 0.0)


def _with_unbought(facts: pa.Table, lists: pa.Table) -> pa.Table:
    """`facts`, with a row of no buyers for each item of the lists that has none."""
    listed = pc.unique(lists["items"].combine_chunks().flatten())
    missing = listed.filter(pc.invert(pc.is_in(listed, value_set=facts["item_id"].combine_chunks())))
    customers = facts["customers"][0].as_py() if len(facts) else 0.0
    columns = {"item_id": missing, "buyers": pa.array([0.0] * len(missing)), "customers": pa.array([customers] * len(missing))}
    names = ("item_id", "buyers", "customers", "ids", "factors")
    rows = [columns.get(name, pa.nulls(len(missing), facts.schema.field(name).type)).cast(facts.schema.field(name).type) for name in names]
    return pa.concat_tables([facts.select(names), pa.Table.from_arrays(rows, names=names)])


class _Facts:
    """Of items: what share of customers bought them, and how alike they are."""

    def __init__(self, ids: pa.Array, information: Floats, alike: Floats | sparse.csr_matrix | None) -> None:
        self.ids, self.information, self.alike = ids, information, alike

    @staticmethod
    def of(facts: pa.Table) -> "_Facts":
        facts = facts.sort_by("item_id")
        ids = facts["item_id"].combine_chunks()
        information = -np.log2((facts["buyers"].to_numpy() + 1) / (facts["customers"].to_numpy() + 1))
        if facts["ids"].null_count == len(facts):
            return _Facts(ids, information, None)
        lists = facts["ids"].combine_chunks()
        rows = pc.list_parent_indices(lists).to_numpy()
        columns = pc.index_in(lists.flatten(), value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False)
        values = facts["factors"].combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float64)
        known = columns >= 0
        alike = sparse.csr_matrix((values[known], (rows[known], columns[known])), shape=(len(ids), len(ids)))
        alike = alike.maximum(alike.T).tocsr()
        return _Facts(ids, information, alike.toarray() if len(ids) <= _DENSE else alike)

    def per_customer(self, items: pa.ListArray, ks: Sequence[int]) -> dict[tuple[str, int], Floats]:
        """{(measure, k): (n,)} of novelty, and of diversity where likeness is known."""
        grid = _grid(items, self.ids, max(ks))
        found: dict[tuple[str, int], Floats] = {}
        for k in ks:
            there = grid[:, :k] >= 0
            information = np.where(there, self.information[np.maximum(grid[:, :k], 0)], 0.0)
            found["novelty", k] = information.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        if self.alike is not None:
            first, second = np.triu_indices(grid.shape[1], 1)
            left, right = np.maximum(grid[:, first], 0), np.maximum(grid[:, second], 0)
            likeness = np.asarray(self.alike[left.ravel(), right.ravel()]).reshape(left.shape)
            both = (grid[:, first] >= 0) & (grid[:, second] >= 0)
            for k in ks:
                within = both & (second < k)[None, :]
                found["diversity", k] = (within * (1 - likeness)).sum(axis=1) / np.maximum(within.sum(axis=1), 1)
        return found


def _grid(items: pa.ListArray, ids: pa.Array, width: int) -> Places:
    """(n, width) places in `ids` of the first items of each list, -1 for none."""
    rows = _parents(items)
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    places = pc.index_in(items.flatten(), value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False)
    grid = np.full((len(items), width), -1)
    near = rank < width
    grid[rows[near], rank[near]] = places[near]
    return grid


def _exposures(items: pa.ListArray, k: int, counts: Floats) -> Floats:
    """(1 + resamples, distinct items): how often each item stands at a rank up to k, in each resample."""
    rows = _parents(items)
    near = np.arange(len(rows)) - np.searchsorted(rows, rows) < k
    codes = items.flatten().dictionary_encode()
    columns = codes.indices.to_numpy(zero_copy_only=False)
    matrix = sparse.csr_matrix((np.ones(near.sum()), (rows[near], columns[near])), shape=(len(items), len(codes.dictionary)))
    exposures: Floats = (matrix.T @ counts.T).T
    return exposures


def _labels(ks: Sequence[int]) -> list[tuple[str, int]]:
    return [(name, k) for k in ks for name in NAMES]


def _interval(sums: Floats, totals: Floats) -> dict[str, float | None]:
    """value, low and high from (1 + resamples,) sums and what to divide them by; the first is the sample itself."""
    filled = totals > 0  # a resample of very few customers may hold none
    averages = sums[filled] / totals[filled]
    if len(averages) == 1:
        return {"value": float(averages[0]), **_NO_INTERVAL}
    low, high = np.quantile(averages[1:], (0.025, 0.975))
    return {"value": float(averages[0]), "low": float(low), "high": float(high)}


def _parents(lists: pa.ListArray) -> NDArray[np.int64]:
    rows: NDArray[np.int64] = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    return rows
