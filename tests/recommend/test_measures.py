import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from coterie.recommend.measures import NAMES, VALUES_SCHEMA, customer_measures, found_hits, gini, resample_counts, values_of

KS = (2, 5)
TEXTS, FLOATS = pa.list_(pa.string()), pa.list_(pa.float32())
Customer = tuple[list[str], set[str]]


def by_hand(offered: list[str], truth: set[str], k: int) -> dict[str, float]:
    """The measures of one customer as the papers define them, one plain loop each: independent of the code under test."""
    relevant = [item in truth for item in offered[:k]]
    gains = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(relevant, 1) if hit)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(truth)) + 1))
    precisions = [sum(relevant[:rank]) / rank for rank, hit in enumerate(relevant, 1) if hit]
    return {
        "ndcg": gains / ideal,
        "recall": sum(relevant) / len(truth),
        "precision": sum(relevant) / k,
        "hit_rate": float(any(relevant)),
        "map": sum(precisions) / min(k, len(truth)),
        "mrr": 1 / (relevant.index(True) + 1) if any(relevant) else 0.0,
    }


def lists(model: str, customers: list[Customer]) -> pa.Table:
    n = len(customers)
    return pa.table(
        {
            **{name: pa.array([value] * n, pa.string()) for name, value in (("population", "warm"), ("protocol", "new"), ("model", model))},
            "customer_id": pa.array([f"c{number:04}" for number in range(n)], pa.string()),
            "customer_hash": np.random.default_rng(1).integers(-(2**63), 2**63 - 1, n),
            "truth": pa.array([sorted(truth) for _, truth in customers], TEXTS),
            "items": pa.array([offered for offered, _ in customers], TEXTS),
        }
    )


def facts(buyers: dict[str, int], customers: int = 15, alike: dict[str, dict[str, float]] | None = None) -> pa.Table:
    near = alike or {}
    return pa.table(
        {
            "item_id": list(buyers),
            "buyers": [float(count) for count in buyers.values()],
            "customers": [float(customers)] * len(buyers),
            "ids": pa.array([list(near[item]) if item in near else None for item in buyers], TEXTS),
            "factors": pa.array([list(near[item].values()) if item in near else None for item in buyers], FLOATS),
        }
    )


SHOP = facts(dict.fromkeys("abcdexz", 3))
CUSTOMERS: list[Customer] = [
    (["a", "b", "c"], {"a", "c", "z"}),
    (["c", "b", "a"], {"x"}),
    ([], {"b"}),
    (["b", "d", "a", "c", "e"], {"d", "e"}),
    (["b"], {"b"}),
]


def values(table: pa.Table, of: pa.Table = SHOP, resamples: int = 0, offered: int = 10) -> dict[tuple[str, str, int], dict[str, Any]]:
    found = values_of(table, of, KS, resamples, offered)
    assert found.schema == VALUES_SCHEMA
    return {(row["model"], row["measure"], row["k"]): row for row in found.to_pylist()}


def test_one_customer_with_hits_at_ranks_one_and_three_by_the_numbers() -> None:
    # Two of three truths found, at ranks 1 and 3: DCG = 1 + 1/2, ideal = 1 + 1/log2(3) + 1/2.
    found = customer_measures(np.array([0, 0]), np.array([1, 3]), np.array([3]), [3])[0]
    expected = [1.5 / (1.5 + 1 / math.log2(3)), 2 / 3, 2 / 3, 1.0, (1 + 2 / 3) / 3, 1.0]
    assert found == pytest.approx(expected)


def test_every_measure_is_that_of_an_independent_hand() -> None:
    found = values(lists("als", CUSTOMERS))
    for name in NAMES:
        for k in KS:
            hands = [by_hand(offered, truth, k)[name] for offered, truth in CUSTOMERS]
            assert found["als", name, k]["value"] == pytest.approx(sum(hands) / len(hands), abs=1e-12), (name, k)
    assert {row["customers"] for row in found.values()} == {5}
    assert {(row["population"], row["protocol"]) for row in found.values()} == {("warm", "new")}


