"""Rules in words: what they say, and how often they are right."""

import numpy as np
import pytest

from coterie.segments.rule_tree import grown

RECENCY = np.tile([5.0, 10.0, 200.0, 300.0], 30)
FREQUENCY = np.tile([8.0, 9.0, 1.0, 2.0], 30)


def test_a_rule_says_who_is_meant_in_words_a_shop_owner_reads() -> None:
    tree = grown({"frequency": FREQUENCY}, np.tile([1, 1, 2, 2], 30), ["frequency"])
    assert tree is not None
    assert {segment: rule.words for segment, rule in tree.rules.items()} == {1: "6 or more orders", 2: "5 or fewer orders"}
    assert (tree.fidelity, tree.depth) == (1.0, 1)
    assert all((rule.precision, rule.recall) == (1.0, 1.0) for rule in tree.rules.values())


def test_bounds_of_one_feature_are_one_phrase() -> None:
    by_orders = grown({"frequency": FREQUENCY}, np.tile([1, 1, 2, 3], 30), ["frequency"])
    by_days = grown({"recency": RECENCY}, np.tile([1, 1, 2, 3], 30), ["recency"])
    assert by_orders is not None
    assert by_days is not None
    assert [rule.words for rule in by_orders.rules.values()] == ["6 or more orders", "1 order", "2 to 5 orders"]
    assert [rule.words for rule in by_days.rules.values()] == [
        "last bought within 105 days",
        "last bought 106 to 250 days ago",
        "last bought more than 250 days ago",
    ]


def test_columns_of_any_other_table_are_not_a_customers() -> None:
    signals = {"frequency": np.tile([0.1, 0.2, 0.6, 0.9], 30)}
    tree = grown(signals, np.tile([1, 1, 2, 2], 30), phrases={})
    assert tree is not None
    assert [rule.words for rule in tree.rules.values()] == ["frequency of at most 0.4", "frequency above 0.4"]


def test_precision_and_recall_are_of_the_leaves_that_are_named() -> None:
    # One in four of the frequent is of the other segment, and nothing tells them apart.
    labels = np.tile([1, 1, 2, 2], 30)
    labels[:32:4] = 2
    tree = grown({"frequency": np.tile([8.0, 8.0, 1.0, 1.0], 30)}, labels)
    assert tree is not None
    assert tree.rules[1].precision == pytest.approx(52 / 60)
    assert tree.rules[2].recall == pytest.approx(60 / 68)


def test_missing_values_and_one_segment() -> None:
    columns = {"recency": np.where(np.arange(120) % 4 < 2, np.nan, 5.0)}
    tree = grown(columns, (np.arange(120) % 4 < 2).astype(np.int64))
    assert tree is not None
    assert tree.fidelity == 1.0
    assert grown(columns, np.zeros(120, np.int64)) is None
