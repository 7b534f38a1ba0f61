"""What the tasks found for the rows of one block, put together and named. Runs on workers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.pairs.compiled import compiled
from coterie.pairs.kernels import Floats, Places
from coterie.pairs.packing import Names
from coterie.pairs.search import Found

LISTS = pa.schema([("row_id", pa.string()), ("neighbours", pa.list_(pa.string())), ("scores", pa.list_(pa.float64()))])
LISTS_DDL = "row_id string, neighbours array<string>, scores array<double>"

NO_NAMES = Names(pa.array([], pa.large_string()), np.zeros(1, np.int64), np.zeros(0, np.int64))
_BATCH_BYTES = 2**26


@dataclass(frozen=True)
class Part:
    """What rows of a block found among the rows of another, whose names these are.

    itself: (n,) where the other is the block itself, each row's score with another of the same content.
    """

    found: Found
    names: Names
    itself: Floats | None = None


@dataclass(frozen=True)
class Own:
    """Consecutive rows of a block, from `first` on, that lists are made for: their names, and which of the block's ids these are."""

    first: int
    names: Names
    id_places: Places


def owned(names: Names, first: int, last: int) -> Own:
    """Places first to last - 1 of a block."""
    members = names.members[names.pointers[first] : names.pointers[last]]
    id_places = np.sort(members)
    part = Names(names.ids.take(pa.array(id_places)), names.pointers[first : last + 1] - names.pointers[first], np.searchsorted(id_places, members))
    return Own(first, part, id_places)


