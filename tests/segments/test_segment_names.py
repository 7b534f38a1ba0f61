"""Names and sentences from portraits."""

from decimal import Decimal

from coterie.segments.names import described, named
from coterie.segments.statistics import Portrait, Trait


def portrait(segment_id: int, size: int, recency: float, orders: float, money: float, *traits: Trait) -> Portrait:
    means = {"recency": recency, "frequency": orders, "monetary": money}
    return Portrait("chosen", segment_id, size, 0.5, Decimal(100), 0.25, means, traits)


MORE_VIEWS = Trait("view_count", 1.5, None, 30.0, 10.0)
LESS_VIEWS = Trait("view_count", -1.5, None, 1.0, 10.0)
LATE = Trait("evening_share", 0.8, None, 0.5, 0.2)


def test_a_name_says_how_often_how_much_at_once_and_how_lately() -> None:
    # The shop: 213 orders of 60 customers (3.55 each) of 67.9 each. The first spend 90 an order, the second 60, the third 20.
    found = named([portrait(1, 10, 5.0, 10.0, 900.0), portrait(2, 20, 20.0, 4.0, 240.0), portrait(3, 30, 200.0, 1.1, 22.0)])
    assert found == {
        1: "Frequent big-basket buyers, active last week",
        2: "Regular buyers, active last month",
        3: "One-time small-basket buyers, quiet for 7 months",
    }


def test_segments_that_look_alike_are_told_apart_by_a_trait_the_others_lack() -> None:
    found = named([portrait(1, 10, 5.0, 3.0, 30.0, LATE, MORE_VIEWS), portrait(2, 10, 5.0, 3.0, 30.0, LATE, LESS_VIEWS), portrait(3, 10, 6.0, 3.0, 30.0, LATE)])
    assert found == {
        1: "Regular buyers, active last week, high view count",
        2: "Regular buyers, active last week, low view count",
        3: "Regular buyers, active last week, segment 3",
    }


def test_who_has_not_bought_has_a_name_of_their_own() -> None:
    found = named([Portrait("chosen", 0, 3, None, Decimal(0), None, {"frequency": 0.0})])
    assert found == {0: "Has not bought yet"}


def test_long_gone_customers_are_not_counted_in_months() -> None:
    assert named([portrait(1, 1, 500.0, 1.0, 10.0)])[1] == "One-time buyers, gone for over a year"


def test_a_description_is_one_sentence_with_the_figures_and_what_sets_them_apart() -> None:
    assert described(portrait(1, 1200, 5.0, 10.0, 900.0, MORE_VIEWS, Trait("recency", -0.9, None, 5.0, 80.0), LATE), "GBP") == (
        "1,200 customers (50.0 %) with 25.0 % of the revenue; on average 10.0 orders and 900 GBP each, last bought 5 days ago; "
        "above the shop's average in view count and evening share, below the shop's average in days since the last purchase."
    )


def test_the_words_of_a_rule_go_before() -> None:
    assert described(portrait(1, 1, 5.0, 1.0, 9.0), "EUR", "bought lately") == (
        "Bought lately: 1 customer (50.0 %) with 25.0 % of the revenue; on average 1.0 orders and 9 EUR each, last bought 5 days ago."
    )


def test_who_has_not_bought_is_described_without_figures() -> None:
    assert described(Portrait("chosen", 0, 3, None, Decimal(0), None, {}), "EUR") == "3 customers seen in the shop without a purchase that still counts."
