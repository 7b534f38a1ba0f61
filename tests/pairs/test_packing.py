"""Blocks: numbers that do not depend on the order of their input, rows of one content at one place, and lists put together from parts."""

import numpy as np
import pyarrow as pa
import pytest

from coterie.pairs.merging import LISTS, Part, lists, owned
from coterie.pairs.packing import Block, Names, beside, dense_block, sparse_block, stacked, taken
from coterie.pairs.rows import SparseRows
from coterie.pairs.search import Found


def table(*cells: tuple[str, str, float]) -> pa.Table:
    rows, columns, values = (list(part) for part in zip(*cells, strict=True))
    return pa.table({"row_id": rows, "column_id": columns, "value": pa.array(values, pa.float64())})


def rows_of(block: Block) -> dict[str, dict[str, float]]:
    """What each id of the block has."""
    names, rows = block.names, block.rows
    assert isinstance(rows, SparseRows)
    assert block.columns is not None
    content = [
        {block.columns[int(c)].as_py(): float(v) for c, v in zip(rows.columns[a:b], rows.values[a:b], strict=True)}
        for a, b in zip(rows.pointers[:-1], rows.pointers[1:], strict=True)
    ]
    return {names.ids[int(one)].as_py(): content[p] for p in range(len(names)) for one in names.members[names.pointers[p] : names.pointers[p + 1]]}


def test_a_cosine_row_has_length_one_and_a_dot_row_its_values() -> None:
    cells = table(("b", "y", 4), ("a", "x", 7), ("b", "x", 3))
    assert rows_of(sparse_block(cells, "cosine")) == {"a": {"x": 1.0}, "b": {"x": 3 / 4 / 1.25, "y": 0.8}}
    assert rows_of(sparse_block(cells, "dot")) == {"a": {"x": 7.0}, "b": {"x": 3.0, "y": 4.0}}


def test_values_of_one_cell_are_added_up_the_same_in_any_order() -> None:
    cells = [("a", "x", value) for value in (0.1, 0.2, 0.3, 1e16, 0.7)] + [("a", "y", 1.0)]
    sums = {rows_of(sparse_block(table(*cells[turn:], *cells[:turn]), "dot"))["a"]["x"] for turn in range(6)}
    assert len(sums) == 1


def test_rows_of_one_content_share_a_place_and_zeros_are_nothing() -> None:
    block = sparse_block(table(("d", "x", 5), ("a", "x", 2), ("c", "y", 1), ("b", "x", 1), ("z", "x", 0), ("e", "y", 0)), "cosine")
    assert block.names.ids.to_pylist() == ["a", "b", "c", "d", "e", "z"]
    assert [block.names.members[a:b].tolist() for a, b in zip(block.names.pointers[:-1], block.names.pointers[1:], strict=True)] == [[0, 1, 3], [2], [4, 5]]
    assert rows_of(block) == {"a": {"x": 1.0}, "b": {"x": 1.0}, "c": {"y": 1.0}, "d": {"x": 1.0}, "e": {}, "z": {}}


def test_different_rows_with_one_fingerprint_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coterie.pairs.packing.fingerprints", lambda pointers, columns, values: np.zeros(len(pointers) - 1, np.uint64))
    cells = table(("a", "x", 1), ("b", "y", 1), ("c", "x", 1), ("d", "y", 2))
    block = sparse_block(cells, "dot")
    assert rows_of(block) == {"a": {"x": 1.0}, "b": {"y": 1.0}, "c": {"x": 1.0}, "d": {"y": 2.0}}


def test_ids_are_in_the_order_of_their_bytes() -> None:
    ids = ["Z", "a", "é", "中文", "😀", "\uffff", "x" * 10_000, ""]
    block = sparse_block(table(*((one, "c", 1.0) for one in ids)), "cosine")
    assert block.names.ids.to_pylist() == sorted(ids, key=lambda text: text.encode())


def test_two_blocks_meet_over_the_columns_they_share() -> None:
    left, right = sparse_block(table(("a", "x", 1), ("a", "z", 2), ("b", "w", 1)), "dot"), sparse_block(table(("c", "z", 3), ("c", "y", 9)), "dot")
    assert beside(left, right).exact_row(0).tolist() == [6.0]
    assert beside(left, right).exact_row(1).tolist() == [0.0]
    assert beside(left, right).exact_row(0, swapped=True).tolist() == [6.0, 0.0]


