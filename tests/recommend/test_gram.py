"""EASE on three items, against the formula of the paper in plain numpy."""

import numpy as np
import pyarrow as pa
import pytest

from coterie.recommend.tasks.gram import GRAM_SCHEMA, WEIGHTS_SCHEMA, ease, ease_weights, gram_parts, pruned

# Customers ann, bob, cid by items a, b, c.
X = np.array([[1.0, 0.5, 0.0], [1.0, 0.0, 0.25], [0.0, 1.0, 1.0]])
LAMBDA = 0.5


def plainly(x: np.ndarray, regularisation: float) -> np.ndarray:
    """Equation 8 of Steck 2019: B = I - P diagMat(1 / diag(P)), P = (X'X + lambda I)^-1; the diagonal is 0."""
    p = np.linalg.inv(x.T @ x + regularisation * np.eye(x.shape[1]))
    b = np.eye(x.shape[1]) - p @ np.diag(1 / np.diag(p))
    np.fill_diagonal(b, 0)
    return b


def rows(x: np.ndarray, customers: list[int]) -> pa.Table:
    """(customer_id, item, value) of the entries that are not 0, the last customer first."""
    cells = [(f"c{row}", column, x[row, column]) for row in customers[::-1] for column in range(x.shape[1]) if x[row, column]]
    kinds = (pa.string(), pa.int32(), pa.float64())
    columns = [pa.array([cell[place] for cell in cells], kind) for place, kind in enumerate(kinds)]
    return pa.Table.from_arrays(columns, names=["customer_id", "item", "value"])


def solved(x: np.ndarray, keep: int = 99, blocks: int = 1) -> dict[str, dict[str, float]]:
    parts = [gram_parts(rows(x, list(range(block, len(x), blocks))), x.shape[1]) for block in range(blocks)]
    ids = [chr(ord("a") + column) for column in range(x.shape[1])]
    numbered = pa.table({"item_id": ids[::-1], "item": pa.array(range(x.shape[1])[::-1], pa.int32())})
    found = ease_weights(pa.concat_tables(parts), numbered, LAMBDA, keep)
    assert found.schema == WEIGHTS_SCHEMA
    return {row["id"]: dict(zip(row["ids"], row["factors"], strict=True)) for row in found.to_pylist()}


def test_two_items_by_hand() -> None:
    # X'X + lambda I = [[2, 1], [1, 3]]: its inverse is [[3, -1], [-1, 2]] / 5. B_ab = 1/2, of the column b; B_ba = 1/3, of the column a.
    weights = ease(np.array([[1.0, 1.0], [1.0, 2.0]]), 1.0)
    assert weights == pytest.approx(np.array([[0, 1 / 2], [1 / 3, 0]]))


def test_three_items_are_those_of_the_formula() -> None:
    assert ease(X.T @ X, LAMBDA) == pytest.approx(plainly(X, LAMBDA))


def test_many_items_are_those_of_the_formula() -> None:
    x = np.random.default_rng(5).random((60, 25)) * (np.random.default_rng(6).random((60, 25)) < 0.2)
    assert ease(x.T @ x, 3.0) == pytest.approx(plainly(x, 3.0))


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_weights_go_from_an_own_item_to_the_others_whatever_the_blocks(blocks: int) -> None:
    expected = plainly(X, LAMBDA)
    found = solved(X, blocks=blocks)
    for row, name in enumerate("abc"):
        assert found[name] == {other: pytest.approx(expected[row, column], abs=1e-6) for column, other in enumerate("abc") if column != row}


def test_an_item_that_nobody_has_speaks_for_nothing() -> None:
    assert solved(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])).get("c", {}) == {}


def test_more_than_a_part_of_items_are_put_together_in_their_order() -> None:
    x = np.zeros((3, 2100))
    x[0, [3, 1500, 2099]] = 1.0
    parts = gram_parts(rows(x, [0, 1, 2]), 2100)
    assert parts.schema == GRAM_SCHEMA
    assert parts["first"].to_pylist() == [0, 1000, 2000]
    names = [f"i{number:04}" for number in range(2100)]
    found = ease_weights(parts, pa.table({"item_id": names, "item": pa.array(range(2100), pa.int32())}), 1.0, 10).to_pylist()
    assert {row["id"]: sorted(row["ids"]) for row in found if row["ids"]} == {
        "i0003": ["i1500", "i2099"], "i1500": ["i0003", "i2099"], "i2099": ["i0003", "i1500"],
    }


def test_a_matrix_that_is_not_positive_definite_is_refused() -> None:
    with pytest.raises(ArithmeticError, match=r"not positive definite with regularisation 0\.5"):
        ease(np.array([[1.0, 5.0], [5.0, 1.0]]), 0.5)
    assert np.isfinite(ease(np.ones((3, 3)), 1e-6)).all()  # singular, but for the regularisation


def test_of_each_column_the_largest_are_kept() -> None:
    weights = np.array([[0.0, -0.5, 0.1], [0.3, 0.0, 0.2], [-0.4, 0.2, 0.0]])
    assert pruned(weights, 1).toarray().tolist() == [[0, -0.5, 0], [0, 0, 0.2], [-0.4, 0, 0]]
    assert pruned(weights, 2).toarray().tolist() == weights.tolist()
    assert pruned(weights, 3).toarray().tolist() == weights.tolist()


def test_those_as_large_as_the_last_are_kept_too_and_noughts_never() -> None:
    weights = np.array([[0.0, 0.5, 0], [0.5, 0.0, 0], [-0.5, 0.1, 0]])
    found = pruned(weights, 1)
    assert found.toarray().tolist() == [[0, 0.5, 0], [0.5, 0, 0], [-0.5, 0, 0]]
    assert found.nnz == 3


def test_many_columns_are_pruned_like_few() -> None:
    weights = np.random.default_rng(2).standard_normal((1203, 1203))
    found = pruned(weights, 7)
    assert (np.diff(found.tocsc().indptr) == 7).all()
    column = weights[:, 1100]
    assert sorted(found.tocsc()[:, 1100].indices.tolist()) == sorted(np.argsort(-np.abs(column))[:7].tolist())


def test_pruned_weights_are_kept_by_column() -> None:
    expected, found = plainly(X, LAMBDA), solved(X, keep=1)
    for column, name in enumerate("abc"):
        largest = "abc"[int(np.abs(expected[:, column]).argmax())]
        assert [other for other in "abc" if name in found[other]] == [largest]


def test_nothing_gives_nothing() -> None:
    numbered = pa.table({"item_id": ["a"], "item": pa.array([0], pa.int32())})
    assert ease_weights(GRAM_SCHEMA.empty_table(), numbered, 1.0, 1) == WEIGHTS_SCHEMA.empty_table()
