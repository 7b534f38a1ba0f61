"""Who the customers are: the segments beside each other, a picture of all, and a card for each."""

import json
from collections.abc import Mapping
from typing import Any

from coterie.report.blocks import Cards, Chart, Column, Facts, Section, Table, Text
from coterie.report.charts import bars, colour, dots, figure, safe, titled
from coterie.report.words import amount, capital, counted, cut, day, label, meaning, money, month, percent, plain, spoken

NOT_BOUGHT = 0
_SHOWN_POINTS = 1500  # customers in the picture, at most
Row = Mapping[str, Any]


def profiles(facts: Facts) -> list[dict[str, Any]]:
    """The profiles of the chosen segments of the date, the one with the most revenue first, who has not bought last."""
    found = [row for row in facts.rows("profiles") if row["segmentation"] == "chosen"]
    return sorted(found, key=lambda row: (row["segment_id"] == NOT_BOUGHT, -float(row["revenue"]), row["segment_id"]))


def name_of(facts: Facts) -> dict[int, str]:
    """Names of the chosen segments by id, those of the earlier dates whose sizes are shown included."""
    rows = sorted(facts.rows("sizes"), key=lambda row: row["as_of"])
    return {row["segment_id"]: cut(row["segment_name"], 80) for row in rows}


def segments_section(facts: Facts) -> Section:
    found = profiles(facts)
    if not found:
        gap = facts.missing("profiles", "segments", "The segments") if facts.absent.get("profiles") or not facts.rows("sizes") else None
        words = f"There are no segments as of {facts.as_of}; `coterie segments` makes them."
        return Section("segments", "Who the customers are", "Segments", "", [gap or Text(words, is_missing=True)])
    clustered = [row for row in found if row["segment_id"] != NOT_BOUGHT]
    lead = (
        f"{counted(sum(row['size'] for row in clustered), 'customer')} who have bought fall into {counted(len(clustered), 'group')} by what they did; "
        + ("as many as the settings say." if _is_number_given(facts) else "how many was found, not given.")
        if len(clustered) != 1
        else "All customers who have bought are one group: nothing that was looked at tells them apart."
    )
    blocks: list[Any] = [_beside(facts, found), *_map(facts), *_sizes(facts), Cards([_card(facts, row) for row in found])]
    return Section("segments", "Who the customers are", "Segments", lead, blocks)


def _is_number_given(facts: Facts) -> bool:
    found = facts.rows("clustering")
    return bool(found and found[0]["k"]) and len(set(json.loads(found[0]["k"]))) == 1


def _beside(facts: Facts, found: list[dict[str, Any]]) -> Chart:
    buyers = sum(row["size"] for row in found if row["segment_id"] != NOT_BOUGHT)
    names = [safe(row["segment_name"], 80) for row in reversed(found)]
    shares = [(row["size"] / buyers if row["segment_id"] != NOT_BOUGHT and buyers else None, row["revenue_share"]) for row in reversed(found)]
    fills = [colour(row["segment_id"]) for row in reversed(found)]
    hover = [f"<b>{name}</b><br>{percent(one[0])} of those who bought<br>{percent(one[1])} of the revenue" for name, one in zip(names, shares, strict=True)]
    customers = bars(names, [100 * (one[0] or 0) for one in shares], hover, fill="var(--faint)", name="share of the customers", flat=True)
    revenue = bars(names, [100 * (one[1] or 0) for one in shares], hover, fill=fills, name="share of the revenue", flat=True)
    picture = figure(
        [revenue, customers],
        barmode="group",
        bargroupgap=0.08,
        xaxis=titled("per cent", range=[0, 105 * max([*map(_larger, shares), 0.01])]),
        yaxis={"showgrid": False},
    )
    columns = [Column("segment", wide=True), Column("customers", "number"), Column("share of buyers", "share"),
               Column(f"net revenue, {facts.currency}", "money"), Column("share of revenue", "share"),
               Column(f"revenue a customer, {facts.currency}", "money")]  # fmt: skip
    rows = [
        [
            cut(row["segment_name"]),
            row["size"],
            row["share"],
            float(row["revenue"]),
            row["revenue_share"],
            float(row["revenue"]) / row["size"] if row["size"] else None,
        ]
        for row in found
    ]
    note = (
        f"In grey the share of the customers who have bought, in colour that of the net revenue. As of {day(facts.as_of)}, everything since the first record."
    )
    return Chart("segments-shares", "How many customers, how much revenue", note, picture, Table("The segments", columns, rows, note), 90 + 52 * len(found))


def _larger(shares: tuple[float | None, float | None]) -> float:
    return max(shares[0] or 0.0, shares[1] or 0.0)


