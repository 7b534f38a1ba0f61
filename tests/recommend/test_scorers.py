"""What each scorer gives an item, and why, against sums done by hand."""

import math

import numpy as np
import pytest
from shelf_rows import LOOKED_AT, asked, item, knows, own, shelved, sold, task

from coterie.recommend.tasks.scorers import Again, Factors, ItemWeights, Neighbours, Order, Ready, Recency, Scorer, popular_places

NOTHING = -math.inf
ABC = [item("a", "Apron"), item("b", "Bag"), item("c", "Cup")]


def ready(scorer: Scorer, shelf_rows: list[dict], customer_rows: list[dict]) -> Ready:
    return scorer.ready(*task(shelf_rows, customer_rows))


def why(found: Ready, *at: tuple[int, int]) -> list[str | None]:
    customers, items = (np.array(places, np.int64) for places in zip(*at, strict=True))
    return found.reasons(customers, items)


def test_an_own_item_weighs_by_intensity_and_halves_with_the_half_life() -> None:
    block, _ = task(ABC, [asked("ann"), own("ann", a={"intensity": 0.5}, b={"intensity": 1, "last_age": 20}, c={"intensity": 0, "last_age": 9999})])
    assert Recency(10).of(block).tolist() == [0.5, 0.25, 0]


WEIGHTS = [shelved("ease", "item", "a", {"b": 0.5, "c": 2}), shelved("ease", "item", "b", {"a": 1, "c": -1})]


def test_item_weights_add_up_over_the_own_items() -> None:
    # ann: a of today (1) and b of one half-life ago (1/2); bob: b of today.
    customers = [asked("ann"), asked("bob"), asked("zoe"), own("ann", a={}, b={"last_age": 10}), own("bob", b={})]
    found = ready(ItemWeights("ease", Recency(10), "goes with {}"), [*ABC, *WEIGHTS], customers)
    # ann: a: 1/2 x 1; b: 1 x 1/2; c: 1 x 2 - 1/2 x 1. bob: a: 1; c: -1, which is nothing to say. Of zoe nobody knows.
    assert found.tile(0, 3).tolist() == [[0.5, 0.5, 1.5], [1, NOTHING, NOTHING], [NOTHING] * 3]
    assert found.tile(1, 2).tolist() == [[1, NOTHING, NOTHING]]
    assert why(found, (0, 2), (0, 0), (0, 1), (1, 0)) == ["goes with Apron", "goes with Bag", "goes with Apron", "goes with Bag"]


def test_the_item_that_adds_most_is_the_reason_and_not_the_one_that_is_nearest() -> None:
    rows = [*ABC, shelved("ease", "item", "a", {"c": 1}), shelved("ease", "item", "b", {"c": 0.75})]
    found = ready(ItemWeights("ease", Recency(10), "is like {}"), rows, [asked("ann"), own("ann", a={"last_age": 10}, b={})])
    assert found.tile(0, 1)[0, 2] == 1.25
    assert why(found, (0, 2)) == ["is like Bag"]


def test_an_own_item_speaks_for_itself_where_it_may_and_is_not_its_own_reason() -> None:
    customers = [asked("ann"), own("ann", a={"intensity": 0.5})]
    found = ready(ItemWeights("ease", Recency(10), "goes with {}", own_weight=3), [*ABC, *WEIGHTS], customers)
    assert found.tile(0, 1).tolist() == [[1.5, 0.25, 1]]
    assert why(found, (0, 0), (0, 1)) == [None, "goes with Apron"]


def test_neighbours_lend_what_they_have_by_the_power_of_their_likeness() -> None:
    baskets = [shelved("user_knn", "basket", "bob", {"a": 1, "b": 0.5}), shelved("user_knn", "basket", "cid", {"b": 1}), shelved("user_knn", "basket", "x", {})]
    customers = [asked("ann"), asked("zoe"), knows("user_knn", "ann", {"bob": 0.5, "cid": 1.0, "gone": 1.0, "x": 1.0})]
    found = ready(Neighbours("user_knn", 2.0), [*ABC, *baskets], customers)
    # a: 0.5^2 x 1; b: 0.5^2 x 0.5 + 1^2 x 1.
    assert found.tile(0, 2).tolist() == [[0.25, 1.125, NOTHING], [NOTHING] * 3]
    [one, two] = why(found, (0, 0), (0, 1))
    assert (one, two) == ("bought by 1 customer like you", "bought by 2 customers like you")


def test_neighbours_who_looked_at_an_item_count_and_are_not_said_to_have_bought_it() -> None:
    sides = [shelved("user_knn", "basket", "bob", {"a": 1}), shelved("user_knn", "looked", "bob", {"b": 0.1}), shelved("user_knn", "looked", "cid", {"a": 0.1})]
    found = ready(Neighbours("user_knn", 1.0), [*ABC, *sides], [asked("ann"), knows("user_knn", "ann", {"bob": 0.5, "cid": 1.0})])
    assert found.tile(0, 1)[0, :2].tolist() == pytest.approx([0.6, 0.05])
    assert why(found, (0, 0), (0, 1)) == ["bought by 1 customer like you", "looked at by 1 customer like you"]


