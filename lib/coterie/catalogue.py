"""The features of a customer, each an entry: what it is called, what it measures, and what it means when it is missing.

`customer_features` has one column an entry, in this order. The feature dictionary and the column comments are made from here.
This module stands beside `schemas` (which makes the table of it) and imports nothing of Coterie.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One feature of a customer as of a date.

    `type` is Spark's simple name of the column type. `missing` says in words what null means (empty: never null); `fill` is what the
    model input puts in its place: a number, 'max', 'median' or 'unknown' (categories), with the reason in `fill_reason`.
    """

    name: str
    type: str
    unit: str
    meaning: str
    window: str = "lifetime"
    sources: tuple[str, ...] = ("daily_activity",)
    missing: str = ""
    fill: str = "0"
    fill_reason: str = "counts nothing where nothing happened"


FEATURES: tuple[Feature, ...] = (
    Feature("recency", "int", "days", "days from the last purchase day to the as-of date, which counts as 0",
            missing="never bought", fill="max", fill_reason="never bought is further away than the longest absence seen"),
    Feature("frequency", "bigint", "orders", "orders that were not cancelled in full"),
    Feature("monetary", "decimal(28,4)", "currency", "net revenue: purchases less returns and cancels"),
)
