"""Beyond exact: a row is compared only with the rows of the groups nearest to it.

Groups are those of a k-means over a random projection of the rows, fitted on a sample (an inverted file with a coarse quantiser: Jegou, Douze, Schmid
2011, Product quantization for nearest neighbor search, section IV). What is found has exact scores; some neighbours are missed: see `recall`.
"""

import functools
import hashlib
import pickle
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.pairs.check import is_dense, measured
from coterie.pairs.kernels import Floats, Places
from coterie.pairs.packing import Block, sparse_block
from coterie.pairs.rows import SparseRows
from coterie.pairs.tasks import Batches

_DIMENSIONS = 256
_ROUNDS = 12


@dataclass(frozen=True)
class Groups:
    """centres: (groups, 256) float32, of length 1."""

    centres: Floats

    def nearest(self, points: Floats, count: int) -> Places:
        """(n, count) the groups whose centres point most in the direction of each row, the nearest first."""
        found = np.empty((len(points), min(count, len(self.centres))), np.int64)
        for start in range(0, len(points), 4096):
            found[start : start + 4096] = np.argsort(-(points[start : start + 4096] @ self.centres.T), axis=1, kind="stable")[:, : found.shape[1]]
        return found


def fitted_groups(rows: DataFrame, groups: int | None = None, *, sample_rows: int = 20_000, seed: int = 1) -> Groups:
    """Groups of sparse rows, from a sample drawn by hash. groups: by default the square root of the rows' number. One task fits; the centres are small."""
    if is_dense(rows):
        raise UserError("rows of factors are not grouped; give sparse ones (row_id, column_id, value), or compare them all with top_within")
    [size] = measured(rows)
    wanted = groups or max(1, round(size.rows**0.5))
    kept = F.pmod(F.xxhash64("row_id", F.lit(seed)), F.lit(max(1, size.rows // sample_rows))) == 0
    sample = rows.where(kept).select("row_id", "column_id", "value").repartitionById(1, F.lit(0))
    found = sample.mapInArrow(functools.partial(_fitted, groups=wanted, seed=seed), "centres binary").first()
    return Groups(pickle.loads(found["centres"]) if found is not None else np.zeros((1, _DIMENSIONS), np.float32))


def projected(block: Block) -> Floats:
    """(n, 256) float32: the rows on random axes. Whatever the block, a column has the same random signs: they are bits of a hash of its id."""
    assert isinstance(block.rows, SparseRows)
    assert block.columns is not None
    rows = block.rows
    hashes = [hashlib.blake2b(column.encode(), digest_size=_DIMENSIONS // 8).digest() for column in block.columns.to_pylist()]
    bits = np.unpackbits(np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, _DIMENSIONS // 8), axis=1)
    signs = (2.0 * bits - 1).astype(np.float32) / np.float32(np.sqrt(_DIMENSIONS))
    points: Floats = sp.csr_matrix((rows.values.astype(np.float32), rows.columns, rows.pointers), shape=(len(rows), rows.count)) @ signs
    return points


def centres_of(points: Floats, groups: int, seed: int) -> Floats:
    """(groups, d) centres of length 1 by Lloyd's iterations on directions (Dhillon, Modha 2001), from rows drawn at random."""
    rng = np.random.default_rng(seed)
    points = _directions(points)
    centres = points[np.sort(rng.choice(len(points), min(groups, len(points)), replace=False))]
    for _ in range(_ROUNDS):
        nearest = np.concatenate([(points[start : start + 4096] @ centres.T).argmax(axis=1) for start in range(0, len(points), 4096)])
        members = sp.csr_matrix((np.ones(len(points), np.float32), (nearest, np.arange(len(points)))), shape=(len(centres), len(points)))
        is_used = np.bincount(nearest, minlength=len(centres)) > 0
        centres = np.where(is_used[:, None], _directions(members @ points), centres)
    return centres


def _directions(points: Floats) -> Floats:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    directions: Floats = (points / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return directions


def _fitted(batches: Batches, groups: int, seed: int) -> Iterator[pa.RecordBatch]:
    filled = [batch for batch in batches if len(batch)]
    if filled:
        block = sparse_block(pa.Table.from_batches(filled), "cosine", collapse=False)
        centres = centres_of(projected(block), groups, seed)
        yield pa.RecordBatch.from_pydict({"centres": pa.array([pickle.dumps(centres)], pa.binary())})
