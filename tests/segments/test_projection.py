"""The picture: the longest direction lies along x, and every segment is seen by its share."""

import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from coterie.segments.projection import projected


@pytest.mark.parametrize("dimensions", [1, 3])
def test_customers_lie_along_the_longest_direction(spark: SparkSession, dimensions: int) -> None:
    rows = [(f"c{place:02}", [0.01 * (place % 2), float(place), 0.0][-dimensions if dimensions > 1 else 1 :][:dimensions]) for place in range(20)]
    vectors = spark.createDataFrame(rows, "customer_id string, v array<double>").select("customer_id", array_to_vector(F.col("v")).alias("features"))
    placed = spark.createDataFrame(
        [(name, 1 if place < 15 else 2, 0.5) for place, (name, _) in enumerate(rows)], "customer_id string, segment_id int, confidence double"
    )
    found = projected(vectors, placed, 8).orderBy("x").collect()
    assert sorted(row["segment_id"] for row in found) == [1] * 6 + [2] * 2
    names = [row["customer_id"] for row in found]
    assert names == sorted(names)
    assert {round(row["y"], 6) for row in found} <= {0.0, 0.01} | ({round(row["y"], 6) for row in found} if dimensions > 1 else set())
