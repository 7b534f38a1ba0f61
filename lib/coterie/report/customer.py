"""One customer in sections: what they did, where they stand, who is like them, what is offered, what would move them."""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coterie.report.blocks import Chart, Column, Figure, Figures, Points, Section, Table, Text
from coterie.report.charts import bars, figure, titled
from coterie.report.queries.customer import DAYS
from coterie.report.scenario import Placer, cheapest_way_up, first_slip
from coterie.report.sections.offers import MODELS
from coterie.report.words import amount, capital, counted, cut, day, label, money, percent, plain, spoken

_SHOWN_DAYS = 12
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Customer:
    """All that is known of a customer as of a date; a list is None where its table is not there, or keeps nothing of the date.

    features: the row of customer_features. segments: rows of `segments` by segmentation. profiles: rows of segment_profiles of the date.
    """

    customer_id: str
    as_of: datetime.date
    currency: str
    features: Row
    segments: Mapping[str, Row]
    profiles: Sequence[Row]
    beside: Row
    compared: Sequence[str]
    days: Sequence[Row] | None
    bought: Sequence[Row]
    neighbours: Sequence[Row] | None
    shared: Sequence[Row] | None
    offers: Sequence[Row] | None
    payload: str | None

    @property
    def segment(self) -> Row | None:
        return self.segments.get("chosen")

    def profile(self, segment_id: int, segmentation: str = "chosen") -> Row | None:
        return next((row for row in self.profiles if row["segment_id"] == segment_id and row["segmentation"] == segmentation), None)


def customer_sections(one: Customer) -> list[Section]:
    return [
        Section("who", "Who they are", "Who", "", [_figures(one), *_segment(one)]),
        Section("did", "What they did", "Did", "", _timeline(one)),
        Section("beside", "Beside their segment and the shop", "Beside", "", [_beside(one)]),
        Section("like", "Customers like them", "Like them", "", [_neighbours(one)]),
        Section("offers", "What is offered to them", "Offers", "", [_offers(one)]),
        Section("next", "What would move them", "Next", "", [_next(one)]),
    ]


def _figures(one: Customer) -> Figures:
    f = one.features
    recency = "has not ordered" if f["recency"] is None else "today" if f["recency"] == 0 else f"{counted(f['recency'], 'day')} ago"
    return Figures(
        [
            Figure(f"{f['frequency'] or 0:,}", "orders" if f["frequency"] != 1 else "order", f"known for {counted(f['tenure'], 'day')}"),
            Figure(
                money(f["monetary"] or 0, one.currency),
                "net revenue",
                f"{money(f['average_order_value'], one.currency)} an order" if f["average_order_value"] else "",
            ),
            Figure(recency, "last order"),
        ]
    )


def _segment(one: Customer) -> list[Any]:
    row = one.segment
    if row is None:
        return [Text("Their segment cannot be shown: there are no segments of this date. The job that writes them is `coterie segments`.", is_missing=True)]
    profile = one.profile(row["segment_id"]) or {}
    points = [("Segment", _named(row, profile))]
    if row["confidence"] is not None:
        is_probability = one.payload is not None and json.loads(one.payload)["content"]["method"] == "gaussian_mixture"
        well, near, least = (0.9, 0.6, "the probability that it is this one") if is_probability else (0.5, 0.2, "1 at best and 0 half-way to the next segment")
        sure = "well inside it" if row["confidence"] > well else "inside it, with another one not far" if row["confidence"] > near else "at its border"
        other = one.profile(row["next_segment_id"]) if row.get("next_segment_id") is not None else None
        beyond = f" The next one is {cut(other['segment_name'], 80)}." if other else ""
        points.append(("How sure", f"{capital(sure)}: confidence {row['confidence']:.2f}, {least}.{beyond}"))
    if profile.get("rule"):
        points.append(("Its rule", cut(profile["rule"], 300)))
    rules = one.segments.get("rfm_rules")
    if rules is not None:
        about = (one.profile(rules["segment_id"], "rfm_rules") or {}).get("description") or ""
        points.append(("By RFM rules", cut(rules["segment_name"], 80) + (f": {cut(about.partition(':')[0], 160)}" if ":" in about else "")))
    return [Points(points)]


def _named(row: Row, profile: Row) -> str:
    name = cut(row["segment_name"], 100)
    if profile.get("share") is None:
        return f"{name}."
    return f"{name}: {spoken(profile['share'])} buyers, {percent(profile['revenue_share'])} of the revenue."


