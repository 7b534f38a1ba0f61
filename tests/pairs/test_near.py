"""Neighbours among the nearest groups, and the recall that says what is missed."""

import numpy as np
import pytest
from plainly import assert_same, cells, drawn, found, lists
from pyspark.sql import SparkSession

from coterie.errors import UserError
from coterie.pairs.groups import Groups, centres_of, fitted_groups
from coterie.pairs.near import recall, top_near


def planted(rows: int, groups: int) -> dict[str, dict[str, float]]:
    """Rows of four items of their group's eight."""
    rng = np.random.default_rng(4)
    return {f"r{row}": {f"g{row % groups}i{item}": 1.0 for item in rng.choice(8, 4, replace=False)} for row in range(rows)}


def test_with_every_group_probed_nothing_is_missed(spark: SparkSession) -> None:
    rows = drawn(150, 20, 1)
    frame = cells(spark, rows)
    result = top_near(frame, 7, fitted_groups(frame, 5), probes=5, blocks=2)
    assert_same(found(result), lists(rows, None, 7))


def test_planted_groups_are_found_and_the_recall_counts_what_is_missed(spark: SparkSession) -> None:
    rows = planted(120, 6)
    frame = cells(spark, rows)
    near = top_near(frame, 5, fitted_groups(frame, 6), probes=3, blocks=1)
    assert recall(near, frame, 5, sample_rows=60) > 0.95
    exact = lists(rows, None, 5)
    halved = [(row, [one for one, _ in found[:2]], [score for _, score in found[:2]]) for row, found in exact.items()]
    half = spark.createDataFrame(halved, "row_id string, neighbours array<string>, scores array<double>")
    assert recall(half, frame, 5) == pytest.approx(0.4)


def test_centres_are_the_directions_that_rows_lie_in() -> None:
    rng = np.random.default_rng(1)
    axes = np.repeat(np.eye(3, dtype=np.float32), 50, axis=0) * rng.uniform(1, 9, (150, 1)).astype(np.float32)
    centres = centres_of(axes + rng.normal(0, 0.01, axes.shape).astype(np.float32), 12, 1)
    assert np.abs(centres).max(axis=1) == pytest.approx(1, abs=0.01)
    nearest = Groups(np.eye(3, dtype=np.float32)).nearest(np.array([[0.1, 2, 1], [3, -1, 0]], np.float32), 2)
    assert nearest.tolist() == [[1, 2], [0, 2]]


def test_more_probes_than_groups_are_all_groups() -> None:
    assert Groups(np.eye(2, dtype=np.float32)).nearest(np.ones((1, 2), np.float32), 9).tolist() == [[0, 1]]


def test_factors_are_not_grouped(spark: SparkSession) -> None:
    with pytest.raises(UserError, match="top_within"):
        fitted_groups(spark.createDataFrame([("a", [1.0])], "row_id string, factors array<float>"))
