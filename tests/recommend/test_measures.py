import math

import numpy as np
import pyarrow as pa
import pytest

from coterie.recommend.measures import NAMES, batch_sums, customer_measures, found_hits, means, resample_counts

KS = (2, 5)


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


def batch(customers: list[tuple[str, list[str], set[str]]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "population": ["warm"] * len(customers),
            "protocol": [protocol for protocol, _, _ in customers],
            "model": ["als"] * len(customers),
            "customer_hash": [17 * number for number in range(len(customers))],
            "truth": pa.array([sorted(truth) for _, _, truth in customers], pa.list_(pa.string())),
            "offered": pa.array([offered for _, offered, _ in customers], pa.list_(pa.string())),
        }
    )


CUSTOMERS = [
    ("all", ["a", "b", "c"], {"a", "c", "z"}),
    ("all", ["c", "b", "a"], {"x"}),
    ("all", [], {"b"}),
    ("all", ["b", "d", "a", "c", "e"], {"d", "e"}),
    ("new", ["b"], {"b"}),
]


def rows(parts: list[pa.RecordBatch], resamples: int = 0, item_count: int = 10) -> dict[tuple[str, str, int], dict[str, object]]:
    sums = pa.Table.from_batches(list(batch_sums(iter(parts), KS, resamples)))
    return {(row["protocol"], row["measure"], row["k"]): row for row in means(sums, KS, resamples, item_count).to_pylist()}


def test_one_customer_with_hits_at_ranks_one_and_three_by_the_numbers() -> None:
    # Two of three truths found, at ranks 1 and 3: DCG = 1 + 1/2, ideal = 1 + 1/log2(3) + 1/2.
    values = customer_measures(np.array([0, 0]), np.array([1, 3]), np.array([3]), [3])[0]
    expected = [1.5 / (1.5 + 1 / math.log2(3)), 2 / 3, 2 / 3, 1.0, (1 + 2 / 3) / 3, 1.0]
    assert values == pytest.approx(expected)


def test_every_measure_is_that_of_an_independent_hand() -> None:
    found = rows([batch(CUSTOMERS)])
    for name in NAMES:
        for k in KS:
            for protocol in ("all", "new"):
                hands = [by_hand(offered, truth, k)[name] for of, offered, truth in CUSTOMERS if of == protocol]
                assert found[protocol, name, k]["value"] == pytest.approx(sum(hands) / len(hands), abs=1e-8), (protocol, name, k)
    assert found["all", "ndcg", 2]["customers"] == 4


def test_coverage_counts_the_items_that_anybody_was_offered_within_k() -> None:
    found = rows([batch(CUSTOMERS[:2]), batch(CUSTOMERS[2:])])
    assert found["all", "coverage", 2]["value"] == pytest.approx(4 / 10)  # a, b, c, d
    assert found["all", "coverage", 5]["value"] == pytest.approx(5 / 10)
    assert found["new", "coverage", 5]["value"] == pytest.approx(1 / 10)


def test_customers_who_bought_nothing_new_are_counted() -> None:
    assert rows([batch(CUSTOMERS)])["new", "excluded", 0]["value"] == 3
    assert rows([batch(CUSTOMERS[:4])])["new", "excluded", 0]["value"] == 4


def test_hits_are_looked_for_in_the_own_truth_only() -> None:
    kind = pa.list_(pa.string())
    found, ranks = found_hits(pa.array([["a", "b"], ["a", "b"], []], kind), pa.array([["b"], ["c"], ["a"]], kind))
    assert (found.tolist(), ranks.tolist()) == ([0], [2])


def test_batches_do_not_change_a_digit() -> None:
    whole = rows([batch(CUSTOMERS[:4])], resamples=50)
    sums = pa.Table.from_batches(list(batch_sums(iter([batch(CUSTOMERS[:4])[2:], batch(CUSTOMERS[:4])[:2]]), KS, 50)))
    assert {(row["protocol"], row["measure"], row["k"]): row for row in means(sums, KS, 50, 10).to_pylist()} == whole


def test_resamples_follow_the_poisson_distribution_and_the_customer_alone() -> None:
    hashes = np.random.default_rng(7).integers(-(2**63), 2**63 - 1, 4000)
    counts = resample_counts(hashes, 100)
    assert (counts[0] == 1).all()
    assert counts[1:].mean() == pytest.approx(1, abs=0.01)
    assert counts[1:].var() == pytest.approx(1, abs=0.02)
    assert (counts[1:] == 0).mean() == pytest.approx(math.exp(-1), abs=0.005)
    assert (resample_counts(hashes[5:9], 100) == counts[:, 5:9]).all()


def test_the_interval_is_as_wide_as_the_normal_one() -> None:
    # A thousand customers, of whom 300 have a hit: the share's standard error is sqrt(.3 x .7 / 1000) = .0145.
    many = [("all", ["a"], {"a"} if number % 10 < 3 else {"b"}) for number in range(1000)]
    table = batch(many).set_column(3, "customer_hash", pa.array(np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 1000)))
    found = rows([table], resamples=400)["all", "hit_rate", 5]
    assert found["value"] == pytest.approx(0.3)
    assert found["low"] == pytest.approx(0.3 - 1.96 * 0.0145, abs=0.005)
    assert found["high"] == pytest.approx(0.3 + 1.96 * 0.0145, abs=0.005)


def test_without_resamples_there_is_no_interval() -> None:
    assert rows([batch(CUSTOMERS)])["all", "map", 5]["low"] is None
