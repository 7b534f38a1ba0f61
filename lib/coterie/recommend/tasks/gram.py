"""The Gram matrix of the items, in parts, and the weights of EASE from it."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from coterie.recommend.tasks.block import Floats

GRAM = "first int, ends binary, columns binary, values binary"  # rows first .. of a sparse matrix: int64 ends, int32 columns, float64 values
WEIGHTS = "id string, ids array<string>, factors array<float>"
GRAM_SCHEMA = pa.schema([("first", pa.int32()), ("ends", pa.binary()), ("columns", pa.binary()), ("values", pa.binary())])
WEIGHTS_SCHEMA = pa.schema([("id", pa.string()), ("ids", pa.list_(pa.string())), ("factors", pa.list_(pa.float32()))])
_ITEMS_A_PART = 1_000


def gram_parts(rows: pa.Table, items: int) -> pa.Table:
    """X'X in rows of GRAM_SCHEMA, from rows (customer_id, item int, value double) of some customers; items: the width of X."""
    customers = rows["customer_id"].combine_chunks().dictionary_encode()
    matrix = sparse.csr_matrix(
        (rows["value"].to_numpy(), (customers.indices.to_numpy(), rows["item"].to_numpy())), shape=(len(customers.dictionary), items)
    )
    with threadpool_limits(1):
        gram = (matrix.T @ matrix).tocsr()
    parts = []
    for first in range(0, items, _ITEMS_A_PART):
        some = gram[first : first + _ITEMS_A_PART]
        values = (some.indptr.astype(np.int64), some.indices.astype(np.int32), some.data.astype(np.float64))
        parts.append((first, *(value.tobytes() for value in values)))
    return pa.Table.from_arrays([pa.array(column, field.type) for column, field in zip(zip(*parts, strict=True), GRAM_SCHEMA, strict=True)], schema=GRAM_SCHEMA)


def ease_weights(parts: pa.Table, numbered: pa.Table, regularisation: float, keep: int) -> pa.Table:
    """Rows of WEIGHTS_SCHEMA: each item's row of the pruned B. parts: of GRAM_SCHEMA; numbered: (item_id, item)."""
    if not len(parts) or not len(numbered):
        return WEIGHTS_SCHEMA.empty_table()
    ids = numbered.sort_by("item")["item_id"].combine_chunks()
    gram = np.zeros((len(ids), len(ids)))
    for first, ends, columns, values in zip(*(parts[name] for name in GRAM_SCHEMA.names), strict=True):
        bounds = np.frombuffer(ends.as_buffer(), np.int64)
        entries = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds)) + first.as_py()
        gram[entries, np.frombuffer(columns.as_buffer(), np.int32)] += np.frombuffer(values.as_buffer(), np.float64)
    with threadpool_limits(1):
        weights = pruned(ease(gram, regularisation), keep)
    entries = (ids.take(pa.array(weights.indices)), pa.array(weights.data, pa.float32()))
    lists = (pa.ListArray.from_arrays(weights.indptr.astype(np.int32), flat) for flat in entries)
    return pa.Table.from_arrays([ids, *lists], schema=WEIGHTS_SCHEMA)


def ease(gram: Floats, regularisation: float) -> Floats:
    """B (m, m) of equation 8: P = (X'X + lambda I)^-1 by one Cholesky, B = I - P / diag(P), diagonal 0. `gram` is used up."""
    gram[np.diag_indices_from(gram)] += regularisation
    factor, is_wrong = linalg.lapack.dpotrf(gram.T, lower=0, overwrite_a=1)
    inverse, is_singular = linalg.lapack.dpotri(factor, lower=0, overwrite_c=1)
    if is_wrong or is_singular:
        raise ArithmeticError(f"the items' Gram matrix is not positive definite with regularisation {regularisation}")
    lower: NDArray[np.bool_] = np.tri(len(gram), k=-1, dtype=bool)
    inverse[lower] = inverse.T[lower]
    weights: Floats = inverse
    weights /= -np.diag(inverse).copy()[None, :]
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
