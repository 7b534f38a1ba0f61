"""How good lists are, in numpy and Arrow, for a batch of customers at a time. Runs on workers: nothing of Spark or of settings.

Relevance is binary. For one customer with truth T (items bought in the test window) and a list whose hits stand at the ranks r_1 < r_2 < ...:

ndcg       sum of 1 / log2(r + 1) over hits with r <= k, divided by the same sum over ranks 1 .. min(k, |T|)   (Järvelin, Kekäläinen 2002)
recall     hits with r <= k, divided by |T|
precision  hits with r <= k, divided by k, also where the list is shorter
hit_rate   1 where there is a hit with r <= k
map        mean over min(k, |T|) of j / r_j over hits with r_j <= k: average precision, cut at k   (Manning, Raghavan, Schütze 2008, section 8.4)
mrr        1 / r_1 where r_1 <= k, else 0   (Voorhees 1999)

coverage   distinct items at ranks up to k, of all customers together, divided by the items that could be offered
excluded   customers of protocol `all` who are not in `new`: all that they bought they had already

The interval is a Poisson bootstrap over customers (Chamandy, Muralidharan, Najmi, Naidu 2012, Estimating uncertainty for massive data
streams): in each resample a customer counts Poisson(1) times, which follows from a hash of the customer's id, so that it is the same in
every run and for every model. Interval: 2.5 % and 97.5 % quantiles of the resamples' means.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats = NDArray[np.floating[Any]]

NAMES = ("ndcg", "recall", "precision", "hit_rate", "map", "mrr")
_GROUP = ("population", "protocol", "model")
# Measures are added up as whole hundred-millionths in float64: exact, so in any order the same, up to 90 million customers.
_UNIT = 1e8
_POISSON = np.cumsum(np.exp(-1) / np.cumprod([1, *range(1, 18)]))  # P(at most 0, 1, ..., 17 times)

SUMS_SCHEMA = pa.schema(
    [*((name, pa.string()) for name in _GROUP), ("sums", pa.list_(pa.float64())), ("items", pa.list_(pa.string())), ("ranks", pa.list_(pa.int32()))]
)
VALUES_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _GROUP),
        ("measure", pa.string()),
        ("k", pa.int32()),
        *((name, pa.float64()) for name in ("value", "low", "high")),
        ("customers", pa.int64()),
    ]
)


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
    """(1 + resamples, n): how often each customer counts; row 0 is the sample itself. Splitmix64 of the hash gives the random numbers."""
    with np.errstate(over="ignore"):
        state = hashes.astype(np.uint64)[None, :] + np.arange(1, resamples + 1, dtype=np.uint64)[:, None] * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    uniform = (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
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


def batch_sums(batches: Iterator[pa.RecordBatch], ks: Sequence[int], resamples: int) -> Iterator[pa.RecordBatch]:
    """Rows of SUMS_SCHEMA: a batch's customers of one population, protocol and model added up.

    Batches of (population, protocol, model, customer_hash bigint, truth list<string> not empty, offered list<string> best first).
    sums: for each resample, the customers and their measures, (1 + resamples, 1 + measures x ks) flattened. items, ranks: each item that
    anybody was offered, at the best rank it had.
    """
    for batch in batches:
        truths = pc.list_value_length(batch["truth"]).to_numpy(zero_copy_only=False).astype(np.int64)
        values = customer_measures(*found_hits(batch["offered"], batch["truth"]), truths, ks)
        whole = np.column_stack([np.ones(len(values)), np.rint(values * _UNIT)])
        counts = resample_counts(batch["customer_hash"].to_numpy(), resamples)
        keys = pa.Table.from_batches([batch.select(_GROUP)]).to_pandas().groupby(list(_GROUP)).indices
        for key, mine in keys.items():
            with threadpool_limits(1, user_api="blas"):
                sums = counts[:, mine] @ whole[mine]
            items, ranks = _best_ranks(batch["offered"].take(pa.array(mine)))
            lists = (pa.ListArray.from_arrays([0, len(flat)], flat) for flat in (pa.array(sums.ravel()), items, ranks))
            yield pa.RecordBatch.from_arrays([*(pa.array([name]) for name in key), *lists], schema=SUMS_SCHEMA)


def means(table: pa.Table, ks: Sequence[int], resamples: int, item_count: int) -> pa.Table:
    """Rows of VALUES_SCHEMA from all the batches' sums of one population; low and high are null without resamples.

    item_count: the items that could be offered, more than 0.
    """
    found: list[dict[str, Any]] = []
    customers: dict[tuple[str, str], int] = {}
    for key, rows in table.select(_GROUP).to_pandas().groupby(list(_GROUP), sort=True).indices.items():
        mine = table.take(pa.array(rows))
        sums = mine["sums"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(rows), 1 + resamples, -1).sum(axis=0)
        customers[key[1], key[2]] = int(sums[0, 0])
        common = dict(zip(_GROUP, key, strict=True)) | {"customers": int(sums[0, 0])}
        labels = [{"measure": name, "k": k} for k in ks for name in NAMES]
        found += [common | label | bounds for label, bounds in zip(labels, _intervals(sums), strict=True)]
        items, ranks = (mine[name].combine_chunks().flatten().to_numpy(zero_copy_only=False) for name in ("items", "ranks"))
        found += [common | {"measure": "coverage", "k": k, "value": len(np.unique(items[ranks <= k])) / item_count} for k in ks]
    for (protocol, model), everyone in customers.items():
        if protocol == "all":
            left_out = everyone - customers.get(("new", model), 0)
            common = {"population": table["population"][0].as_py(), "protocol": "new", "model": model, "customers": everyone}
            found.append(common | {"measure": "excluded", "k": 0, "value": float(left_out)})
    return pa.Table.from_pylist(found, schema=VALUES_SCHEMA)


def _intervals(sums: Floats) -> list[dict[str, float | None]]:
    """value, low and high of each measure from (1 + resamples, 1 + measures) sums."""
    filled = sums[sums[:, 0] > 0]  # a resample of very few customers may hold none
    averages = filled[:, 1:] / filled[:, :1] / _UNIT
    if len(averages) == 1:
        return [{"value": value, "low": None, "high": None} for value in averages[0].tolist()]
    low, high = np.quantile(averages[1:], (0.025, 0.975), axis=0).tolist()
    return [{"value": value, "low": low[place], "high": high[place]} for place, value in enumerate(averages[0].tolist())]


def _best_ranks(offered: pa.ListArray) -> tuple[pa.Array, pa.Array]:
    """Each distinct item of the lists, and the best rank that it has in any."""
    rows = _parents(offered)
    ranks = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
    codes = offered.flatten().dictionary_encode()
    best = np.full(len(codes.dictionary), np.iinfo(np.int32).max, np.int32)
    np.minimum.at(best, codes.indices.to_numpy(), ranks.astype(np.int32))
    return codes.dictionary, pa.array(best)


def _parents(lists: pa.ListArray) -> NDArray[np.int64]:
    rows: NDArray[np.int64] = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    return rows