def lists(own: Own, parts: list[Part], k: int) -> Iterator[pa.RecordBatch]:
    """Rows of LISTS, one for each id of `own`, in batches of bounded size. The parts found something for the same rows."""
    parts = parts or [Part(Found(np.zeros(len(own.names) + 1, np.int64), np.zeros(0, np.int32), np.zeros(0)), NO_NAMES)]
    ids = pa.chunked_array([part.names.ids for part in parts], pa.large_string()).combine_chunks()
    ids = pa.concat_arrays(ids.chunks) if isinstance(ids, pa.ChunkedArray) else ids
    counts, places, scores = merged(own, parts, k, _ranks(ids) if len(parts) > 1 else np.arange(len(ids)))
    longest = int(pc.max(pc.binary_length(ids)).as_py() or 1) if len(ids) else 1
    at_once = int(np.clip(_BATCH_BYTES // (k * (longest + 8)), 1, 8192))
    starts = np.concatenate(([0], np.cumsum(counts)))
    for first in range(0, len(own.names.ids), at_once):
        last = min(len(own.names.ids), first + at_once)
        some = slice(starts[first], starts[last])
        offsets = pa.array((starts[first : last + 1] - starts[first]).astype(np.int32))
        yield pa.RecordBatch.from_arrays(
            [
                own.names.ids[first:last].cast(pa.string()),
                pa.ListArray.from_arrays(offsets, ids.take(pa.array(places[some])).cast(pa.string())),
                pa.ListArray.from_arrays(offsets, pa.array(scores[some])),
            ],
            schema=LISTS,
        )


def merged(own: Own, parts: list[Part], k: int, rank: Places) -> tuple[Places, Places, Floats]:
    """(counts (ids of own,), places among the ids of all parts, scores): each id's k best, by score descending, then id.

    rank: the order of those ids.
    """
    k = min(k, max(1, len(rank)))
    shifts = np.cumsum([0] + [len(part.names) for part in parts])
    id_shifts = np.cumsum([0] + [len(part.names.ids) for part in parts])
    member_shifts = np.cumsum([0] + [len(part.names.members) for part in parts])
    pointers = np.stack([part.found.pointers for part in parts])
    pointers += np.cumsum([0] + [len(part.found.places) for part in parts])[:-1, None]
    itself = next((number for number, part in enumerate(parts) if part.itself is not None), -1)
    own_scores = parts[itself].itself if itself >= 0 else None
    firsts = [part.names.pointers[:-1] + shift for part, shift in zip(parts, member_shifts, strict=False)]
    return _merged(
        k,
        (
            pointers,
            np.concatenate([part.found.places + shift for part, shift in zip(parts, shifts, strict=False)]),
            np.concatenate([part.found.scores for part in parts]),
        ),
        (
            np.concatenate([*firsts, member_shifts[-1:]]),
            np.concatenate([part.names.members + shift for part, shift in zip(parts, id_shifts, strict=False)]),
            rank.astype(np.int64),
        ),
        (own.names.pointers, own.names.members, own.id_places + (id_shifts[itself] if itself >= 0 else 0)),
        (-1, np.zeros(0)) if own_scores is None else (int(shifts[itself]) + own.first, own_scores),
    )


def _ranks(ids: pa.Array) -> Places:
    ranks = np.empty(len(ids), np.int64)
    ranks[pc.sort_indices(ids).to_numpy()] = np.arange(len(ids))
    return ranks


Lines = tuple[Places, Places, Floats]  # pointers (parts, rows + 1) into places and scores
Crowds = tuple[Places, Places, Places]  # pointers (places + 1) into members, and the order of all ids


@compiled()
def _next(row: int, heads: Places, found: Lines, crowds: Crowds, extra: int, extra_score: float) -> int:
    """The part whose next place in line is the best: by score, then by its first id. `parts` for the extra place, -1 where none is left."""
    pointers, places, scores = found
    member_pointers, members, rank = crowds
    best, best_score, best_rank = -1, 0.0, 0
    for part in range(len(heads) + 1):
        if part == len(heads):
            place, score = extra, extra_score
        elif heads[part] < pointers[part, row + 1]:
            place, score = places[heads[part]], scores[heads[part]]
        else:
            continue
        if place < 0:
            continue
        order = rank[members[member_pointers[place]]]
        if best < 0 or score > best_score or (score == best_score and order < best_rank):
            best, best_score, best_rank = part, score, order
    return best


@compiled()
def _queue(place: int, score: float, size: int, line: tuple[Places, Floats], crowds: Crowds) -> int:
    """The length of the line after the ids of a place have been put in it. They come no better than what is there: only equal scores are ordered, by id."""
    ids, scores = line
    member_pointers, members, rank = crowds
    for member in range(member_pointers[place], min(member_pointers[place + 1], member_pointers[place] + len(ids))):
        one = members[member]
        if size == len(ids):
            if score < scores[size - 1] or rank[one] > rank[ids[size - 1]]:
                break
            size -= 1
        to = size
        while to > 0 and scores[to - 1] == score and rank[ids[to - 1]] > rank[one]:
            ids[to], scores[to] = ids[to - 1], scores[to - 1]
            to -= 1
        ids[to], scores[to] = one, score
        size += 1
    return size


@compiled()
def _merged(k: int, found: Lines, crowds: Crowds, own: tuple[Places, Places, Places], itself: tuple[int, Floats]) -> tuple[Places, Places, Floats]:
    pointers, places, scores = found
    own_pointers, own_members, own_ids = own
    first_of_itself, own_scores = itself
    counts = np.zeros(len(own_members), np.int64)
    out_ids, out_scores = np.empty((len(own_members), k), np.int32), np.empty((len(own_members), k))
    heads, line = np.empty(len(pointers), np.int64), (np.empty(k + 1, np.int64), np.empty(k + 1))
    for row in range(pointers.shape[1] - 1):
        heads[:] = pointers[:, row]
        is_crowd = first_of_itself >= 0 and own_pointers[row + 1] - own_pointers[row] > 1 and own_scores[row] > 0
        extra, extra_score = (first_of_itself + row, own_scores[row]) if is_crowd else (-1, 0.0)
        size = 0
        for _ in range(k + 1):  # one more than asked for: an id is left out of its own list
            best = _next(row, heads, found, crowds, extra, extra_score)
            if best < 0:
                break
            if best == len(heads):
                size = _queue(extra, extra_score, size, line, crowds)
                extra = -1
            else:
                size = _queue(places[heads[best]], scores[heads[best]], size, line, crowds)
                heads[best] += 1
        for one in own_members[own_pointers[row] : own_pointers[row + 1]]:
            for entry in range(size):
                if counts[one] < k and not (first_of_itself >= 0 and line[0][entry] == own_ids[one]):
                    out_ids[one, counts[one]], out_scores[one, counts[one]] = line[0][entry], line[1][entry]
                    counts[one] += 1
    total = counts.sum()
    flat_ids, flat_scores = np.empty(total, np.int32), np.empty(total)
    at = 0
    for one in range(len(own_members)):
        flat_ids[at : at + counts[one]], flat_scores[at : at + counts[one]] = out_ids[one, : counts[one]], out_scores[one, : counts[one]]
        at += counts[one]
    return counts, flat_ids, flat_scores
