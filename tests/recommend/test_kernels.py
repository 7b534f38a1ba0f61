import numpy as np
import pyarrow as pa
import pytest

from coterie.recommend import kernels
from coterie.recommend.kernels import best, explained, factor_block, order_block

NOBODY = (np.zeros(0, int), np.zeros(0, int))


def plainly(users: np.ndarray, items: np.ndarray, seen: set[tuple[int, int]], count: int) -> list[list[int]]:
    """All products in float64, rounded, sorted by score and place: the slow and sure way."""
    lists = []
    for row, user in enumerate(users.astype(np.float64)):
        scores = {place: round(float(user @ item), 9) for place, item in enumerate(items.astype(np.float64)) if (row, place) not in seen}
        lists.append(sorted(scores, key=lambda place: (-scores[place], place))[:count])
    return lists


@pytest.mark.parametrize("at_once", [300, 2_000_000])
def test_the_best_are_those_of_a_full_sort(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(kernels, "_SCORES_AT_ONCE", at_once)
    rng = np.random.default_rng(3)
    users, items = (rng.standard_normal((rows, 8)).astype(np.float32) for rows in (40, 150))
    rows, columns = np.repeat(np.arange(40), 9), rng.integers(0, 150, 360)
    places, scores = best(users, items, (rows, columns), 5)
    assert places.tolist() == plainly(users, items, set(zip(rows.tolist(), columns.tolist(), strict=True)), 5)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_equal_scores_go_to_the_smaller_place_however_many_there_are() -> None:
    users, items = np.ones((2, 3), np.float32), np.ones((500, 3), np.float32)
    places, _ = best(users, items, (np.array([1, 1]), np.array([0, 2])), 4)
    assert places.tolist() == [[0, 1, 2, 3], [1, 3, 4, 5]]


def test_differences_below_float32_still_order_the_items() -> None:
    # 1 + 2^-23 and 1 are neighbours in float32; times 3 with another factor the sums differ by less than one float32 step.
    items = np.array([[1, 1]] * 200 + [[1 + 2**-23, 1]], np.float32)
    places, _ = best(np.array([[1, 1000]], np.float32), items, NOBODY, 2)
    assert places.tolist() == [[200, 0]]


def test_a_customer_who_saw_nearly_everything_gets_a_short_list() -> None:
    seen = (np.zeros(4, int), np.arange(4))
    places, _ = best(np.ones((1, 2), np.float32), np.ones((5, 2), np.float32), seen, 3)
    assert places.tolist() == [[4, -1, -1]]


def test_the_own_item_that_points_the_same_way_explains_an_offer() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.9, 0.1], [-1, -1]], np.float32)
    own, strengths = np.array([[1, 0]]), np.array([[2.0, 1.0]])
    assert explained(np.array([[2, 3, 1]]), own, strengths, vectors).tolist() == [[1, -1, -1]]  # 3 has no friend; 1 does not explain itself


def customers(**columns: list[object]) -> pa.Table:
    kinds = {"seen": pa.list_(pa.string()), "own_items": pa.list_(pa.string()), "own_strengths": pa.list_(pa.float64())}
    kinds |= {"own_bought": pa.list_(pa.bool_()), "factors": pa.list_(pa.float32())}
    return pa.table({name: pa.array(values, kinds.get(name)) for name, values in columns.items()})


def test_a_block_of_factors_gives_lists_with_the_names_of_what_explains_them() -> None:
    found = factor_block(
        customers(
            customer_id=["u", "v"],
            keep_seen=[False, False],
            factors=[[1.0, 0.0], [0.0, 1.0]],
            seen=[["a"], []],
            own_items=[["a", "gone"], []],
            own_strengths=[[3.0, 1.0], []],
            own_bought=[[True, False], []],
        ),
        pa.table(
            {
                "item_id": ["c", "b", "a"],
                "factors": pa.array([[0.5, 0.5], [0.8, 0.1], [1.0, 0.0]], pa.list_(pa.float32())),
                "is_sellable": [True, True, True],
                "name": ["Cup", "Bowl", "Apron"],
            }
        ),
        2,
    )
    lines = [(row["customer_id"], row["rank"], row["item_id"], round(row["score"], 3), row["because"]) for row in found.to_pylist()]
    assert lines == [("u", 1, "b", 0.8, "Apron"), ("u", 2, "c", 0.5, "Apron"), ("v", 1, "c", 0.5, None), ("v", 2, "b", 0.1, None)]
    assert found["because_bought"].to_pylist() == [True, True, None, None]


def test_only_sellable_items_are_offered_but_all_explain() -> None:
    someone = customers(
        customer_id=["u"], keep_seen=[True], factors=[[1.0]], seen=[[]], own_items=[["old"]], own_strengths=[[1.0]], own_bought=[[False]]
    )
    items = {"item_id": ["new", "old"], "factors": pa.array([[0.5], [2.0]], pa.list_(pa.float32())), "name": ["New", "Old"]}
    [row] = factor_block(someone, pa.table(items | {"is_sellable": [True, False]}), 5).to_pylist()
    assert (row["item_id"], row["because"], row["because_bought"]) == ("new", "Old", False)
    assert len(factor_block(someone, pa.table(items | {"is_sellable": [False, False]}), 5)) == 0


def test_one_order_for_all_leaves_out_what_each_has_seen() -> None:
    items = pa.table(
        {
            "item_id": ["z", "old", "b", "a", "top"],
            "window_days": [None, 90.0, 30.0, 30.0, 30.0],
            "buyers": [None, 9.0, 2.0, 2.0, 5.0],
            "units": [None, 9.0, 4.0, 4.0, 5.0],
            "score": [0.0, 0.0, 2.0, 2.0, 5.0],
            "reason": ["r"] * 5,
        }
    )
    found = order_block(customers(customer_id=["u", "v", "w"], keep_seen=[False] * 3, seen=[[], ["a", "unknown"], ["z", "old", "b", "a", "top"]]), items, 4)
    assert [(row["customer_id"], row["rank"], row["item_id"]) for row in found.to_pylist()] == [
        *(("u", rank, item) for rank, item in enumerate(["top", "a", "b", "old"], 1)),
        *(("v", rank, item) for rank, item in enumerate(["top", "b", "old", "z"], 1)),
    ]
