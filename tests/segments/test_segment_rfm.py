"""RFM scores by stored cuts."""

from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession

from coterie.segments.rfm import RfmModel, fit_rfm
from coterie.segments.rules import Rules

# The id of a cell says its scores: 345 is recency 3, frequency 4, monetary 5.
CELLS = tuple(100 * r + 10 * f + m for r in range(1, 6) for f in range(1, 6) for m in range(1, 6))
RULES = Rules({}, {}, CELLS)


def buyers(spark: SparkSession, rows: list[tuple[str, int, int, int]]) -> DataFrame:
    exact = [(name, recency, frequency, Decimal(monetary)) for name, recency, frequency, monetary in rows]
    return spark.createDataFrame(exact, "customer_id string, recency int, frequency bigint, monetary decimal(28,4)")


def scores(model: RfmModel, frame: DataFrame) -> dict[str, int]:
    return {row["customer_id"]: row["cell"] for row in frame.select("customer_id", model.segment_id().alias("cell")).collect()}


def test_fifths_of_the_customers_score_from_one_to_five(spark: SparkSession) -> None:
    frame = buyers(spark, [(name, 10 * place, place, 100 * place) for place, name in enumerate("abcdef")])
    model = fit_rfm(frame, RULES, 1000)
    assert model.cuts["recency"] == (10.0, 20.0, 30.0, 40.0)
    assert scores(model, frame) == {"a": 511, "b": 511, "c": 422, "d": 333, "e": 244, "f": 155}


def test_equal_values_score_alike_and_the_tie_swallows_scores(spark: SparkSession) -> None:
    frame = buyers(spark, [(name, 5, orders, 7) for name, orders in zip("abcdefghijk", [1] * 7 + [2, 2, 3, 9], strict=True)])
    model = fit_rfm(frame, RULES, 1000)
    assert model.cuts["frequency"] == (1.0, 1.0, 1.0, 2.0)
    found = scores(model, frame)
    assert {found[name] for name in "abcdefg"} == {511}
    assert (found["h"], found["i"], found["j"], found["k"]) == (541, 541, 551, 551)


def test_stored_cuts_hold_whatever_the_other_customers_are(spark: SparkSession) -> None:
    model = RfmModel({"recency": (10.0, 20.0, 30.0, 40.0), "frequency": (1.0, 2.0, 3.0, 4.0), "monetary": (10.0, 20.0, 30.0, 40.0)}, CELLS)
    frame = buyers(spark, [("same", 20, 3, 25), ("huge", 0, 1000, 10**9), ("negative", 99999, 1, -50)])
    assert scores(model, frame) == {"same": 433, "huge": 555, "negative": 111}


@pytest.mark.parametrize("content", [RfmModel({"recency": (1.0,) * 4, "frequency": (2.0,) * 4, "monetary": (0.5,) * 4}, CELLS)])
def test_a_model_read_again_is_the_same(content: RfmModel) -> None:
    assert RfmModel.from_content(content.content()) == content


def test_one_customer_is_new(spark: SparkSession) -> None:
    frame = buyers(spark, [("only", 3, 1, 20)])
    assert scores(fit_rfm(frame, RULES, 1000), frame) == {"only": 511}