def _map(facts: Facts) -> list[Any]:
    """Days since the last order against revenue, a dot a customer of the sample."""
    sample = [row for row in facts.rows("sample") if row["segment_id"] and row["recency"] is not None and (row["monetary"] or 0) > 0]
    if not sample:
        return []
    names, drawn = name_of(facts), sample[:_SHOWN_POINTS]
    data = []
    for segment_id in sorted({row["segment_id"] for row in drawn}):
        own, name = [row for row in drawn if row["segment_id"] == segment_id], safe(names.get(segment_id, str(segment_id)), 80)
        hover = [
            f"<b>{name}</b><br>last ordered {row['recency']:.0f} days ago<br>{money(row['monetary'], facts.currency)} in {counted(row['frequency'], 'order')}"
            for row in own
        ]
        made = dots([row["recency"] for row in own], [round(row["monetary"], 2) for row in own], hover, fill=colour(segment_id), size=6, name=name)
        data.append(made | {"marker": {**made["marker"], "opacity": 0.65}})
    picture = figure(data, xaxis=titled("days since the last order", autorange="reversed", zeroline=False),
                     yaxis=titled(f"net revenue, {facts.currency} (each step ten times)", type="log", dtick=1, tickformat=",~r"), showlegend=True)  # fmt: skip
    known = {row["segment_id"]: row for row in facts.rows("middles")}
    for row in facts.rows("totals"):
        known[None] = {**row, "customers": row["buyers"]}
    columns = [Column("segment", wide=True), Column("customers", "number"), Column("days since the last order", "number"), Column("orders", "number"),
               Column(f"net revenue, {facts.currency}", "money"), Column(f"value of an order, {facts.currency}", "money")]  # fmt: skip
    keys = ("recency", "frequency", "monetary", "average_order_value")
    listed = [*(row["segment_id"] for row in profiles(facts)), None]
    rows = [[names.get(one, "all who have bought"), known[one]["customers"], *(known[one][key] for key in keys)] for one in listed if one in known]
    total = facts.rows("totals")[0]["buyers"] if facts.rows("totals") else len(sample)
    who = f"{counted(len(drawn), 'customer')} of {total:,} who have bought, drawn evenly, as of {day(facts.as_of)}"
    note = f"{who}. To the right: bought lately. Further up: bought for more."
    table = Table("The middle customer of each segment", columns, rows, f"Medians over every customer of the segment, as of {day(facts.as_of)}.")
    return [Chart("segments-map", "Every dot a customer", note, picture, table, 480)]


def _sizes(facts: Facts) -> list[Any]:
    """The segments' sizes over the as-of dates, where there are several."""
    rows = facts.rows("sizes")
    dates = sorted({row["as_of"] for row in rows})
    if len(dates) < 2:
        return []
    names, sizes = name_of(facts), {(row["as_of"], row["segment_id"]): row["size"] for row in rows}
    data, table = [], []
    for segment_id in sorted(names):
        own = [(one, sizes.get((one, segment_id))) for one in dates]
        known = [(str(one), size) for one, size in own if size is not None]
        hover = [f"<b>{safe(names[segment_id])}</b><br>{counted(size, 'customer')}<br>as of {one}" for one, size in known]
        data.append(
            dots([one for one, _ in known], [size for _, size in known], hover, fill=colour(segment_id), name=safe(names[segment_id], 80), mode="lines+markers")
        )
        table.append([names[segment_id], *(size for _, size in own)])
    columns = [Column("segment", wide=True), *(Column(str(one), "number") for one in dates)]
    note = f"Customers in each segment at the {counted(len(dates), 'as-of date')} up to {day(facts.as_of)}."
    picture = figure(data, xaxis={"showgrid": False, "type": "date"}, yaxis=titled("customers", rangemode="tozero"), showlegend=True)
    return [Chart("segments-sizes", "How the segments grew", note, picture, Table("Sizes by date", columns, table, note), 380)]


