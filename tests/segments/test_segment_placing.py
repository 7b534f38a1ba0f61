"""Where the customers of a date belong, those who have not bought included."""

import json
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession

from coterie.features.vector import Vectoriser
from coterie.segments.centres import CentresModel
from coterie.segments.placing import ClusterSegmentation, RuleSegmentation
from coterie.segments.rfm import RfmModel

ROWS = [("a", 1, 10, 900), ("b", 2, 9, 800), ("c", 300, 1, 10), ("d", 310, 1, 12), ("none", None, 0, None), ("unknown", None, None, -5)]


@pytest.fixture(scope="module")
def features(spark: SparkSession) -> DataFrame:
    rows = [(name, recency, orders, None if money is None else Decimal(money)) for name, recency, orders, money in ROWS]
    return spark.createDataFrame(rows, "customer_id string, recency int, frequency bigint, monetary decimal(28,4)")


@pytest.fixture(scope="module")
def clustering(features: DataFrame) -> ClusterSegmentation:
    """Centres of standardised frequency: the frequent are cluster 0 with id 7, the others cluster 1 with id 3."""
    vectoriser = Vectoriser(columns=["frequency"], transform="standard", clip_quantiles=(0.0, 1.0)).fit(features.where("frequency > 0"))
    return ClusterSegmentation("kmeans", vectoriser, CentresModel(((1.0,), (-1.0,))), (7, 3))


def test_buyers_have_the_id_of_their_cluster_and_the_others_are_segment_0_by_rule(features: DataFrame, clustering: ClusterSegmentation) -> None:
    frame = clustering.place(features)
    assert frame.columns == ["customer_id", "segment_id", "confidence", "distance", "next_segment_id"]
    rows = {row["customer_id"]: row for row in frame.collect()}
    assert {name: row["segment_id"] for name, row in rows.items()} == {"a": 7, "b": 7, "c": 3, "d": 3, "none": 0, "unknown": 0}
    assert {name: row["next_segment_id"] for name, row in rows.items()} == {"a": 3, "b": 3, "c": 7, "d": 7, "none": None, "unknown": None}
    assert all((row["confidence"] is None) == (row["segment_id"] == 0) == (row["distance"] is None) for row in rows.values())


def test_a_clustering_read_again_places_everyone_alike(features: DataFrame, clustering: ClusterSegmentation) -> None:
    again = ClusterSegmentation.from_content(json.loads(json.dumps(clustering.content())), clustering.ids)
    assert again.content() == clustering.content()
    assert sorted(again.place(features).collect()) == sorted(clustering.place(features).collect())


def test_rules_place_buyers_by_their_cell_and_say_nothing_of_confidence(features: DataFrame) -> None:
    cuts = {"recency": (5.0, 50.0, 100.0, 200.0), "frequency": (1.0, 2.0, 3.0, 4.0), "monetary": (20.0, 40.0, 60.0, 80.0)}
    rules = RuleSegmentation(RfmModel(cuts, tuple(range(1, 126))))
    again = RuleSegmentation.from_content(json.loads(json.dumps(rules.content())))
    rows = {row["customer_id"]: row for row in again.place(features).collect()}
    assert {name: row["segment_id"] for name, row in rows.items()} == {"a": 125, "b": 125, "c": 1, "d": 1, "none": 0, "unknown": 0}
    assert {(row["confidence"], row["distance"]) for row in rows.values()} == {(None, None)}


def test_a_segmentation_fitted_when_nobody_had_bought_puts_everyone_in_segment_0(features: DataFrame) -> None:
    empty = ClusterSegmentation("kmeans", None, None, ())
    for one in (ClusterSegmentation.from_content(empty.content(), ()), RuleSegmentation.from_content(RuleSegmentation(None).content())):
        assert {row["segment_id"] for row in one.place(features).collect()} == {0}
