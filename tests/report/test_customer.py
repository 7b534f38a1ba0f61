"""One customer in sections, written out."""

import datetime
import json
from dataclasses import replace
from typing import Any

from tests.report.test_scenario import BY_MONEY

from coterie.pipeline.explain import items_kept_of
from coterie.report.blocks import Points, Table
from coterie.report.customer import Customer, customer_sections
from coterie.report.queries.customer import COMPARED, DAYS

DAY = datetime.date(2024, 5, 31)
FEATURES: dict[str, Any] = dict.fromkeys([*COMPARED, "gross_revenue", "monetary_30d"]) | {"frequency": 0, "tenure": 59, "monetary": 0}
PROFILES = [
    {"segmentation": "chosen", "segment_id": number, "segment_name": name, "size": 10, "share": share, "revenue": revenue, "revenue_share": 0.5, "rule": None}
    for number, name, share, revenue in ((0, "Has not bought yet", None, 0), (7, "Low", 0.3, 100), (8, "Middle", 0.3, 1000), (9, "High", 0.4, 4000))
]
NEIGHBOURS = [{"neighbour": "n1", "place": 0, "cosine": 0.62}]
STRANGER = Customer(
    customer_id="c1",
    as_of=DAY,
    currency="EUR",
    features=FEATURES,
    segments={"chosen": {"segment_id": 0, "segment_name": "Has not bought yet", "confidence": None, "next_segment_id": None}},
    profiles=PROFILES,
    beside={"average_order_value_shop": 60.0},
    compared=[],
    days=[],
    bought=[],
    neighbours=NEIGHBOURS,
    shared=[],
    offers=[],
    payload=BY_MONEY,  # borders at 50 and 250
)


def blocks(one: Customer, name: str) -> list[Any]:
    return next(section.blocks for section in customer_sections(one) if section.id == name)


def said(one: Customer, name: str) -> dict[str, str]:
    return dict(next(block for block in blocks(one, name) if isinstance(block, Points)).points)


def test_one_who_has_not_bought_is_told_what_an_order_of_the_usual_value_does() -> None:
    way = said(STRANGER, "next")["Up"].replace("\u00a0", " ")
    assert way.startswith("1 more order of EUR 60.00 (the shop's usual value) today would take them to: Middle")


def test_what_neighbours_share_is_shown_where_it_is_kept() -> None:
    [none] = blocks(STRANGER, "like")
    assert [list(row) for row in none.rows] == [["n1", 0.62, 0, "nothing bought by both"]]
    [unknown] = blocks(replace(STRANGER, shared=None), "like")
    assert isinstance(unknown, Table)
    assert [list(row) for row in unknown.rows] == [["n1", 0.62]]
    assert "kept for the last date that offers were made for" in unknown.note


def test_what_neighbours_share_is_kept_of_the_date_that_was_weighed_last() -> None:
    def row(job: str, day: int | None, state: str = "finished", wrote: bool = True) -> dict[str, Any]:
        as_of = datetime.date(2024, 3, day) if day else None
        return {"job": job, "as_of": as_of, "state": state, "tables_written": {"customer_items": 1} if wrote else {}}

    newest_first = [row("maintain", None), row("recommend", 20, wrote=False), row("tune", 9, "failed", wrote=False), row("tune", 10), row("recommend", 20)]
    assert items_kept_of(newest_first) == datetime.date(2024, 3, 10)
    assert items_kept_of(newest_first[:3]) is None


def test_a_probability_is_not_told_as_a_distance() -> None:
    placed = replace(STRANGER, segments={"chosen": {"segment_id": 7, "segment_name": "Low", "confidence": 0.55, "next_segment_id": 8}})
    assert said(placed, "who")["How sure"].startswith("Well inside it: confidence 0.55, 1 at best and 0 half-way")
    stored = json.loads(BY_MONEY)
    stored["content"] |= {"method": "gaussian_mixture", "model": {"weights": [1 / 3] * 3, "means": [[0], [100], [400]], "covariances": [[[1]]] * 3}}
    mixture = said(replace(placed, payload=json.dumps(stored)), "who")["How sure"]
    assert mixture == "At its border: confidence 0.55, the probability that it is this one. The next one is Middle."


def test_the_month_that_is_cut_off_is_left_out() -> None:
    def day(number: int) -> dict[str, Any]:
        return {"activity_date": DAY - datetime.timedelta(days=number), "orders": 1, "lines": 1, "revenue": 10, "given_back": 0, "events": 1}

    whole = blocks(replace(STRANGER, days=[day(number) for number in range(60)]), "did")[1].table
    assert [row[0] for row in whole.rows] == ["2024-04", "2024-05"]
    cut = blocks(replace(STRANGER, days=[day(number) for number in range(DAYS)]), "did")[1].table
    assert cut.rows[0][0] == "2023-05"  # of April 2023 not every day is known
