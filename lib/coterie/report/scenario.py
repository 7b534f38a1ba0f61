"""What would move a customer to another segment: the stored model is asked where they would be after some more orders, or none."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coterie.features.steps import NumberStep
from coterie.segments.placing import ClusterSegmentation

_ORDERS = 24  # further orders tried, at most
_SIZES = (1.0, 1.5, 2.0, 3.0)  # sizes of them tried, in usual ones
_QUIET = 365  # further days without an order tried, at most
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """`orders` more orders of `value` each, today, or `days` more without one; then the customer is in `segment_id`."""

    segment_id: int
    orders: int = 0
    value: float = 0.0
    days: int = 0


class Placer:
    """The segments of customers that might be, by a stored clustering. Numbers as of the date; a missing one is filled as in the model."""

    def __init__(self, payload: str) -> None:
        """`payload`: of a row of `models` that places customers by their features."""
        stored = json.loads(payload)
        self._segmentation = ClusterSegmentation.from_content(stored["content"], stored["ids"])

    @property
    def columns(self) -> list[str]:
        found = self._segmentation.vectoriser
        return found.columns if found else []

    def place(self, customers: Sequence[Row]) -> list[int]:
        """The segment id of each."""
        vectoriser, model = self._segmentation.vectoriser, self._segmentation.model
        if vectoriser is None or model is None:
            return [0] * len(customers)
        raw = {}
        for step in vectoriser.encoding.steps:
            values = [customer.get(step.name) for customer in customers]
            is_number = isinstance(step, NumberStep)
            raw[step.name] = np.array([np.nan if value is None else float(value) for value in values]) if is_number else np.array(values, dtype=object)
        found = model.place(vectoriser.encoding.apply(raw, len(customers)))
        return [self._segmentation.ids[cluster] for cluster in found.cluster]


def ordering(customer: Row, orders: int, value: float) -> dict[str, Any]:
    """The customer's features after so many further orders of so much on the as-of date; what cannot be known stays."""
    spent = orders * value
    after = dict(customer)
    for name in ("frequency", "orders_30d", "orders_90d"):
        after[name] = float(customer.get(name) or 0) + orders
    for name in ("monetary", "gross_revenue", "monetary_30d", "monetary_90d"):
        after[name] = float(customer.get(name) or 0) + spent
    after |= {"recency": 0, "days_since_last_event": 0, "overdue": 0.0}
    after["average_order_value"] = after["gross_revenue"] / after["frequency"]
    after["return_adjusted_value"] = after["monetary"] / after["frequency"]
    months = (float(customer.get("tenure") or 0) + 1) / 30
    return after | {"monthly_orders": after["frequency"] / months, "monthly_revenue": after["monetary"] / months}


def cheapest_way_up(placer: Placer, customer: Row, usual: float, worth: Mapping[int, float], now: int) -> Step | None:
    """The least money in further orders that puts the customer into a segment whose customers are worth more; None: none that was tried.

    usual: the value of an order. worth: revenue a customer of each segment. Of equal sums the fewer orders win.
    """
    if usual <= 0:
        return None
    tried = sorted(
        ((orders * usual * size, orders, usual * size) for orders in range(1, _ORDERS + 1) for size in _SIZES), key=lambda one: (round(one[0], 6), one[1])
    )
    ends = placer.place([ordering(customer, orders, value) for _, orders, value in tried])
    better = (Step(end, orders, value) for (_, orders, value), end in zip(tried, ends, strict=True) if worth.get(end, 0) > worth.get(now, 0))
    return next(better, None)


def first_slip(placer: Placer, customer: Row, worth: Mapping[int, float], now: int) -> Step | None:
    """After how many further days without an order the customer is in a segment worth less; None: within a year in none.

    Only for models that look at nothing but what a quiet day changes in a known way.
    """
    if not set(placer.columns) <= {"recency", "frequency", "monetary", "gross_revenue", "purchase_count", "unit_count", "average_order_value", "basket_size",
                                   "item_count", "repeat_share", "tenure", "days_since_first_order", "days_since_last_event"}:  # fmt: skip
        return None
    tried = list(_quiet(customer))
    ends = placer.place(tried)
    return next((Step(end, days=day) for day, end in enumerate(ends, 1) if worth.get(end, 0) < worth.get(now, 0)), None)


def _quiet(customer: Row) -> Iterator[dict[str, Any]]:
    for day in range(1, _QUIET + 1):
        later = dict(customer)
        for name in ("recency", "tenure", "days_since_first_order", "days_since_last_event"):
            if later.get(name) is not None:
                later[name] = float(later[name]) + day
        yield later
