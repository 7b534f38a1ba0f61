"""The best of each row and all above a threshold, in numpy, against every product in float64."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.pairs import kernels, products, search
from coterie.pairs.products import DenseProducts, SparseProducts
from coterie.pairs.rows import DenseRows, SparseRows
from coterie.pairs.search import Found, LeftOut, best, by_row, in_range, top


def sparse(matrix: np.ndarray) -> SparseRows:
    rows = sp.csr_matrix(matrix)
    return SparseRows(rows.indptr.astype(np.int64), rows.indices.astype(np.int32), rows.data.astype(np.float64), matrix.shape[1])


def plainly(left: np.ndarray, right: np.ndarray, k: int, out: set[tuple[int, int]] = frozenset(), positive: bool = True) -> list[list[tuple[int, float]]]:
    lists = []
    for row, one in enumerate(left.astype(np.float64)):
        scores = {place: round(float(np.sum(one * other)), 12) for place, other in enumerate(right.astype(np.float64)) if (row, place) not in out}
        ranked = sorted((place for place in scores if scores[place] > 0 or not positive), key=lambda place: (-scores[place], place))
        lists.append([(place, scores[place]) for place in ranked[:k]])
    return lists


def listed(found: Found) -> list[list[tuple[int, float]]]:
    pairs = list(zip(found.places.tolist(), found.scores.tolist(), strict=True))
    return [pairs[start:stop] for start, stop in zip(found.pointers[:-1], found.pointers[1:], strict=True)]


def diagonal(size: int) -> set[tuple[int, int]]:
    return {(row, row) for row in range(size)}


@st.composite
def matrices(draw: st.DrawFn, columns: int = 6) -> np.ndarray:
    """Few small values, so that many products are equal, and rows of zeros and full rows occur."""
    rows = draw(st.integers(1, 40))
    values = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 0.5]), min_size=rows * columns, max_size=rows * columns))
    return np.array(values, float).reshape(rows, columns)


@settings(max_examples=60, deadline=None)
@given(left=matrices(), right=matrices(), k=st.integers(1, 60))
def test_both_sides_get_what_a_full_sort_gives(left: np.ndarray, right: np.ndarray, k: int) -> None:
    of_left, of_right = top(SparseProducts(sparse(left), sparse(right)), k)
    assert listed(of_left) == plainly(left, right, k)
    assert listed(of_right) == plainly(right, left, k)


@settings(max_examples=60, deadline=None)
@given(matrix=matrices(), k=st.integers(1, 60))
def test_a_row_is_not_its_own_neighbour(matrix: np.ndarray, k: int) -> None:
    found, _ = top(SparseProducts(sparse(matrix), sparse(matrix)), k, itself=True)
    assert listed(found) == plainly(matrix, matrix, k, diagonal(len(matrix)))


@settings(max_examples=40, deadline=None)
@given(matrix=matrices(), threshold=st.sampled_from([0.25, 1, 2, 4.5, 8]))
def test_every_pair_in_range_is_found_once(matrix: np.ndarray, threshold: float) -> None:
    parts = list(in_range(SparseProducts(sparse(matrix), sparse(matrix)), threshold, itself=True))
    found = [(row, place, score) for part in parts for row, place, score in zip(*(values.tolist() for values in part), strict=True)]
    exact = matrix @ matrix.T
    assert sorted(found) == [(i, j, exact[i, j]) for i in range(len(matrix)) for j in range(i + 1, len(matrix)) if exact[i, j] >= threshold]


@pytest.mark.parametrize("head_share", [-1.0, 0.07, 1.0], ids=["all columns laid out", "popular ones", "none"])
def test_laid_out_or_added_up_the_products_are_the_same(monkeypatch: pytest.MonkeyPatch, head_share: float) -> None:
    monkeypatch.setattr(products, "_HEAD_SHARE", head_share)
    monkeypatch.setattr(products, "_SPARSE_WIDTH", 256)  # several chunks, the last one not full
    monkeypatch.setattr(search, "_TILE_ROWS", 7)
    rng = np.random.default_rng(2)
    matrix = (rng.random((600, 40)) * (rng.random((600, 40)) < 1 / np.arange(1, 41))).round(3)
    found, _ = top(SparseProducts(sparse(matrix), sparse(matrix)), 8, itself=True)
    assert listed(found) == [[(place, pytest.approx(score, abs=1e-11)) for place, score in row] for row in plainly(matrix, matrix, 8, diagonal(600))]


def test_borders_guessed_from_a_sample_lose_nothing() -> None:
    rng = np.random.default_rng(6)
    matrix = (rng.random((search._GUESSED_FROM + 500, 12)) * (rng.random((search._GUESSED_FROM + 500, 12)) < 0.3)).round(2)
    found, _ = top(SparseProducts(sparse(matrix), sparse(matrix)), 9, itself=True)
    for row in range(0, len(matrix), 400):
        scores = np.rint(matrix @ matrix[row] * 1e12) / 1e12
        scores[row] = 0
        want = np.lexsort((np.arange(len(scores)), -scores))[:9]
        some = slice(found.pointers[row], found.pointers[row + 1])
        assert found.scores[some] == pytest.approx(scores[want][scores[want] > 0], abs=1e-11)
        assert len(found.places[some]) == (scores[want] > 0).sum()


def test_a_guess_that_was_too_high_is_made_good() -> None:
    # The sample holds the only good neighbours: a border from it lets no one else pass.
    size = search._GUESSED_FROM
    right = np.full((size, 1), 0.25)
    right[np.linspace(0, size - 1, search._SAMPLE).astype(int)[:40]] = 1.0
    found, of_right = top(SparseProducts(sparse(np.ones((1, 1))), sparse(right)), 50)
    assert found.scores.tolist() == [1.0] * 40 + [0.25] * 10
    assert found.places[40:].tolist() == [place for place in range(60) if right[place, 0] == 0.25][:10]
    assert np.diff(of_right.pointers).tolist() == [1] * size


def test_a_guess_within_the_error_of_the_last_of_the_best_is_not_trusted() -> None:
    # Three candidates above a guessed border of 1, the third by less than the slack: a better one may have been lost just below it.
    def short(scores: list[float]) -> bool:
        side = (np.ones(1, np.float32), np.full(1, 0.01, np.float32), np.array([len(scores)]), np.zeros((1, 9), np.int32), np.zeros((1, 9), np.float32))
        side[4][0, : len(scores)] = scores
        return bool(kernels.survivors(3, side)[2][0])

    assert [short(scores) for scores in ([1.5, 1.2, 1.005], [1.5, 1.2, 1.1], [1.5, 1.2])] == [True, False, True]


def test_dense_rows_have_neighbours_of_any_score() -> None:
    left, right = np.array([[1, 0], [0, -2]], np.float32), np.array([[-1, 1], [3, 0]], np.float32)
    found, of_right = top(DenseProducts(DenseRows(left, np.ones(2)), DenseRows(right, np.ones(2))), 2, positive=False)
    assert listed(found) == [[(1, 3.0), (0, -1.0)], [(1, 0.0), (0, -2.0)]]
    assert listed(of_right) == [[(0, -1.0), (1, -2.0)], [(0, 3.0), (1, 0.0)]]


def test_where_all_scores_are_negative_no_one_from_beyond_the_last_row_is_found() -> None:
    left, right = np.ones((3, 1), np.float32), -np.arange(1, 201, dtype=np.float32)[:, None]
    places, scores = best(left, right, (np.zeros(0, int), np.zeros(0, int)), 4)
    assert places.tolist() == [[0, 1, 2, 3]] * 3
    assert scores.tolist() == [[-1.0, -2.0, -3.0, -4.0]] * 3
    found, _ = top(DenseProducts(DenseRows(left, np.ones(3)), DenseRows(right, np.ones(200))), 150, positive=False, both=False)
    assert found.places.tolist() == [*range(150)] * 3


def test_the_factor_of_a_row_multiplies_its_products() -> None:
    one = DenseRows(np.array([[3, 4]], np.float32), np.array([1 / 5]))
    assert listed(top(DenseProducts(one, one), 1, positive=False, both=False)[0]) == [[(0, 5.0 * 5 / 25)]]


@pytest.mark.parametrize("rows", [40, 700])
def test_the_best_of_two_matrices_are_those_of_a_full_sort(rows: int) -> None:
    rng = np.random.default_rng(3)
    users, items = (rng.standard_normal((n, 8)).astype(np.float32) for n in (rows, 5000))
    seen = np.repeat(np.arange(rows), 9), rng.integers(0, 5000, 9 * rows)
    places, scores = best(users, items, seen, 5)
    want = plainly(users[:40], items, 5, set(zip(*(part.tolist() for part in seen), strict=True)), positive=False)
    assert places[:40].tolist() == [[place for place, _ in row] for row in want]
    assert scores[:40] == pytest.approx(np.array([[score for _, score in row] for row in want]), abs=1e-11)


def test_equal_scores_go_to_the_smaller_place_however_many_there_are() -> None:
    users, items = np.ones((2, 3), np.float32), np.ones((5000, 3), np.float32)
    places, _ = best(users, items, (np.array([1, 1]), np.array([2, 0])), 4)
    assert places.tolist() == [[0, 1, 2, 3], [1, 3, 4, 5]]


def test_differences_below_float32_still_order_the_neighbours() -> None:
    # 1 + 2^-23 and 1 are neighbours in float32; times 1 beside 1000 the sums differ by less than one float32 step.
    items = np.array([[1, 1]] * 200 + [[1 + 2**-23, 1]], np.float32)
    places, _ = best(np.array([[1, 1000]], np.float32), items, (np.zeros(0, int), np.zeros(0, int)), 2)
    assert places.tolist() == [[200, 0]]


def test_what_float32_puts_in_the_wrong_order_is_put_right() -> None:
    # Twenty rows whose sums differ by 1e-9, which float32 sums of 50 terms do not tell apart, among many with half of that.
    rng = np.random.default_rng(8)
    right = rng.random((400, 50))
    right /= right.sum(axis=1, keepdims=True)
    right[:380] /= 2
    right[380:] *= 1 + 1e-9 * rng.permutation(20)[:, None]
    found, _ = top(SparseProducts(sparse(np.ones((1, 50))), sparse(right)), 5)
    assert found.places.tolist() == np.argsort(-right.sum(axis=1))[:5].tolist()


def test_a_row_is_not_its_own_neighbour_among_masses_of_equals() -> None:
    found, _ = top(SparseProducts(sparse(np.ones((400, 1))), sparse(np.ones((400, 1)))), 2, itself=True)
    assert [found.places[2 * row : 2 * row + 2].tolist() for row in (0, 1, 399)] == [[1, 2], [0, 2], [0, 1]]


def test_more_neighbours_than_rows_take_no_more_memory_than_all_rows() -> None:
    found, _ = top(SparseProducts(sparse(np.ones((3, 1))), sparse(np.ones((3, 1)))), 10**9, itself=True)
    assert np.diff(found.pointers).tolist() == [2, 2, 2]


def test_scores_equal_to_twelve_decimals_are_equal() -> None:
    found, _ = top(SparseProducts(sparse(np.array([[1.0]])), sparse(np.array([[1.0], [1 + 1e-13]]))), 2)
    assert listed(found) == [[(0, 1.0), (1, 1.0)]]


def test_what_is_left_out_is_not_found_even_among_near_ties() -> None:
    left, right = np.ones((1, 1)), np.ones((300, 1))
    found, _ = top(SparseProducts(sparse(left), sparse(right)), 2, left_out=LeftOut(np.array([0, 2]), np.array([0, 299])), both=False)
    assert listed(found) == [[(1, 1.0), (2, 1.0)]]


def test_who_is_left_out_of_everything_finds_nothing() -> None:
    places, scores = best(np.ones((1, 2), np.float32), np.ones((5, 2), np.float32), (np.zeros(4, int), np.arange(4)), 3)
    assert places.tolist() == [[4, -1, -1]]
    assert scores.tolist() == [[2.0, 0.0, 0.0]]


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_values_far_from_one_are_ordered_all_the_same(scale: float) -> None:
    matrix = np.array([[1.0, 2, 0], [2, 1, 0], [0, 1, 3]]) * scale
    found, _ = top(SparseProducts(sparse(matrix), sparse(matrix)), 2, itself=True)
    want = [] if scale < 1 else [[1, 2], [0, 2], [0, 1]]  # 1e-120 is 0 to 12 decimals
    assert [[place for place, _ in row] for row in listed(found) if row] == want


def test_pairs_in_any_order_are_told_by_row() -> None:
    out = by_row(np.array([2, 0, 2]), np.array([5, 4, 3]), 4)
    assert (out.pointers.tolist(), out.places.tolist()) == ([0, 1, 1, 3, 3], [4, 5, 3])


def test_a_row_keeps_no_more_than_its_room_and_loses_none_of_its_best() -> None:
    rng = np.random.default_rng(5)
    scores = rng.random(5000).astype(np.float32)
    border, slack = np.zeros(1, np.float32), np.zeros(1, np.float32)
    left = (border, slack, np.zeros(1, np.int64), np.empty((1, 60), np.int32), np.empty((1, 60), np.float32))
    nobody = (np.full(5120, kernels.MOST), np.zeros(5120, np.float32), np.zeros(0, np.int64), np.empty((0, 60), np.int32), np.empty((0, 60), np.float32))
    tile = np.full((1, 256), kernels.LEAST)
    for start in range(0, 5000, 250):
        tile[0, :250] = scores[start : start + 250]
        kernels.collect(tile, 0, start, 10, left, nobody)
    rows, places, is_short = kernels.survivors(10, left)
    assert not is_short.any()
    assert rows.tolist() == [0] * 10
    assert sorted(places.tolist()) == sorted(np.argsort(-scores)[:10].tolist())