def _card(facts: Facts, row: Row) -> dict[str, Any]:
    """What the template shows of a segment."""
    size, revenue, is_buyer = row["size"], float(row["revenue"]), row["segment_id"] != NOT_BOUGHT
    middle = next((one for one in facts.rows("middles") if one["segment_id"] == row["segment_id"]), None)
    offers = [one for one in facts.rows("segment_offers") if one["segment_id"] == row["segment_id"]]
    headline = (
        f"{capital(spoken(row['share']))} buyers, {percent(row['revenue_share'])} of the revenue"
        if is_buyer
        else f"{counted(size, 'customer')} seen without a purchase that still counts"
    )
    numbers = [
        ("customers", f"{size:,}"),
        ("net revenue", money(revenue, facts.currency)),
        ("a customer", money(revenue / size, facts.currency) if size else "none"),
    ]
    if middle and is_buyer:
        numbers += [("median orders", plain(middle["frequency"])), ("median days since the last order", plain(middle["recency"]))]
    return {
        "id": row["segment_id"],
        "colour": colour(row["segment_id"]),
        "name": cut(row["segment_name"], 120),
        "headline": headline if size else "nobody is in this segment",
        "numbers": numbers if is_buyer else numbers[:1],
        "traits": [_trait(one, facts.currency) for one in row["traits"] or []],
        "rule": cut(row.get("rule"), 400),
        "rule_note": _rule_note(row),
        "origins": _origins(row),
        "by_rules": _by_rules(row) if is_buyer else "",
        "categories": [
            (cut(one["category"], 60), f"{one['lift']:.1f} times as often as in the shop", f"{one['customers']:,} customers")
            for one in row["favourite_categories"] or []
        ],
        "lift": [_offer(one) for one in offers if one["list"] == "lift"],
        "best": [_offer(one) for one in offers if one["list"] == "best"],
        "no_offers": "" if offers else _no_offers(facts),
        "typical": [cut(one, 40) for one in (row["typical_customers"] or [])[:5]],
        "border": [cut(one, 40) for one in (row.get("border_customers") or [])[:5]],
        "images": [one for one in facts.rows("images") if one["segment_id"] == row["segment_id"]],
    }


def _trait(trait: Row, currency: str) -> dict[str, Any]:
    feature, strength = trait["feature"], trait["strength"]
    effect = f", Cohen's d {trait['effect']:.1f} against all others" if trait.get("effect") is not None else ""
    return {
        "label": label(feature),
        "meaning": meaning(feature),
        "here": amount(feature, trait["segment_mean"], currency),
        "shop": amount(feature, trait["shop_mean"], currency, counts=False),
        "is_more": strength > 0,
        "width": round(min(1.0, abs(strength) / 2) * 50, 1),  # two standard deviations fill the half
        "strength": f"{abs(strength):.1f} standard deviations {'above' if strength > 0 else 'below'} the shop's mean{effect}",
    }


def _rule_note(row: Row) -> str:
    precision, recall = row.get("rule_precision"), row.get("rule_recall")
    if precision is None or recall is None:
        return ""
    return f"{percent(precision)} of the customers for whom this holds are in the segment, and it holds for {percent(recall)} of the segment."


def _origins(row: Row) -> str:
    """Where its customers come from, in the order of the table: the months they first bought in, strongest first."""
    found = [one for one in row.get("months_of_origin") or [] if one.get("month")]
    strongest = sorted(found, key=lambda one: (-one["customers"], one["month"]))[:3]
    return ", ".join(f"{month(one['month'])} ({percent(one['share'])})" for one in strongest)


def _by_rules(row: Row) -> str:
    """Where the RFM rules put its customers, most of them first."""
    found = sorted(row.get("rfm_overlap") or [], key=lambda one: (-one["customers"], one["rfm_segment_id"]))[:4]
    return ", ".join(f"{cut(one['rfm_segment'], 40)} ({percent(one['share'])})" for one in found)


def _offer(row: Row) -> dict[str, str]:
    share = row["support"] / row["segment_buyers"] if row["segment_buyers"] else 0
    of = f"{row['support']:,} of its {row['segment_buyers']:,} buyers ({percent(share)})"
    return {"title": cut(row["title"]), "lift": f"{row['lift']:.1f}×", "support": of, "category": cut(row["category"], 40)}


def _no_offers(facts: Facts) -> str:
    lacking = facts.absent.get("segment_offers")
    return (
        f"The lake has no table {' and '.join(lacking)}; `coterie recommend` writes what to offer."
        if lacking
        else "Nothing is bought by enough of them to stand out."
    )


def in_short(facts: Facts) -> list[tuple[str, str]]:
    """The segments in a few sentences."""
    found = [row for row in profiles(facts) if row["segment_id"] != NOT_BOUGHT and row["size"]]
    if not found:
        return [("Segments", "There are none as of this date yet.")]
    first, largest = found[0], max(found, key=lambda row: row["size"])
    points = [(cut(first["segment_name"], 80), f"{capital(spoken(first['share']))} buyers bring {percent(first['revenue_share'])} of the revenue.")]
    if largest is not first:
        words = f"The largest group: {spoken(largest['share'])} buyers, {percent(largest['revenue_share'])} of the revenue."
        points.append((cut(largest["segment_name"], 80), words))
    return points