def test_dense_rows_come_in_the_order_of_their_ids_with_what_is_left_out() -> None:
    cells = pa.table({"row_id": ["b", "a"], "factors": pa.array([[3, 4], [0, 0]], pa.list_(pa.float32())), "left_out": [["i", "j"], ["j"]]})
    block = dense_block(cells, "cosine")
    assert block.names.ids.to_pylist() == ["a", "b"]
    assert block.rows.lengths().tolist() == [0.0, 1.0]
    assert block.left_out is not None
    rows, places, ids = block.left_out
    assert sorted((int(row), ids[int(place)].as_py()) for row, place in zip(rows, places, strict=True)) == [(0, "j"), (1, "i"), (1, "j")]


def test_a_repeated_id_of_dense_rows_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'a' 2 times"):
        dense_block(pa.table({"row_id": ["b", "a", "a"], "factors": [[1.0], [1.0], [2.0]]}), "dot")


def test_blocks_below_each_other_are_one_block_in_the_order_of_ids() -> None:
    first, second = sparse_block(table(("b", "x", 1), ("d", "y", 2)), "dot"), sparse_block(table(("a", "y", 3), ("c", "w", 4)), "dot")
    whole, places = stacked([first, second])
    assert rows_of(whole) == {"a": {"y": 3.0}, "b": {"x": 1.0}, "c": {"w": 4.0}, "d": {"y": 2.0}}
    assert places.tolist() == [1, 3, 0, 2]
    assert rows_of(taken(whole, np.array([3, 0]))) == {"d": {"y": 2.0}, "a": {"y": 3.0}}


def alone(*ids: str) -> Names:
    return Names(pa.array(ids, pa.large_string()), np.arange(len(ids) + 1), np.arange(len(ids)))


def merged(own: Names, parts: list[Part], k: int, first: int = 0) -> dict[str, list[tuple[str, float]]]:
    batches = pa.Table.from_batches(lists(owned(own, first, len(own)), parts, k), schema=LISTS).to_pylist()
    return {row["row_id"]: list(zip(row["neighbours"], row["scores"], strict=True)) for row in batches}


def one_row(places: list[int], scores: list[float]) -> Found:
    return Found(np.array([0, len(places)]), np.array(places, np.int32), np.array(scores))


def test_parts_are_merged_by_score_then_by_id_across_blocks() -> None:
    parts = [Part(one_row([0, 1], [0.9, 0.5]), alone("c", "b")), Part(one_row([0, 1], [0.9, 0.5]), alone("a", "d"))]
    assert merged(alone("r"), parts, 3) == {"r": [("a", 0.9), ("c", 0.9), ("b", 0.5)]}


def test_a_place_of_many_ids_takes_turns_by_id_with_others_of_its_score() -> None:
    crowd = Names(pa.array(["a", "c", "e"], pa.large_string()), np.array([0, 3]), np.array([0, 1, 2]))
    parts = [Part(one_row([0], [0.9]), crowd), Part(one_row([0, 1], [0.9, 0.9]), alone("b", "d"))]
    assert merged(alone("r"), parts, 4) == {"r": [("a", 0.9), ("b", 0.9), ("c", 0.9), ("d", 0.9)]}


def test_the_ids_of_one_place_are_each_others_neighbours_but_not_their_own() -> None:
    names = Names(pa.array(["a", "b", "c", "d"], pa.large_string()), np.array([0, 3, 4]), np.array([0, 2, 3, 1]))
    found = Found(np.array([0, 1, 2]), np.array([1, 0], np.int32), np.array([0.4, 0.4]))
    part = Part(found, names, np.array([1.0, 1.0]))
    assert merged(names, [part], 3) == {
        "a": [("c", 1.0), ("d", 1.0), ("b", 0.4)],
        "b": [("a", 0.4), ("c", 0.4), ("d", 0.4)],
        "c": [("a", 1.0), ("d", 1.0), ("b", 0.4)],
        "d": [("a", 1.0), ("c", 1.0), ("b", 0.4)],
    }
    later = Part(found.part(1, 2), names, np.array([1.0]))
    assert merged(names, [later], 2, first=1) == {"b": [("a", 0.4), ("c", 0.4)]}


def test_nothing_found_is_an_empty_list() -> None:
    assert merged(alone("r"), [], 3) == {"r": []}
