"""The vector on Spark: fitted, stored as text, read back, and a stage before MLlib's KMeans."""

import json

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.errors import SettingsError
from coterie.features.vector import Vectoriser, VectoriserModel

ROWS = [
    ("a", 0, 4, 400.0, "GB"),
    ("b", 10, 3, 30.0, "GB"),
    ("c", 20, 2, 20.0, "FR"),
    ("d", None, 0, 0.0, None),
]


@pytest.fixture(scope="module")
def customers(spark: SparkSession) -> DataFrame:
    frame = spark.createDataFrame(ROWS, "customer_id string, recency int, frequency bigint, monetary double, country string")
    return frame.withColumns({"monetary": frame.monetary.cast("decimal(28,4)"), "joined_on": F.lit("2020-01-01").cast("date")})


def vectors(frame: DataFrame) -> dict[str, list[float]]:
    return {row["customer_id"]: [round(float(value), 6) for value in row["features"].toArray()] for row in frame.collect()}


def test_ranks_are_mid_ranks_standardised_and_a_customer_who_never_bought_is_as_far_as_the_farthest(customers: DataFrame) -> None:
    model = Vectoriser(columns=["recency", "monetary"], clip_quantiles=(0, 1)).fit(customers)
    # recency 0, 10, 20, 20 (filled with the longest): mid-ranks .125 .375 .75 .75, mean .5, sd sqrt(.0703125) = .265165
    # monetary 400, 30, 20, 0: mid-ranks .875 .625 .375 .125, mean .5, sd .279508
    assert vectors(model.transform(customers)) == {
        "a": [-1.414214, 1.341641],
        "b": [-0.471405, 0.447214],
        "c": [0.942809, -0.447214],
        "d": [0.942809, -1.341641],
    }


def test_the_whole_model_travels_as_text(customers: DataFrame) -> None:
    model = Vectoriser(columns=["recency", "frequency", "country"], max_correlation=1.0).fit(customers)
    text = model.to_json()
    again = VectoriserModel.from_json(json.dumps(json.loads(text)))
    assert again.to_json() == text
    assert vectors(again.transform(customers)) == vectors(model.transform(customers))
    assert again.transform(customers).columns == [*customers.columns, "features"]


def test_two_fits_whatever_the_partitions_are_one_model(customers: DataFrame) -> None:
    parts = Vectoriser(columns=["recency", "monetary", "country"], transform="log")
    assert parts.fit(customers.repartition(5)).to_json() == parts.fit(customers.coalesce(1)).to_json()


def test_it_stands_before_kmeans_in_a_pipeline(customers: DataFrame) -> None:
    model = Pipeline(stages=[Vectoriser(columns=["frequency", "monetary"], max_correlation=1.0), KMeans(k=2, seed=1)]).fit(customers)
    found = {row["customer_id"]: row["prediction"] for row in model.transform(customers).collect()}
    assert found["a"] == found["b"] != found["d"]


def test_a_sample_is_drawn_by_hash_and_bounded(customers: DataFrame) -> None:
    model = Vectoriser(columns=["frequency"], sample_rows=2, seed=3).fit(customers)
    assert len(json.loads(model.to_json())["steps"][0]["values"]) == 2


def test_a_shop_of_one_customer_has_an_empty_vector(customers: DataFrame) -> None:
    one = customers.where("customer_id = 'a'")
    model = Vectoriser(columns=["recency", "country"]).fit(one)
    assert model.names == []
    assert set(model.dropped) == {"recency", "country"}
    assert vectors(model.transform(one)) == {"a": []}


def test_an_unknown_column_and_a_date_are_refused_with_what_is_there(customers: DataFrame) -> None:
    with pytest.raises(SettingsError, match="no feature 'recencyy'; did you mean 'recency'"):
        Vectoriser(columns=["recencyy"]).fit(customers)
    with pytest.raises(SettingsError, match=r"'joined_on' is of type date .* one of: country, customer_id, frequency"):
        Vectoriser(columns=["joined_on"]).fit(customers)
    with pytest.raises(SettingsError, match="no customer to fit"):
        Vectoriser(columns=["recency"]).fit(customers.limit(0))


def test_transform_moves_everyone_by_what_was_stored_and_not_by_who_else_is_there(customers: DataFrame) -> None:
    model = Vectoriser(columns=["recency", "frequency"]).fit(customers)
    alone = vectors(model.transform(customers.where("customer_id = 'b'")))
    assert np.allclose(alone["b"], vectors(model.transform(customers))["b"])
