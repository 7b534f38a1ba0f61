"""The ranker, the random numbers beneath it, and the examples it learns from."""

import math

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from coterie.recommend.blend import Blend, fitted
from coterie.recommend.serve import MEASURED
from coterie.recommend.tasks.lists import EXAMPLES, part_of
from coterie.recommend.tasks.random import splitmix
from coterie.recommend.tasks.ranker import Ranker

RANKER = Ranker(("log_als", "is_had"), (0.1, -2.0), 0.7)


def test_a_margin_is_the_intercept_and_each_feature_times_its_coefficient() -> None:
    assert RANKER.margins(np.array([[1.0, 0.0], [2.0, 1.0]])).tolist() == [0.8, -1.1]
    assert RANKER.margins(np.zeros((0, 2))).tolist() == []
    assert Ranker(("a",), (1 / 3,), 0).margins(np.array([[1.0]])).tolist() == [0.333333333]  # nine decimals


def test_a_ranker_is_the_same_after_a_round_trip_through_json() -> None:
    odd = Ranker(("log_als",), (0.1 + 0.2,), -1e-17)
    assert Ranker.from_json(odd.as_json()) == odd
    assert Ranker.from_json(RANKER.as_json()) == RANKER


def test_splitmix_is_the_generator_of_the_paper() -> None:
    # The first outputs of Vigna's splitmix64.c from the state 1234567, whose state grows by the golden ratio each time.
    golden, state = 0x9E3779B97F4A7C15, 1234567
    states = np.array([(state + turn * golden) % 2**64 for turn in range(3)], np.uint64)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert splitmix(states).tolist() == [(number >> 11) * 2.0**-53 for number in expected]


def test_random_numbers_are_spread_evenly_even_from_neighbouring_states() -> None:
    drawn = splitmix(np.arange(20_000, dtype=np.uint64))
    assert 0 <= drawn.min() < drawn.max() < 1
    assert np.histogram(drawn, 10, (0, 1))[0] == pytest.approx(2000, abs=5 * math.sqrt(2000 * 0.9))
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


def examples(n: int, seed: int = 2) -> pa.Table:
    """A customer each with two examples, bought with the log odds 1 + 2 a - b / 10; a in 0 .. 1, b around 30; the third feature is always 7."""
    rng = np.random.default_rng(seed)
    a, b = rng.random((n, 2)), 30 + 5 * rng.standard_normal((n, 2))
    bought = rng.random((n, 2)) < 1 / (1 + np.exp(-(1 + 2 * a - b / 10)))
    factors = np.stack([bought, a, b, np.full((n, 2), 7.0)], axis=2).reshape(n, 8)
    return pa.table(
        {
            "customer_id": [f"c{number:05}" for number in range(n)],
            "keep_seen": pa.array(np.arange(n) % 3 == 0), "factors": pa.array(factors.tolist(), pa.list_(pa.float64())),
        }
    )  # fmt: skip


def test_the_coefficients_are_those_that_the_purchases_were_drawn_with() -> None:
    found = {row["half"]: row for row in fitted(examples(20_000), 4, 100, 1e-6).to_pylist()}
    assert sorted(found) == [-1, 0, 1]
    for half, abs_error in ((-1, 0.15), (0, 0.25), (1, 0.25)):
        assert found[half]["coefficients"][0] == pytest.approx(2, abs=abs_error)
        assert found[half]["coefficients"][1] == pytest.approx(-0.1, abs=abs_error / 10)
        assert found[half]["coefficients"][2] == 0
        assert found[half]["intercept"] == pytest.approx(1, abs=4 * abs_error)
    assert found[0]["coefficients"] != found[1]["coefficients"]


@pytest.mark.parametrize("regularisation", [1e-6, 0.01, 1.0])
def test_a_fit_is_where_the_regularised_loss_has_no_slope(regularisation: float) -> None:
    # Mean log loss + regularisation / 2 x the squares of the coefficients of standardised features, the intercept left out.
    table = examples(500)
    [whole] = [row for row in fitted(table, 4, 1000, regularisation).to_pylist() if row["half"] == -1]
    values = np.array(table["factors"].to_pylist()).reshape(-1, 4)
    bought, features = values[:, 0], values[:, 1:3]
    chance = 1 / (1 + np.exp(-(whole["intercept"] + features @ np.array(whole["coefficients"][:2]))))
    standard, of_standard = (features - features.mean(axis=0)) / features.std(axis=0), np.array(whole["coefficients"][:2]) * features.std(axis=0)
    assert (chance - bought).mean() == pytest.approx(0, abs=1e-4)
    assert ((chance - bought)[:, None] * standard).mean(axis=0) + regularisation * of_standard == pytest.approx([0, 0], abs=1e-4)


