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


def name(column: int) -> str:
    return chr(ord("a") + column) if column < 26 else f"i{column:04}"


def rows(x: np.ndarray, customers: list[int]) -> pa.Table:
    """(customer_id, item_id, value) of the entries that are not 0, the last customer first."""
    cells = [(f"c{row}", name(column), x[row, column]) for row in customers[::-1] for column in range(x.shape[1]) if x[row, column]]
    kinds = (pa.string(), pa.string(), pa.float64())
    columns = [pa.array([cell[place] for cell in cells], kind) for place, kind in enumerate(kinds)]
    return pa.Table.from_arrays(columns, names=["customer_id", "item_id", "value"])


def solved(x: np.ndarray, keep: int = 99, blocks: int = 1) -> dict[str, dict[str, float]]:
    parts = [gram_parts(rows(x, list(range(block, len(x), blocks)))) for block in range(blocks)]
    found = ease_weights(pa.concat_tables(parts), LAMBDA, keep)
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
    rng = np.random.default_rng(1)
    x = rng.random((40, 2100)) * (rng.random((40, 2100)) < 0.05)
    x[:, [3, 1500]] = x[:, [1500, 3]] = 1.0
    halves = [gram_parts(rows(x, list(half))) for half in (range(20), range(20, 40))]
    assert [half.schema for half in halves] == [GRAM_SCHEMA] * 2
    sizes = [len(half["items"][0]) for half in halves]
    assert [half["first"].to_pylist() for half in halves] == [list(range(0, size, 1000)) for size in sizes]
    assert len(set(halves[0]["items"][0].as_py()) - set(halves[1]["items"][0].as_py())) > 100  # each has items that the other lacks
    found = {row["id"]: dict(zip(row["ids"], row["factors"], strict=True)) for row in ease_weights(pa.concat_tables(halves), 1.0, 2100).to_pylist()}
    names = [name(column) for column in range(2100)]
    there = np.flatnonzero(x.any(axis=0))
    expected = plainly(x[:, there], 1.0)
    assert sorted(found) == sorted(names[column] for column in there)
    for row in (0, 700, len(there) - 1):
        own = names[there[row]]
        assert [found[own].get(names[column], 0.0) for column in there] == pytest.approx(expected[row], abs=1e-6)


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
    assert ease_weights(GRAM_SCHEMA.empty_table(), 1.0, 1) == WEIGHTS_SCHEMA.empty_table()
