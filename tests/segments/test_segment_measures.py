"""Measures on labelled points, against hand-made numbers."""

import numpy as np
import pytest

from coterie.segments.measures import adjusted_rand, sample_measures, share_measures, value_measures

LINE = np.array([[0.0], [1.0], [10.0], [11.0]])


def test_the_silhouette_is_the_euclidean_one() -> None:
    found = sample_measures(LINE, np.array([0, 0, 1, 1]))
    # Outer points: a = 1, b = 10.5; inner ones: a = 1, b = 9.5.
    assert found["silhouette"] == pytest.approx(((1 - 1 / 10.5) + (1 - 1 / 9.5)) / 2)
    assert found["davies_bouldin"] == pytest.approx((0.5 + 0.5) / 10)
    assert found["calinski_harabasz"] == pytest.approx((4 * 25 / 1) / (4 * 0.25 / 2))


def test_noise_has_a_silhouette_of_nothing_and_no_part_in_the_others() -> None:
    with_noise = np.array([[0.0], [1.0], [10.0], [11.0], [5.0]])
    found, without = sample_measures(with_noise, np.array([0, 0, 1, 1, -1])), sample_measures(LINE, np.array([0, 0, 1, 1]))
    assert found["silhouette"] == pytest.approx(without["silhouette"] * 4 / 5)
    assert found["davies_bouldin"] == without["davies_bouldin"]


def test_the_share_of_the_variance_of_ranks_between_segments() -> None:
    # Ranks 1 to 4, means 1.5 and 3.5 about 2.5: 4 of 5.
    found = value_measures({"recency": np.array([5.0, 6.0, 700.0, 900.0])}, np.array([0, 0, 1, 1]))
    assert found == {"recency_explained": pytest.approx(0.8), "value_explained": pytest.approx(0.8)}


def test_value_is_concentrated_where_a_quarter_has_it_all() -> None:
    found = value_measures({"monetary": np.array([0.0, 0.0, 0.0, 100.0])}, np.array([0, 0, 0, 1]))
    assert found["value_concentration"] == pytest.approx(0.75)
    even = value_measures({"monetary": np.array([5.0, 5.0, 5.0, 5.0])}, np.array([0, 0, 1, 1]))
    assert even["value_concentration"] == pytest.approx(0.0)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_one_segment_and_a_segment_for_everyone_have_no_measures(labels: list[int]) -> None:
    assert sample_measures(LINE, np.array(labels)) == {}


def test_shares_are_of_the_segments_that_hold_customers() -> None:
    assert share_measures([6, 0, 2]) == {"smallest_share": 0.25, "largest_share": 0.75}
    assert share_measures([0]) == {}


def test_the_adjusted_rand_index_is_one_for_the_same_division_whatever_the_labels() -> None:
    assert adjusted_rand([(1, 7, 5), (2, 3, 4)]) == 1.0


def test_the_adjusted_rand_index_of_a_crossed_division() -> None:
    # Four customers, each in a cell of its own: no pair together in both, two in each; (0 - 4/6) / (2 - 4/6).
    assert adjusted_rand([(1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1)]) == pytest.approx(-0.5)


def test_the_adjusted_rand_index_needs_two_customers() -> None:
    assert adjusted_rand([(1, 1, 1)]) is None
    assert adjusted_rand([]) is None