def test_neighbours_of_nobody_say_nothing() -> None:
    found = ready(Neighbours("user_knn", 2.0), [*ABC, shelved("user_knn", "basket", "bob", {"a": 1})], [asked("zoe")])
    assert found.tile(0, 1).tolist() == [[NOTHING] * 3]
    found = ready(Neighbours("user_knn", 2.0), ABC, [asked("zoe"), knows("user_knn", "zoe", {"bob": 1})])
    assert found.tile(0, 1).tolist() == [[NOTHING] * 3]


VECTORS = [shelved("als", "item", "a", [1, 0]), shelved("als", "item", "b", [3, 4])]  # nobody has c


def test_factors_give_dot_products_below_nought_too_and_nothing_for_the_unknown() -> None:
    customers = [asked("ann"), asked("bob"), asked("zoe"), knows("als", "ann", [1, 0.5]), knows("als", "bob", [-1, 0])]
    found = ready(Factors("als", Recency(10)), [*ABC, *VECTORS], customers)
    assert found.tile(0, 3).tolist() == [[1, 5, NOTHING], [-1, -3, NOTHING], [NOTHING] * 3]
    nobody = ready(Factors("als", Recency(10)), [*ABC, *VECTORS], [asked("zoe")])
    assert nobody.tile(0, 1).tolist() == [[NOTHING] * 3]
    untrained = ready(Factors("als", Recency(10)), ABC, [asked("zoe")])
    assert untrained.tile(0, 1).tolist() == [[NOTHING] * 3]


def test_an_offer_fits_the_taste_for_the_own_item_whose_vector_points_its_way() -> None:
    vectors = [shelved("als", "item", name, vector) for name, vector in {"a": [1, 0], "b": [3, 4], "c": [0, 4], "d": [-1, 0]}.items()]
    # To b the cosine of a is 0.6, that of c is 0.8; but c is one half-life old, so a speaks more: 0.6 against 0.4. Lengths say nothing.
    customers = [asked("ann"), knows("als", "ann", [1, 1]), own("ann", a={}, c={"last_age": 10}), asked("bob"), knows("als", "bob", [1, 1]), own("bob", b={})]
    found = ready(Factors("als", Recency(10)), [*ABC, item("d"), *vectors], customers)
    assert why(found, (0, 1)) == ["fits your taste for Apron"]
    assert why(found, (0, 2), (0, 3)) == [None, None]  # c is at right angles to a, and no reason for itself; d points away
    assert why(found, (1, 1), (1, 0)) == [None, "fits your taste for Bag"]


SHOP = [
    sold("a", buyers=9, days=90), sold("b", buyers=2, units=3), sold("c", buyers=1, units=9), sold("d", buyers=2, units=4), sold("e", buyers=2, units=4),
    item("f", listed_age=30), item("g", listed_age=31), sold("h", buyers=1234, days=360),
]


def test_one_order_for_all_by_window_then_buyers_then_units_then_id() -> None:
    block, shelf = task(SHOP, [asked("ann"), asked("bob")])
    assert [shelf.ids[int(at)].as_py() for at in popular_places(shelf).argsort()] == ["d", "e", "b", "c", "a", "h", "f", "g"]
    found = Order("popular").ready(block, shelf)
    scores = found.tile(0, 2)
    assert (scores[0] == scores[1]).all()
    assert dict(zip("abcdefgh", scores[0].tolist(), strict=True)) == pytest.approx(
        {"d": 1, "e": 1 / 2, "b": 1 / 3, "c": 1 / 4, "a": 1 / 5, "h": 1 / 6, "f": 1 / 7, "g": 1 / 8}
    )
    assert why(found, (0, 3), (0, 2), (1, 7), (1, 5), (1, 6)) == [
        "bought by 2 customers in the last 14 days", "bought by 1 customer in the last 14 days", "bought by 1,234 customers in the last 360 days",
        "new in the shop", "in the shop",
    ]


def test_what_was_bought_comes_again_by_how_often_and_how_long_ago() -> None:
    history = own(
        "ann", a={"bought_days": 9, "last_bought_age": 10}, b={"bought_days": 1, "last_bought_age": 1}, c={"bought_days": 4, "last_bought_age": 0}, d=LOOKED_AT
    )
    found = ready(Again("repeat", 10, 0.5), [*ABC, item("d")], [asked("ann"), history, asked("zoe")])
    # 9^0.5 / 2, 1 / 2^0.1, 4^0.5; what was only looked at is none.
    assert found.tile(0, 2).tolist() == [[1.5, pytest.approx(2**-0.1, abs=1e-9), 2, NOTHING], [NOTHING] * 4]
    assert why(found, (0, 0), (0, 1), (0, 2)) == [
        "you have bought it on 9 days, last 10 days ago", "you bought it yesterday", "you have bought it on 4 days, last today",
    ]


@pytest.mark.parametrize(
    "scorer",
    [ItemWeights("x", Recency(1), "{}"), Neighbours("x", 1), Factors("x", Recency(1)), Order("x"), Again("x", 1, 1)],
    ids=lambda scorer: type(scorer).__name__,
)
def test_nobody_and_nothing_asked_gives_no_reasons(scorer: Scorer) -> None:
    found = ready(scorer, ABC, [asked("zoe")])
    assert found.reasons(np.zeros(0, np.int64), np.zeros(0, np.int64)) == []
    assert found.tile(0, 0).shape == (0, 3)