def test_many_drawn_lists_are_those_of_an_independent_hand() -> None:
    rng = np.random.default_rng(4)
    items = [f"i{number}" for number in range(30)]
    many = [(list(rng.permutation(items)[: rng.integers(0, 21)]), set(rng.permutation(items)[: rng.integers(1, 12)])) for _ in range(200)]
    found = values(lists("als", many), facts(dict.fromkeys(items, 1)))
    for name in NAMES:
        for k in KS:
            assert found["als", name, k]["value"] == pytest.approx(sum(by_hand(*one, k)[name] for one in many) / 200, abs=1e-12), (name, k)


def test_the_order_of_rows_changes_nothing_and_models_do_not_see_each_other() -> None:
    als, other = lists("als", CUSTOMERS), lists("ease", [(offered[::-1], truth) for offered, truth in CUSTOMERS])
    both = pa.concat_tables([other, als])
    mixed = values(both.take(np.random.default_rng(3).permutation(len(both))), resamples=30)
    assert mixed == values(als, resamples=30) | values(other, resamples=30)
    assert mixed["als", "mrr", 5]["value"] != mixed["ease", "mrr", 5]["value"]


def test_hits_are_looked_for_in_the_own_truth_only() -> None:
    found, ranks = found_hits(pa.array([["a", "b"], ["a", "b"], []], TEXTS), pa.array([["b"], ["c"], ["a"]], TEXTS))
    assert (found.tolist(), ranks.tolist()) == ([0], [2])


def test_coverage_counts_the_items_that_anybody_was_offered_within_k() -> None:
    found = values(lists("als", CUSTOMERS))
    assert found["als", "coverage", 2]["value"] == pytest.approx(4 / 10)  # a, b, c, d
    assert found["als", "coverage", 5]["value"] == pytest.approx(5 / 10)


def test_what_is_no_mean_over_customers_has_no_interval() -> None:
    found = values(lists("als", CUSTOMERS), resamples=30)
    assert {name for (_, name, _), row in found.items() if row["low"] is None} == {"coverage", "gini"}


def test_gini_by_hand() -> None:
    # Equal: 0. One of four items has everything: 3/4. Counts 1, 3: sum of differences |1 - 3| x 2 / (2 x 2^2 x mean 2) = 1/4.
    assert gini(np.array([[2.0, 2.0], [5.0, 0.0], [1.0, 3.0]]), 2) == pytest.approx([0, 1 / 2, 1 / 4])
    assert gini(np.array([[5.0]]), 4) == pytest.approx([3 / 4])
    assert gini(np.array([[3.0, 1.0]]), 4) == pytest.approx([sum(abs(a - b) for a in (0, 0, 1, 3) for b in (0, 0, 1, 3)) / (2 * 4 * 4)])
    assert gini(np.array([[0.0, 0.0]]), 4).tolist() == [0]


def test_gini_is_of_how_often_each_item_stands_within_k() -> None:
    found = values(lists("als", [(["a", "b", "c"], {"x"}), (["a", "c", "b"], {"x"})]), offered=3)
    counts = (0, 0, 1, 1, 2), (2, 2, 2)  # up to rank 2: a twice, b and c once; up to 5 each twice
    assert found["als", "gini", 2]["value"] == pytest.approx(sum(abs(a - b) for a in counts[0][2:] for b in counts[0][2:]) / (2 * 3 * 4))
    assert found["als", "gini", 5]["value"] == 0


def test_novelty_is_the_mean_surprise_of_the_items_with_one_more_buyer_of_each() -> None:
    # 15 customers: shares (3 + 1) / 16 and (0 + 1) / 16 are 2 and 4 bits.
    found = values(lists("als", [(["a", "z", "a2"], {"x"}), (["a"], {"x"})]), facts({"a": 3, "z": 0, "a2": 3}))
    assert found["als", "novelty", 2]["value"] == pytest.approx((3 + 2) / 2)
    assert found["als", "novelty", 5]["value"] == pytest.approx(((2 + 4 + 2) / 3 + 2) / 2)


