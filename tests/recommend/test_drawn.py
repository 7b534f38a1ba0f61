"""Candidates: the best of each model, and what a ranker may know of each, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shelf_rows import LOOKED_AT, asked, item, knows, own, shelved, sold, task

from coterie.recommend.tasks import drawn as module
from coterie.recommend.tasks.drawn import Drawn, best, drawn, feature_names, filled
from coterie.recommend.tasks.scorers import Again, Factors, ItemWeights, Order, Recency, Scorer

NOTHING = -math.inf


def plainly(scores: list[float], count: int) -> list[int]:
    """The slow and sure way: everything sorted by score and place."""
    there = sorted((place for place, score in enumerate(scores) if score > NOTHING), key=lambda place: (-scores[place], place))[:count]
    return there + [-1] * (count - len(there))


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 4), st.integers(1, 90), st.integers(0, 4), st.sampled_from([3, 1000]), st.integers(0, 2**32 - 1))
def test_the_best_are_those_of_a_full_sort(count: int, items: int, rows: int, values: int, seed: int) -> None:
    """With three values nearly all scores are ties, with a thousand hardly any; a fifth of them says nothing."""
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random((rows, items)) < 0.2, NOTHING, rng.integers(-1, values - 1, (rows, items)) / 4)
    places, found = best(scores, count)
    assert places.tolist() == [plainly(row, count) for row in scores.tolist()]
    assert found.tolist() == [[row[place] if place >= 0 else NOTHING for place in plainly(row, count)] for row in scores.tolist()]


def test_equal_scores_go_to_the_smaller_place_however_many_there_are() -> None:
    scores = np.ones((2, 500))
    scores[1, [0, 2]] = NOTHING
    assert best(scores, 4)[0].tolist() == [[0, 1, 2, 3], [1, 3, 4, 5]]


def test_fewer_than_asked_for_leave_places_empty() -> None:
    places, scores = best(np.array([[NOTHING, 2, NOTHING], [NOTHING] * 3]), 2)
    assert places.tolist() == [[1, -1], [-1, -1]]
    assert scores.tolist() == [[2, NOTHING], [NOTHING, NOTHING]]
    assert best(np.zeros((1, 0)), 2)[0].tolist() == [[-1, -1]]


def test_a_list_is_filled_up_with_what_is_not_in_it() -> None:
    places, scores = np.array([[5, 3, -1], [-1, -1, -1], [4, 3, 2]]), np.array([[9.0, 8, NOTHING], [NOTHING] * 3, [3, 2, 1]])
    filler = np.array([[3, 1, 0], [3, 1, -1], [3, 1, 0]])
    lists, values, is_filler = filled(places, scores, filler, 3)
    assert lists.tolist() == [[5, 3, 1], [3, 1, -1], [4, 3, 2]]
    assert (values[0].tolist(), values[1, :2].tolist(), values[2].tolist()) == ([9, 8, 0], [0, 0], [3, 2, 1])
    assert is_filler[0].tolist() == [False, False, True]
    assert is_filler[1, :2].tolist() == [True, True]
    assert filled(places, scores, filler, 2)[0].tolist() == [[5, 3], [3, 1], [4, 3]]


SCORERS: tuple[Scorer, ...] = (Order("popular"), Factors("als", Recency(10)), ItemWeights("ease", Recency(10), "goes with {}"))
SHELF = [
    sold("a", buyers=9, recent_buyers=9, repeat_rate=0.5), sold("b", buyers=4, recent_buyers=4, repeat_rate=0.001), sold("c", buyers=3),
    sold("d", buyers=20, is_sellable=False),
    *(shelved("als", "item", name, [value]) for name, value in {"a": 1, "b": 2, "c": -1, "d": 4}.items()),
    shelved("ease", "item", "a", {"c": 1, "d": 5}),
]
# ann bought a on two days, ten and three days ago, and c three days ago; bob looked at b.
HISTORY = [
    own("ann", a={"bought_days": 2, "first_bought_age": 10, "last_bought_age": 3, "last_age": 0}, c={"first_bought_age": 3, "last_bought_age": 3}),
    own("bob", b=LOOKED_AT), knows("als", "ann", [1]), knows("als", "bob", [1]),
]


def draw(rows: list[dict], count: int = 2, with_features: bool = True) -> list[Drawn]:
    block, shelf = task(SHELF, [*rows, *HISTORY])
    ready = {scorer.kind: scorer.ready(block, shelf) for scorer in SCORERS}
    return list(drawn(block, shelf, ready, count, with_features))


def test_candidates_are_sellable_and_unseen_unless_asked_otherwise() -> None:
    new, again = draw([asked("ann"), asked("bob"), asked("ann", keep_seen=True), asked("zoe")])
    # Rows asked for: ann new, ann all, bob new, zoe new. Items a, b, c, d at 0 .. 3.
    assert new.rows.tolist() == [0, 2, 3]
    assert new.lists["popular"].tolist() == [[1, -1], [0, 1], [0, 1]]
    assert new.lists["als"].tolist() == [[1, -1], [1, 0], [-1, -1]]
    assert new.lists["ease"].tolist() == [[-1, -1], [-1, -1], [-1, -1]]  # bob's b says nothing; ann has c, and d cannot be sold
    assert again.rows.tolist() == [1]
    assert again.lists["als"].tolist() == [[1, 0]]
    assert again.scores["als"].tolist() == [[2, 1]]
    assert again.lists["ease"].tolist() == [[2, -1]]
    assert (new.union_rows.tolist(), new.union_items.tolist()) == ([0, 1, 1, 2, 2], [1, 0, 1, 0, 1])
    assert again.union_items.tolist() == [0, 1, 2]


def test_names_say_what_each_model_the_item_and_the_history_tell() -> None:
    assert feature_names(["popular", "als", "ease", "repeat"]) == [
        "log_als", "log_ease", "had_log_als", "had_log_ease", "log_recent_buyers", "log_repeat_rate",
        "is_had", "had_log_recent_buyers", "had_log_repeat_rate", "had_log_days", "had_log_age", "had_log_customer_days", "had_log_customer_age",
    ]


def test_features_of_one_customer_by_hand() -> None:
    [found] = draw([asked("ann", keep_seen=True)])
    assert [tile.features.shape[1] for tile in draw([asked("ann")])] == [len(feature_names([*("popular", "als", "ease")]))]
    features = {name: found.features[:, place].tolist() for place, name in enumerate(feature_names(["popular", "als", "ease"]))}
    # ann's highest score is that of d, which is not for sale: 4 for als, 5 for ease. Shares: a 1/4, b 1/2, c below 0; for ease only c has one.
    nothing, a_half, a_quarter, a_fifth = (math.log(part + 0.02) for part in (0, 1 / 2, 1 / 4, 1 / 5))
    expected = {
        "log_als": [a_quarter, a_half, nothing], "log_ease": [nothing, nothing, a_fifth],
        "had_log_als": [a_quarter, 0, nothing], "had_log_ease": [nothing, 0, a_fifth],
        "log_recent_buyers": [math.log(10), math.log(5), 0], "log_repeat_rate": [math.log(0.5), math.log(0.02), math.log(0.02)],
        "is_had": [1, 0, 1], "had_log_recent_buyers": [math.log(10), 0, 0], "had_log_repeat_rate": [math.log(0.5), 0, math.log(0.02)],
        "had_log_days": [math.log(3), 0, math.log(2)], "had_log_age": [math.log(4), 0, math.log(4)],
        "had_log_customer_days": [math.log(3), 0, math.log(3)],  # days that are known: ten ago and three ago
        "had_log_customer_age": [math.log(4), 0, math.log(4)],
    }
    assert found.union_items.tolist() == [0, 1, 2]
    assert features == {name: pytest.approx(values, abs=1e-8) for name, values in expected.items()}


def test_an_item_that_was_only_looked_at_was_not_had() -> None:
    [found] = draw([asked("bob", keep_seen=True)])
    had = feature_names(["popular", "als", "ease"]).index("is_had")
    assert found.features[:, had].tolist() == [0] * len(found.union_items)


def test_nobody_knows_the_features_where_they_are_not_wanted() -> None:
    [found] = draw([asked("ann")], with_features=False)
    assert found.features.shape == (len(found.union_items), 0)


def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [asked(name, keep_seen=keep) for name in ("ann", "bob", "zoe") for keep in (False, True)]

    def told() -> set[tuple[object, ...]]:
        told: set[tuple[object, ...]] = set()
        for tile in draw(rows):
            for row, place in enumerate(tile.rows.tolist()):
                told |= {(place, kind, *tile.lists[kind][row].tolist(), *tile.scores[kind][row].tolist()) for kind in tile.lists}
            told |= {(int(tile.rows[row]), int(at), *values) for row, at, values in zip(tile.union_rows, tile.union_items, tile.features.tolist(), strict=True)}
        return told

    whole = told()
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 1)
    assert len(draw(rows)) == 6  # a customer and protocol each
    assert told() == whole


def test_what_is_had_is_found_among_many_customers() -> None:
    names = [f"c{number:02}" for number in range(30)]
    rows = [asked(name, keep_seen=True) for name in names] + [own(name, **{"ab"[number % 2]: {}}) for number, name in enumerate(names)]
    block, shelf = task([item("a"), item("b"), item("c")], rows)
    scorers = (Order("popular"), Again("repeat", 10, 1))
    [found] = drawn(block, shelf, {scorer.kind: scorer.ready(block, shelf) for scorer in scorers}, 3, True)
    is_had = found.features[:, feature_names(["popular", "repeat"]).index("is_had")].reshape(30, 3)
    assert is_had.tolist() == [[1, 0, 0], [0, 1, 0]] * 15
