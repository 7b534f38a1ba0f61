"""Nearest centres, by numbers one can check by hand."""

import numpy as np
import pytest

from coterie.segments.centres import CentresModel

TWO = CentresModel(((0.0, 0.0), (10.0, 0.0)))


def test_a_customer_belongs_to_the_nearest_centre_at_the_euclidean_distance() -> None:
    found = TWO.place(np.array([[3.0, 4.0], [10.0, 1.0]]))
    assert found.cluster.tolist() == [0, 1]
    assert found.distance.tolist() == [5.0, 1.0]


def test_confidence_is_one_on_a_centre_and_none_between_two() -> None:
    found = TWO.place(np.array([[0.0, 0.0], [5.0, 0.0], [2.0, 0.0]]))
    assert found.confidence.tolist() == [1.0, 0.0, 0.75]  # 1 - 2 / 8


def test_of_equally_near_centres_the_first_is_taken() -> None:
    assert TWO.place(np.array([[5.0, 7.0]])).cluster.tolist() == [0]


def test_with_one_centre_everyone_is_sure() -> None:
    found = CentresModel(((1.0,),)).place(np.array([[1.0], [4.0]]))
    assert (found.cluster.tolist(), found.confidence.tolist(), found.distance.tolist()) == ([0, 0], [1.0, 1.0], [0.0, 3.0])


def test_a_customer_who_is_a_centre_of_several_is_measured_by_the_next_one() -> None:
    found = CentresModel(((0.0,), (5.0,), (6.0,)), (0, 0, 1)).place(np.array([[5.0], [5.0001], [6.0]]))
    assert found.cluster.tolist() == [0, 0, 1]
    assert found.distance.tolist() == pytest.approx([5.0, 0.0001, 0.0])
    assert found.confidence.tolist() == pytest.approx([0.0, 1 - 0.0001 / 0.9999, 1.0])  # the first stands alone among the others


def test_two_centres_on_the_customer_leave_no_confidence() -> None:
    assert CentresModel(((1.0,), (1.0,))).place(np.array([[1.0]])).confidence.tolist() == [0.0]


def test_customers_whom_no_feature_tells_apart_lie_on_the_one_centre() -> None:
    found = CentresModel(((),)).place(np.zeros((3, 0)))
    assert (found.cluster.tolist(), found.distance.tolist()) == ([0, 0, 0], [0.0, 0.0, 0.0])


def test_a_row_is_placed_alike_alone_and_among_many() -> None:
    matrix = np.random.default_rng(1).normal(size=(1000, 7))
    model = CentresModel(tuple(tuple(row) for row in matrix[:9].tolist()))
    together = model.place(matrix)
    alone = [model.place(matrix[place : place + 1]) for place in range(1000)]
    assert together.distance.tolist() == [one.distance[0] for one in alone]
    assert together.confidence.tolist() == [one.confidence[0] for one in alone]


def test_centres_kept_come_in_the_order_named() -> None:
    assert TWO.keeping([1]).centres == ((10.0, 0.0),)