def test_diversity_is_the_mean_unlikeness_of_pairs_whichever_knows_the_other() -> None:
    shop = facts(dict.fromkeys("abcd", 1), alike={"a": {"b": 0.5}, "c": {"a": 0.25, "gone": 1.0}, "b": {"a": 0.125}})
    found = values(lists("als", [(["a", "b", "c"], {"x"}), (["d", "c"], {"x"}), (["a"], {"x"})]), shop)
    # Up to 2: 1 - 1/2; 1; a list of one counts 0. Up to 5: of the first, pairs 1/2, 3/4, 1.
    assert found["als", "diversity", 2]["value"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert found["als", "diversity", 5]["value"] == pytest.approx(((0.5 + 0.75 + 1) / 3 + 1 + 0) / 3)


def test_without_the_model_of_likeness_nobody_knows_how_diverse_lists_are() -> None:
    assert {name for _, name, _ in values(lists("als", CUSTOMERS))} == {*NAMES, "novelty", "coverage", "gini"}


def test_resamples_follow_the_poisson_distribution_and_the_customer_alone() -> None:
    hashes = np.random.default_rng(7).integers(-(2**63), 2**63 - 1, 4000)
    counts = resample_counts(hashes, 100)
    assert counts.shape == (101, 4000)
    assert (counts[0] == 1).all()
    assert counts[1:].mean() == pytest.approx(1, abs=0.01)
    assert counts[1:].var() == pytest.approx(1, abs=0.02)
    for times in range(4):
        assert (counts[1:] == times).mean() == pytest.approx(math.exp(-1) / math.factorial(times), abs=0.005)
    assert (resample_counts(hashes[5:9], 100) == counts[:, 5:9]).all()
    assert abs(np.corrcoef(counts[1], counts[2])[0, 1]) < 0.06  # and resamples of each other nothing


@pytest.mark.parametrize(("name", "truths"), [("hit_rate", ["a"]), ("recall", ["a", "n1", "n2"])])
def test_the_interval_is_as_wide_as_the_normal_one(name: str, truths: list[str]) -> None:
    # A thousand customers, of whom 300 have a hit: the share's standard error is sqrt(.3 x .7 / 1000) = .0145.
    many = [(["a"], set(truths) if number % 10 < 3 else {"b"}) for number in range(1000)]
    found = values(lists("als", many), resamples=400)["als", name, 5]
    scale = 1 / len(truths)
    assert found["value"] == pytest.approx(0.3 * scale)
    assert found["low"] == pytest.approx((0.3 - 1.96 * 0.0145) * scale, abs=0.005 * scale)
    assert found["high"] == pytest.approx((0.3 + 1.96 * 0.0145) * scale, abs=0.005 * scale)


def test_a_customers_own_difference_is_seen_by_every_model_alike() -> None:
    # Two models with the same lists have the same interval to the last digit.
    found = values(pa.concat_tables([lists("als", CUSTOMERS), lists("ease", CUSTOMERS)]), resamples=50)
    for (model, name, k), row in found.items():
        assert {**row, "model": "", "measure": ""} == {**found["ease" if model == "als" else "als", name, k], "model": "", "measure": ""}


def test_one_customer_may_be_in_no_resample_and_has_an_interval_all_the_same() -> None:
    row = values(lists("als", [(["a"], {"a"})]), resamples=20)["als", "ndcg", 5]
    assert (row["value"], row["low"], row["high"]) == (1, 1, 1)


def test_without_resamples_there_is_no_interval_and_without_lists_no_row() -> None:
    assert {row["low"] for row in values(lists("als", CUSTOMERS)).values()} == {None}
    assert values(lists("als", [])) == {}