def _timeline(one: Customer) -> list[Any]:
    if one.days is None:
        return [Text("What they did cannot be shown: the lake has no table daily_activity. The job that writes it is `coterie features`.", is_missing=True)]
    titles: dict[Any, list[str]] = {}
    for row in one.bought:
        titles.setdefault(row["activity_date"], []).append(cut(row["title"], 44))
    rows = []
    for row in one.days:
        named, lines = titles.get(row["activity_date"], []), row["lines"]
        rest = lines - len(named)
        what = ", ".join(named) + (f" and {rest} more" if named and rest > 0 else "")
        others = row["events"] - lines
        rows.append(
            [
                str(row["activity_date"]),
                row["orders"],
                float(row["revenue"]),
                float(row["given_back"]),
                what or f"{'gave back' if row['given_back'] else counted(others, 'event')}, nothing bought",
            ]
        )
    columns = [Column("day"), Column("orders", "number"), Column(f"bought, {one.currency}", "money"), Column("given back", "money"), Column("what", wide=True)]
    more = f" The newest {_SHOWN_DAYS} of {len(rows)} days." if len(rows) > _SHOWN_DAYS else ""
    note = f"Days with an event up to {day(one.as_of)}, the newest first, orders that were cancelled later included; of each the items of most revenue.{more}"
    table = Table("Day by day", columns, rows[:_SHOWN_DAYS], note)
    sums: dict[str, float] = {}
    for row in one.days:
        sums.setdefault(f"{row['activity_date']:%Y-%m}-01", 0.0)
        sums[f"{row['activity_date']:%Y-%m}-01"] += float(row["revenue"]) + float(row["given_back"])
    months = sorted(sums)[1 if len(one.days) == DAYS else 0 :]  # where the oldest days are left out, so is their month
    if len(months) < 2:
        return [table]
    hover = [f"<b>{month[:7]}</b><br>{money(sums[month], one.currency)}" for month in months]
    picture = figure(
        [bars(months, [sums[month] for month in months], hover)], xaxis={"showgrid": False, "type": "date"}, yaxis=titled(f"net revenue, {one.currency}")
    )
    by_month = Table("Net revenue by month", [Column("month"), Column(f"net revenue, {one.currency}", "money")], [[month[:7], sums[month]] for month in months])
    return [
        table,
        Chart("customer-months", "Net revenue by month", f"Months with an event, up to {day(one.as_of)}, in {one.currency}.", picture, by_month, 240),
    ]


def _beside(one: Customer) -> Table:
    rows = []
    for name in one.compared:
        own, below = one.features[name], one.beside[f"{name}_below"]
        values = [amount(name, value, one.currency) for value in (own, one.beside[f"{name}_segment"], one.beside[f"{name}_shop"])]
        rows.append([label(name), *values, None if own is None else below])
    columns = [Column("feature", wide=True), Column("they"), Column("their segment"), Column("all buyers"), Column("buyers below them", "share")]
    return Table(
        "Their features", columns, rows, f"Medians of the segment and of all who have bought, as of {day(one.as_of)}. Below: buyers whose value is lower."
    )


def _neighbours(one: Customer) -> Table | Text:
    if not one.neighbours:
        lacks = "the lake has no table similar_customers" if one.neighbours is None else "nobody has a taste like theirs, or nothing is known of theirs"
        return Text(f"Customers like them cannot be shown: {lacks}.", is_missing=True)
    columns = [Column("customer"), Column("likeness", "number")]
    note = f"Likeness is the cosine of what the two looked at and bought, 1 at most; as of {day(one.as_of)}."
    if one.shared is None:
        rows = [[cut(row["neighbour"], 40), row["cosine"]] for row in one.neighbours]
        return Table("Most like them", columns, rows, f"{note} What they share is kept for the last date that offers were made for, which is another.")
    shared, rows = {row["neighbour"]: row for row in one.shared}, []
    for row in one.neighbours:
        both = shared.get(row["neighbour"], {"shared": 0, "titles": []})
        rows.append(
            [cut(row["neighbour"], 40), row["cosine"], both["shared"], ", ".join(cut(title, 40) for title in both["titles"]) or "nothing bought by both"]
        )
    return Table("Most like them", [*columns, Column("items both bought", "number"), Column("among them", wide=True)], rows, note)


def _offers(one: Customer) -> Table | Text:
    if not one.offers:
        return Text("There are no offers for them as of this date. The job that writes them is `coterie recommend`.", is_missing=True)
    rows = [[row["rank"], cut(row["title"], 70), cut(row["reason"], 100), MODELS.get(row["source"], row["source"])] for row in one.offers]
    columns = [Column("place", "number"), Column("offer", wide=True), Column("why", wide=True), Column("who says so")]
    return Table("Their list", columns, rows, f"As of {day(one.as_of)}, best first.")


def _next(one: Customer) -> Points | Text:
    if one.segment is None or one.payload is None:
        return Text("What would move them cannot be said: their segment's model is not there.", is_missing=True)
    placer, now = Placer(one.payload), one.segment["segment_id"]
    profiles = [row for row in one.profiles if row["segmentation"] == "chosen" and row["size"]]
    worth = {row["segment_id"]: float(row["revenue"]) / row["size"] for row in profiles}
    names = {row["segment_id"]: cut(row["segment_name"], 80) for row in profiles}
    usual = float(one.features["average_order_value"] or one.beside.get("average_order_value_shop") or 0)
    points = [("Up", _way_up(one, placer, usual, worth, names, now))]
    slip = first_slip(placer, one.features, worth, now) if one.features["frequency"] else None
    if slip is not None:
        points.append(("Down", f"Without an order for {counted(slip.days, 'more day')}, they would be in: {names.get(slip.segment_id, slip.segment_id)}."))
    return Points(points)


def _way_up(one: Customer, placer: Placer, usual: float, worth: Mapping[int, float], names: Mapping[int, str], now: int) -> str:
    if worth and worth.get(now, 0) >= max(worth.values()):
        return "They are in the segment whose customers bring most."
    step = cheapest_way_up(placer, one.features, usual, worth, now)
    if step is None:
        return "No number of orders that was tried, up to 24 of three times the usual value, would take them into a segment that is worth more."
    value = money(step.value, one.currency)
    whose = "their usual value" if one.features["average_order_value"] else "the shop's usual value"
    times = "" if abs(step.value - usual) < 0.005 else f"{plain(step.value / usual)} times "
    kind = f"{counted(step.orders, 'more order')} of {value}{' each' if step.orders > 1 else ''} ({times}{whose})"
    revenue = f", whose customers bring {money(worth[step.segment_id], one.currency)} each"
    return f"{kind} today would take them to: {names.get(step.segment_id, step.segment_id)}{revenue}. All else is left as it is."
