"""What would move a customer, by a stored model whose borders are known."""

import json
from typing import Any

import pytest

from coterie.report.scenario import Placer, cheapest_way_up, first_slip, ordering


def step(name: str) -> dict[str, Any]:
    """A column as it is: nothing clipped, nothing scaled, 0 where it is missing."""
    return {"name": name, "fill": 0.0, "fill_reason": "", "low": None, "high": None, "transform": "standard", "values": [], "ranks": [], "mean": 0.0, "sd": 1.0}


def payload(columns: list[str], centres: list[list[float]], ids: list[int]) -> str:
    steps, keep = [step(name) for name in columns], [*range(len(columns))]
    vectoriser = {"steps": steps, "keep": keep, "names": columns, "dropped": {}, "components": None, "explained": None}
    return json.dumps({"ids": ids, "content": {"method": "kmeans", "model": {"centres": centres}, "vectoriser": vectoriser}})


BY_MONEY = payload(["monetary"], [[0.0], [100.0], [400.0]], [7, 8, 9])  # borders at 50 and 250
WORTH = {7: 10.0, 8: 100.0, 9: 400.0}
CUSTOMER = {"monetary": 20, "gross_revenue": 30, "frequency": 2, "recency": 5, "tenure": 59}


def test_the_stored_model_places_customers_that_might_be() -> None:
    assert Placer(BY_MONEY).place([{"monetary": 49}, {"monetary": 51}, {"monetary": 251}, {"monetary": None}]) == [7, 8, 9, 7]
    assert Placer(BY_MONEY).columns == ["monetary"]


def test_further_orders_change_what_follows_from_them() -> None:
    after = ordering(CUSTOMER, 2, 15.0)
    assert (after["monetary"], after["gross_revenue"], after["frequency"], after["recency"], after["orders_30d"]) == (50, 60, 4, 0, 2)
    assert after["average_order_value"] == 15
    assert after["monthly_orders"] == 2  # 4 orders in 60 days
    assert CUSTOMER["monetary"] == 20


def test_the_least_money_that_reaches_a_better_segment_is_found() -> None:
    """From 20 past 50: 2 orders of 15 end on the border, where the first centre wins; 1 of 45 and 3 of 15 cost the same, and fewer orders win."""
    way = cheapest_way_up(Placer(BY_MONEY), CUSTOMER, 15.0, WORTH, 7)
    assert way is not None
    assert (way.segment_id, way.orders, way.value) == (8, 1, 45.0)


@pytest.mark.parametrize(("usual", "now"), [(0.0, 7), (0.01, 7), (15.0, 9)])
def test_there_may_be_no_way_up(usual: float, now: int) -> None:
    assert cheapest_way_up(Placer(BY_MONEY), CUSTOMER, usual, WORTH, now) is None


def test_a_quiet_customer_slips_on_the_day_the_border_is_crossed() -> None:
    placer = Placer(payload(["recency"], [[0.0], [60.0]], [1, 2]))  # border at 30 days, which belongs to the first
    slip = first_slip(placer, CUSTOMER, {1: 50.0, 2: 5.0}, 1)
    assert slip is not None
    assert (slip.segment_id, slip.days) == (2, 26)
    assert first_slip(placer, CUSTOMER, {1: 5.0, 2: 50.0}, 1) is None


def test_a_model_of_windows_says_nothing_of_quiet_days() -> None:
    assert first_slip(Placer(payload(["orders_30d"], [[0.0], [9.0]], [1, 2])), CUSTOMER, {1: 1.0, 2: 9.0}, 2) is None
