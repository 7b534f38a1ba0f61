"""How good lists are, in numpy and Arrow, for a batch of customers at a time. Runs on workers: nothing of Spark or of settings.

Relevance is binary. For one customer with truth T (items bought in the test window) and a list whose hits stand at the ranks r_1 < r_2 < ...:

ndcg       sum of 1 / log2(r + 1) over hits with r <= k, divided by the same sum over ranks 1 .. min(k, |T|)   (Järvelin, Kekäläinen 2002)
recall     hits with r <= k, divided by |T|
precision  hits with r <= k, divided by k, also where the list is shorter
hit_rate   1 where there is a hit with r <= k
map        mean over min(k, |T|) of j / r_j over hits with r_j <= k: average precision, cut at k   (Manning, Raghavan, Schütze 2008, section 8.4)
mrr        1 / r_1 where r_1 <= k, else 0   (Voorhees 1999)

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
_GROUP = ("protocol", "population", "model")
# Measures are added up as whole hundred-millionths in float64: exact, so in any order the same, up to 90 million customers.
_UNIT = 1e8
_POISSON = np.cumsum(np.exp(-1) / np.cumprod([1, *range(1, 18)]))  # P(at most 0, 1, ..., 17 times)

SUMS_SCHEMA = pa.schema([*((name, pa.string()) for name in _GROUP), ("sums", pa.list_(pa.float64()))])
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


def batch_sums(batches: Iterator[pa.RecordBatch], ks: Sequence[int], resamples: int) -> Iterator[pa.RecordBatch]:
    """Sums over the customers of a batch, by protocol, population and model, for each resample: (1 + resamples, 1 + measures x ks), flattened.

    Batches of (protocol, population, model, customer_hash bigint, truth_count bigint, hits list<int> in order). Column 0 counts customers.
    """
    for batch in batches:
        table = pa.Table.from_batches([batch])
        for key in table.select(_GROUP).group_by(list(_GROUP)).aggregate([]).to_pylist():
            is_mine = pc.and_(pc.and_(*(pc.equal(table[name], key[name]) for name in _GROUP[:2])), pc.equal(table[_GROUP[2]], key[_GROUP[2]]))
            mine = table.filter(is_mine)
            hits = mine["hits"].combine_chunks()
            rows, ranks = (column.to_numpy(zero_copy_only=False).astype(np.int64) for column in (pc.list_parent_indices(hits), hits.flatten()))
            values = customer_measures(rows, ranks, mine["truth_count"].to_numpy(), ks)
            whole = np.column_stack([np.ones(len(values)), np.rint(values * _UNIT)])
            with threadpool_limits(1, user_api="blas"):
                sums = resample_counts(mine["customer_hash"].to_numpy(), resamples) @ whole
            yield pa.RecordBatch.from_arrays([*(pa.array([key[name]]) for name in _GROUP), pa.array([sums.ravel()])], schema=SUMS_SCHEMA)


def means(table: pa.Table, ks: Sequence[int], resamples: int) -> pa.Table:
    """Rows of VALUES_SCHEMA from all the batch sums of one group; low and high are null without resamples."""
    sums = table["sums"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(table), 1 + resamples, -1).sum(axis=0)
    filled = sums[sums[:, 0] > 0]  # a resample of very few customers may hold none
    averages = filled[:, 1:] / filled[:, :1] / _UNIT
    has_spread = len(averages) > 1
    low, high = np.quantile(averages[1:], (0.025, 0.975), axis=0) if has_spread else (averages[0], averages[0])
    labels = [(name, k) for k in ks for name in NAMES]
    size = len(labels)
    return pa.Table.from_arrays(
        [
            *(pa.array([table[name][0].as_py()] * size) for name in _GROUP),
            pa.array([name for name, _ in labels]),
            pa.array([k for _, k in labels], pa.int32()),
            pa.array(averages[0]),
            *(pa.array(bound, mask=np.full(size, not has_spread)) for bound in (low, high)),
            pa.array([int(sums[0, 0])] * size),
        ],
        schema=VALUES_SCHEMA,
    )
