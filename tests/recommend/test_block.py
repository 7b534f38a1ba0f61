"""A task's two tables as arrays: whatever the order of the rows, every number stands where its customer and item do."""

import pytest
from shelf_rows import LOOKED_AT, asked, item, knows, left, own, right, shelved

from coterie.recommend.tasks.block import block_of, shelf_of

SHELF = [item("b", "Bag", category="carry", price=2), item("a", "Apron", listed_age=3, price=9), item("c", is_sellable=False)]


@pytest.mark.parametrize("turn", [1, -1])
def test_the_shelf_is_sorted_by_id_with_the_facts_of_each_item(turn: int) -> None:
    shelf = shelf_of(right(*SHELF[::turn]))
    assert shelf.ids.to_pylist() == ["a", "b", "c"]
    assert shelf.names.to_pylist() == ["Apron", "Bag", "Thing c"]
    assert shelf.categories.to_pylist() == [None, "carry", None]
    assert shelf.listed_ages.tolist() == [3, 400, 400]
    assert shelf.is_sellable.tolist() == [True, True, False]
    assert shelf.facts["price"].tolist() == [9, 2, 0]
    assert shelf.facts["buyers"].tolist() == [0, 0, 0]


def test_a_models_sides_are_kept_apart_and_a_side_nobody_sent_is_empty() -> None:
    rows = [shelved("als", "item", "b", [1, 2]), shelved("als", "item", "a", [3, 4]), shelved("als", "basket", "a", [9])]
    shelf = shelf_of(right(*SHELF, *rows, shelved("ease", "item", "a", {"b": 0.5})))
    assert sorted(shelf.sides) == [("als", "basket"), ("als", "item"), ("ease", "item")]
    assert shelf.side("als", "basket").vectors().tolist() == [[9]]
    assert shelf.side("als", "item").vectors().tolist() == [[3, 4], [1, 2]]
    assert shelf.side("ease", "item").matrix(shelf.ids, shelf.ids).toarray().tolist() == [[0, 0.5, 0], [0, 0, 0], [0, 0, 0]]
    nothing = shelf.side("item_knn", "item")
    assert nothing.vectors().shape == (0, 0)
    assert nothing.matrix(shelf.ids, shelf.ids).nnz == 0


def test_entries_about_items_that_are_no_longer_there_are_left_out() -> None:
    shelf = shelf_of(right(*SHELF, shelved("ease", "item", "a", {"gone": 9, "c": 1}), shelved("ease", "item", "gone", {"a": 9})))
    assert shelf.side("ease", "item").matrix(shelf.ids, shelf.ids).toarray().tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("turn", [1, -1])
def test_a_block_has_each_customer_once_and_each_row_that_was_asked_for(turn: int) -> None:
    rows = [asked("bob", "x", keep_seen=True), asked("bob"), asked("ann", "y", "z"), own("bob", c={"strength": 3}, a=LOOKED_AT), own("cid", a={})]
    block = block_of(left(*rows[::turn]), shelf_of(right(*SHELF)))
    assert block.customers.to_pylist() == ["ann", "bob"]
    assert block.asked.tolist() == [0, 1, 1]
    assert block.keep_seen.tolist() == [False, False, True]
    assert block.truth.to_pylist() == [["y", "z"], [], ["x"]]
    # cid was not asked for; bob's are sorted by item.
    assert (block.own_rows.tolist(), block.own_items.tolist()) == ([1, 1], [0, 2])
    assert block.own["strength"].tolist() == [1, 3]
    assert block.own["is_seen"].tolist() == [0, 1]
    assert block.history(block.own["bought_days"], 3).toarray().tolist() == [[0, 0, 0], [0, 0, 1]]


def test_a_customer_without_history_and_items_off_the_shelf_leave_an_empty_history() -> None:
    block = block_of(left(asked("ann"), asked("bob"), own("ann", gone={})), shelf_of(right(*SHELF)))
    assert len(block.own_rows) == 0
    assert block.history(block.own["strength"], 3).nnz == 0


def test_what_a_model_knows_of_a_customer_travels_with_the_customer() -> None:
    rows = [asked("bob"), asked("ann"), knows("als", "bob", [1, 2]), knows("user_knn", "ann", {"bob": 0.5, "zoe": 0.25})]
    block = block_of(left(*rows), shelf_of(right(*SHELF)))
    assert sorted(block.sides) == ["als", "user_knn"]
    assert block.sides["als"].vectors().tolist() == [[1, 2]]
    near = block.sides["user_knn"].matrix(block.customers, block.customers)
    assert near.toarray().tolist() == [[0, 0.5], [0, 0]]
