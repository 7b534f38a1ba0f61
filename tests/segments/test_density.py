"""Hills and valleys of points on a line, where they can be counted by eye."""

import numpy as np
import pytest
from sklearn.datasets import make_circles

from coterie.segments.density import hills, prominences, relief, valley_depth


def two_heaps() -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(5)
    return np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(12, 1, (100, 2))])


HALVES = np.repeat([0, 1], 100)


def test_heaps_with_empty_space_between_are_the_most_prominent_hills() -> None:
    of = relief(two_heaps(), 12)
    found = prominences(of)
    assert found[0] > 2 * of.noise
    assert all(found[1:] < 2 * of.noise)
    labels = hills(of, float(found[0]))
    assert len(set(labels[:100])) == len(set(labels[100:])) == 1
    assert labels[0] != labels[150]


def test_valleys_are_deep_along_the_true_border_and_not_across_a_hill() -> None:
    points = two_heaps()
    of = relief(points, 15)
    across = (points[:, 1] > 12.0 * HALVES).astype(np.int64) + 2 * HALVES
    assert valley_depth(of, HALVES) > 0.6
    assert valley_depth(of, across) < 0
    assert valley_depth(of, np.zeros(200, np.int64)) == 0.0


def test_noise_counts_as_nothing() -> None:
    of = relief(two_heaps(), 15)
    some = HALVES.copy()
    some[::2] = -1
    assert valley_depth(of, some) == pytest.approx(valley_depth(of, HALVES) / 2, abs=0.1)


def test_a_ring_around_a_ring_is_two_hills_whatever_the_shape() -> None:
    points, truth = make_circles(600, factor=0.3, noise=0.04, random_state=1)
    of = relief(points, 15)
    assert valley_depth(of, truth.astype(np.int64)) > 0.5
    assert valley_depth(of, (points[:, 0] > 0).astype(np.int64)) < 0


def test_a_few_points_and_equal_ones_are_no_error() -> None:
    for points in (np.array([[0.0], [1.0]]), np.zeros((30, 2)), np.array([[0.0, 0.0], [5.0, 5.0], [9.0, 2.0]])):
        of = relief(points, 12)
        assert np.isfinite(of.height).all()
        assert np.isfinite(of.link).all()
        assert -1 <= valley_depth(of, (np.arange(len(points)) % 2).astype(np.int64)) <= 1


def test_all_points_are_connected_by_links_that_fall() -> None:
    of = relief(two_heaps(), 5)
    assert list(of.link) == sorted(of.link, reverse=True)
    assert set(hills(of, 1e9).tolist()) == {0}  # nothing is as prominent: one hill, which every point belongs to
