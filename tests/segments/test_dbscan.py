"""DBSCAN against scikit-learn's: the same labels, noise included, also where distances are ties."""

import numpy as np
import pandas as pd
import pytest
import sklearn.cluster
from pyspark.sql import SparkSession

from coterie.errors import UserError
from coterie.segments.dbscan import bend, dbscan, k_distances
from coterie.segments.landmarks import LandmarksModel


@pytest.mark.parametrize("eps", [0.1, 0.25])
def test_labels_are_scikit_learns_on_a_grid_full_of_ties(spark: SparkSession, eps: float) -> None:
    matrix = np.round(np.random.default_rng(2).normal(size=(900, 2)), 1)
    labels, is_core = dbscan(spark, matrix, eps, 5)
    expected = sklearn.cluster.DBSCAN(eps=eps, min_samples=5).fit(matrix)
    assert labels.tolist() == expected.labels_.tolist()
    assert np.flatnonzero(is_core).tolist() == expected.core_sample_indices_.tolist()


def test_labels_are_scikit_learns_on_real_points(spark: SparkSession, data_folder) -> None:  # type: ignore[no-untyped-def]
    rows = pd.read_parquet(data_folder / "clustering" / "aggregation.parquet").iloc[:, :2].to_numpy()
    eps = bend(k_distances(rows, 5))
    labels, _ = dbscan(spark, rows, eps, 5)
    assert labels.tolist() == sklearn.cluster.DBSCAN(eps=eps, min_samples=5).fit(rows).labels_.tolist()


def test_pairs_are_compared_some_at_a_time(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coterie.segments.dbscan._AT_ONCE", 7)
    matrix = np.round(np.random.default_rng(3).normal(size=(60, 2)), 1)
    labels, _ = dbscan(spark, matrix, 0.3, 4)
    assert labels.tolist() == sklearn.cluster.DBSCAN(eps=0.3, min_samples=4).fit(matrix).labels_.tolist()


def test_too_many_pairs_are_refused(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coterie.segments.dbscan._MOST_PAIRS", 9)
    five = np.arange(5.0)[:, None]
    assert dbscan(spark, five[:4], 9.0, 3)[0].tolist() == [0, 0, 0, 0]  # 6 pairs
    with pytest.raises(UserError, match="more than 9 pairs of 5 points are within 9 of each other; take a smaller distance"):
        dbscan(spark, five, 9.0, 3)


def test_points_out_of_each_others_reach_are_noise(spark: SparkSession) -> None:
    labels, is_core = dbscan(spark, np.array([[0.0], [5.0], [20.0]]), 1.0, 2)
    assert (labels.tolist(), is_core.tolist()) == ([-1, -1, -1], [False, False, False])


def test_a_chain_is_one_cluster_and_a_lonely_point_noise(spark: SparkSession) -> None:
    matrix = np.array([[float(place)] for place in range(6)] + [[20.0]])
    labels, is_core = dbscan(spark, matrix, 1.0, 3)
    assert labels.tolist() == [0, 0, 0, 0, 0, 0, -1]
    assert is_core.tolist() == [False, True, True, True, True, False, False]


def test_a_new_customer_joins_the_first_cluster_in_reach_or_is_noise() -> None:
    model = LandmarksModel(((0.0,), (1.0,), (3.0,)), (0, 0, 1), 1.0)
    found = model.place(np.array([[-1.0], [2.0], [2.1], [9.0]]))
    assert (model.clusters, model.noise) == (3, 2)
    assert found.cluster.tolist() == [0, 0, 1, 2]  # 2 is as near to both: the first
    assert found.confidence.tolist() == pytest.approx([0.75, 0.0, 1 - 0.9 / 1.1, 0.0])


def test_where_everyone_belongs_somewhere_noise_joins_the_nearest() -> None:
    model = LandmarksModel(((0.0,), (1.0,), (3.0,)), (0, 0, 1), 1.0).everyone()
    assert (model.clusters, model.noise) == (2, None)
    assert model.place(np.array([[9.0], [-50.0]])).cluster.tolist() == [1, 0]


def test_a_customer_who_is_a_point_is_measured_by_the_next_one() -> None:
    model = LandmarksModel(((0.0,), (1.0,), (4.0,), (4.5,)), (0, 0, 1, 1))
    found = model.place(np.array([[0.0], [1.0], [4.0]]))
    assert found.cluster.tolist() == [0, 0, 1]
    assert found.distance.tolist() == [1, 1, 0.5]
    assert found.confidence.tolist() == pytest.approx([1 - 1 / 4, 1 - 1 / 3, 1 - 0.5 / 3])


def test_the_bend_is_farthest_below_the_chord() -> None:
    assert bend(np.array([0.0, 1.0, 2.0, 3.0, 10.0])) == pytest.approx(3.0)
