"""Into how many blocks the rows are cut: from what a task may hold, and from the cores to be kept busy."""

import math
from dataclasses import dataclass

from coterie.errors import UserError

_MOST_BLOCKS = 1000
_MOST_MB = 2000


@dataclass(frozen=True)
class Plan:
    """blocks that the rows are cut into; pieces that the rows of a block are merged in; memory_mb that a task is expected to take at most."""

    blocks: int
    pieces: int
    memory_mb: int


def plan(rows: int, entries: int, columns: int, k: int, memory_mb: int = 1024, *, id_bytes: int = 20, cores: int = 2) -> Plan:
    """The fewest blocks that fit: with b blocks, n rows, z values other than 0, m columns, ids of s bytes and k neighbours,

    - arithmetic: n^2 / 2 pairs, whatever b. Sparse: the sum over the columns of c^2 / 2 products, where c rows have the column, at 1 ns, or of
      c n / 2 at 0.06 ns for columns that more than one row in 17 has. Dense: n^2 m / 2 at 0.03 ns. Finding each row's best: about 15 us a row and
      block, for k = 50;
    - shuffle: the values once as they come, then 12 z b bytes of blocks (each goes to b tasks), then up to 12 n k b bytes of candidates;
    - memory of a task, in bytes:
        packing one block: z / b (80 + 2 s),
        comparing two: 2 z / b * 60 + 2 n / b * (60 k + 3 s + 100) + 12 m + 2 MB of tile,
        merging a piece of a block's rows: n k 60 / pieces + n (s + 40).

    Tasks are b (b + 1) / 2, one to a partition; b is raised until they number 3/2 of `cores`, as far as blocks keep a thousand rows. Of a
    memory above 2,000 MB no more is used: what passes between Spark and a task in one piece must stay below 2 GB.
    Raises UserError with the arithmetic where memory_mb is too small for any b up to 1000.
    """
    k = min(k, rows)
    budget = min(memory_mb, _MOST_MB) * 1e6

    def needed(blocks: int) -> tuple[float, float]:
        packing = entries / blocks * (80 + 2 * id_bytes)
        comparing = 2 * entries / blocks * 60 + 2 * rows / blocks * (60 * k + 3 * id_bytes + 100) + 12 * columns + 2e6
        return packing, comparing

    fixed, lists = rows * (id_bytes + 40.0), rows * k * 60.0
    fewest = next((blocks for blocks in range(1, _MOST_BLOCKS + 1) if max(needed(blocks)) <= budget), None)
    if fewest is None or fixed >= budget:
        packing, comparing = needed(_MOST_BLOCKS)
        raise UserError(
            f"{rows:,} rows with {entries:,} values do not fit tasks of {memory_mb:,} MB: in {_MOST_BLOCKS} blocks, the most there can be, packing one takes "
            f"{packing / 1e6:,.0f} MB, comparing two {comparing / 1e6:,.0f} MB (k = {k}, {columns:,} columns), and the ids of all rows "
            f"{fixed / 1e6:,.0f} MB; allow tasks more memory, ask for fewer neighbours, or compare fewer rows"
        )
    busy = math.ceil((math.sqrt(1 + 12 * cores) - 1) / 2)  # b (b + 1) / 2 >= 3/2 cores
    blocks = max(fewest, min(busy, math.ceil(rows / 1000)))
    pieces = math.ceil(lists / (budget - fixed))
    memory = max(*needed(blocks), lists / pieces + fixed)
    return Plan(blocks, pieces, math.ceil(memory / 1e6))
