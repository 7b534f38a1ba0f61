"""The Gram matrix of the items, in parts, and the weights of EASE from it."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from coterie.recommend.tasks.block import Floats

# Rows first .. of a matrix, from the diagonal on: int64 ends, int32 columns, float64 values. items: whose rows and columns these are, all of them.
GRAM = "items array<string>, first int, ends binary, columns binary, values binary"
WEIGHTS = "id string, ids array<string>, factors array<float>"
GRAM_SCHEMA = pa.schema(
    [("items", pa.list_(pa.string())), ("first", pa.int32()), ("ends", pa.binary()), ("columns", pa.binary()), ("values", pa.binary())]
)
WEIGHTS_SCHEMA = pa.schema([("id", pa.string()), ("ids", pa.list_(pa.string())), ("factors", pa.list_(pa.float32()))])
_ITEMS_A_PART = 1_000


def gram_parts(rows: pa.Table) -> pa.Table:
    """X'X in rows of GRAM_SCHEMA, from rows (customer_id, item_id, value double) of some customers."""
    customers, items = (rows[name].dictionary_encode().unify_dictionaries().combine_chunks() for name in ("customer_id", "item_id"))
    names = items.dictionary
    matrix = sparse.csr_matrix(
        (rows["value"].to_numpy(), (customers.indices.to_numpy(), items.indices.to_numpy())), shape=(len(customers.dictionary), len(names))
    )
    with threadpool_limits(1):
        gram = sparse.triu(matrix.T @ matrix, format="csr")
    parts = []
    for first in range(0, len(names), _ITEMS_A_PART):
        some = gram[first : first + _ITEMS_A_PART]
        values = (some.indptr.astype(np.int64), some.indices.astype(np.int32), some.data.astype(np.float64))
        parts.append({"items": names.to_pylist(), "first": first} | dict(zip(("ends", "columns", "values"), (v.tobytes() for v in values), strict=True)))
    return pa.Table.from_pylist(parts, schema=GRAM_SCHEMA)


def ease_weights(parts: pa.Table, regularisation: float, keep: int) -> pa.Table:
    """Rows of WEIGHTS_SCHEMA: each item's row of the pruned B. parts: of GRAM_SCHEMA, of any number of blocks of customers."""
    if not len(parts):
        return WEIGHTS_SCHEMA.empty_table()
    ids = pc.unique(parts["items"].combine_chunks().flatten())
    ids = ids.take(pc.sort_indices(ids))
    gram = np.zeros((len(ids), len(ids)))
    for items, first, ends, columns, values in zip(*(parts[name] for name in GRAM_SCHEMA.names), strict=True):
        place = pc.index_in(items.values, value_set=ids).to_numpy()
        bounds = np.frombuffer(ends.as_buffer(), np.int64)
        one = place[np.repeat(np.arange(len(bounds) - 1), np.diff(bounds)) + first.as_py()]
        other = place[np.frombuffer(columns.as_buffer(), np.int32)]
        # Each block has an order of its own.
        gram[np.minimum(one, other), np.maximum(one, other)] += np.frombuffer(values.as_buffer(), np.float64)
    with threadpool_limits(1):
        weights = pruned(ease(gram, regularisation), keep)
    entries = (ids.take(pa.array(weights.indices)), pa.array(weights.data, pa.float32()))
    lists = (pa.ListArray.from_arrays(weights.indptr.astype(np.int32), flat) for flat in entries)
    return pa.Table.from_arrays([ids, *lists], schema=WEIGHTS_SCHEMA)


def ease(gram: Floats, regularisation: float) -> Floats:
    """B (m, m) of equation 8: P = (X'X + lambda I)^-1 by one Cholesky, B = I - P / diag(P), diagonal 0.

    Of `gram` the part from the diagonal on is looked at; it is used up.
    """
    gram[np.diag_indices_from(gram)] += regularisation
    factor, is_wrong = linalg.lapack.dpotrf(gram.T, lower=1, overwrite_a=1)
    inverse, is_singular = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if is_wrong or is_singular:
        raise ArithmeticError(f"the items' Gram matrix is not positive definite with regularisation {regularisation}")
    weights: Floats = inverse  # column by column in memory
    for column in range(len(weights)):
        weights[column, column + 1 :] = weights[column + 1 :, column]
    weights /= -np.diag(weights).copy()[None, :]
    weights[np.diag_indices_from(weights)] = 0.0
    return weights


def pruned(weights: Floats, keep: int) -> sparse.csr_matrix:
    """Of each column the `keep` entries with the largest absolute value (those as large as the last of them too), as a sparse matrix."""
    if keep >= len(weights):
        return sparse.csr_matrix(weights)
    blocks = []
    for start in range(0, weights.shape[1], 500):
        some = weights[:, start : start + 500]
        sizes = np.abs(some)
        bound = np.partition(sizes, len(weights) - keep, axis=0)[len(weights) - keep]
        blocks.append(sparse.csc_matrix(np.where(sizes >= np.maximum(bound, 1e-300), some, 0.0)))
    return sparse.hstack(blocks).tocsr()