def test_the_order_of_customers_changes_no_digit() -> None:
    table = examples(300)
    assert fitted(table.take(np.random.default_rng(1).permutation(300)), 4, 100, 1e-4) == fitted(table, 4, 100, 1e-4)


def test_without_both_kinds_of_examples_nothing_is_learned() -> None:
    names = [f"c{number}" for number in range(20)]
    of = dict(zip(names, part_of(pa.array(names), 2).tolist(), strict=True))
    [one, *_], [other, another, *_] = ([name for name in names if of[name] == half] for half in (0, 1))

    def learned(**examples: list[float]) -> list[int]:
        factors = pa.array(list(examples.values()), pa.list_(pa.float64()))
        return fitted(pa.table({"customer_id": list(examples), "keep_seen": [False] * len(examples), "factors": factors}), 2, 100, 1e-4)["half"].to_pylist()

    assert learned(**{one: [1, 0.5], other: [1, 0.1]}) == []
    assert learned(**{one: [1, 0.5, 0, 0.2], other: [0, 0.1], another: []}) == [-1, 0]


def test_the_blend_reads_the_examples_and_nothing_else(spark: SparkSession) -> None:
    table = examples(200).to_pylist()
    rows = [(row["customer_id"], row["keep_seen"], True, ["x"], EXAMPLES, ["i", "j"], row["factors"]) for row in table]
    lists = [(row["customer_id"], row["keep_seen"], True, ["x"], "als", ["i", "j"], [9.0, 8.0]) for row in table]
    names = ("log_als", "had_log_als", "is_had")
    made = Blend(100, 1e-4, 0.4)
    found = made.fit(spark.createDataFrame(lists + rows, MEASURED), names)
    assert found is not None
    whole = {row["half"]: row for row in fitted(examples(200), 4, 100, 1e-4).to_pylist()}[-1]
    assert found.whole.features == names
    assert (found.whole.coefficients, found.whole.intercept) == (pytest.approx(whole["coefficients"]), pytest.approx(whole["intercept"]))
    first, second = (row for row in fitted(examples(200), 4, 100, 1e-4).to_pylist() if row["half"] >= 0)
    assert [half.coefficients for half in found.halves] == [pytest.approx(first["coefficients"]), pytest.approx(second["coefficients"])]
    customers = [row[0] for row in rows]
    names_of_half = {name for name, half in zip(customers, part_of(pa.array(customers), 2), strict=True) if half == 0}
    assert made.fit(spark.createDataFrame([row for row in rows if row[0] in names_of_half], MEASURED), names) is None  # the other half has no example


def test_a_half_learns_from_its_own_customers_alone() -> None:
    table = examples(400)
    part = part_of(table["customer_id"].combine_chunks(), 2)
    whole = {row["half"]: row for row in fitted(table, 4, 100, 1e-4).to_pylist()}
    for half in (0, 1):
        alone = fitted(table.filter(pa.array(part == half)), 4, 100, 1e-4).to_pylist()
        assert [row["coefficients"] for row in alone] == [whole[half]["coefficients"]] * 2  # of all there are, and of the half
    assert (np.bincount(part) > 150).all()


def test_a_blend_is_known_by_settings_features_and_what_it_learned_from() -> None:
    made = Blend(100, 1e-4, 0.4)
    known = made.known_as(["log_als"], ["m1"])
    assert known == Blend(100, 1e-4, 0.4).known_as(("log_als",), ("m1",))
    others = {other.known_as(["log_als"], ["m1"]) for other in (Blend(101, 1e-4, 0.4), Blend(100, 1e-3, 0.4), Blend(100, 1e-4, 0.5))}
    assert len({known, made.known_as(["log_ease"], ["m1"]), made.known_as(["log_als"], ["m2"]), *others}) == 6
