"""What to offer: how good each recommender is beside the popular list, how varied the offers are, and some of them with reasons."""

import datetime
from collections.abc import Sequence
from typing import Any

from coterie.report.blocks import Chart, Column, Facts, Section, Table, Text
from coterie.report.charts import dots, figure, safe, titled
from coterie.report.sections.segments import name_of, profiles
from coterie.report.words import capital, counted, cut, day, percent, spoken

MODELS = {
    "popular": "popular list",
    "als": "tastes alike (ALS)",
    "user_knn": "customers like you",
    "item_knn": "bought together",
    "ease": "bought together (EASE)",
    "content": "described alike",
    "repeat": "own history",
    "blend": "blend of all",
}
_AT = 10  # length of list that is shown
# Measures that the tables show: name, heading, and what it says.
_MEASURES = {
    "hit_rate": ("hit rate", "customers who took something of their list"),
    "ndcg": ("nDCG", "what they took, and how far up it stood, 1 at best"),
    "recall": ("recall", "of what they took, the part in the list"),
    "precision": ("precision", "of the list, the part they took"),
    "coverage": ("coverage", "of all items, those in some list"),
    "gini": ("Gini", "1 where all lists are the same items, 0 where all items are offered alike"),
    "novelty": ("novelty", "the higher, the less known the items"),
    "diversity": ("diversity", "1 where the items of a list have nothing in common"),
}
Row = dict[str, Any]


def offers_section(facts: Facts) -> Section:
    blocks: list[Any] = [*_quality(facts), *_exposure(facts), *_examples(facts), *_content(facts)]
    lead = "Every customer has a list of items, each with its reason. How good the lists are was measured on days that no model had seen."
    return Section("offers", "What to offer, and how good it is", "Offers", lead, blocks)


def served(facts: Facts) -> str | None:
    """The kind of the model that ranks what is offered; None where its row is not there."""
    kinds = sorted({row["kind"] for row in facts.rows("served")})
    return min(kinds, key=lambda kind: kind == "popular", default=None)  # beside another, the popular list only fills up


def measured(facts: Facts, protocol: str = "new") -> list[Row]:
    """The measures of known customers on the last window, lists of ten or the nearest length there is."""
    rows = [row for row in facts.rows("quality") if row["population"] == "warm" and row["protocol"] == protocol]
    last = max((row["window"] for row in rows), default="")
    lengths = {row["k"] for row in rows if row["k"]}
    at = min(lengths, key=lambda k: (abs(k - _AT), k), default=_AT)
    return [row for row in rows if row["window"] == last and row["k"] == at]


def best_and_popular(facts: Facts, measure: str) -> tuple[Row, Row] | None:
    """The served model's measure, else the best one's, and that of the popular list."""
    found = {row["model"]: row for row in measured(facts) if row["measure"] == measure}
    if "popular" not in found:
        return None
    ours = found.get(served(facts) or "") or max(found.values(), key=lambda row: (row["value"], row["model"]))
    return ours, found["popular"]


def _name(model: str) -> str:
    return MODELS.get(model, model)


def _quality(facts: Facts) -> list[Any]:
    missing = facts.missing("quality", "recommend", "The quality of the recommenders")
    if missing:
        return [missing]
    blocks: list[Any] = []
    for protocol, words in (("new", "items they had not bought before"), ("all", "any items, bought before or not")):
        rows = measured(facts, protocol)
        if rows:
            table = _measures(rows, served(facts), f"Lists of {rows[0]['k']}: {words}", facts)
            blocks += [_interval_chart(rows, served(facts), table, words, protocol)] if protocol == "new" else [table]
    return blocks or [Text("No recommender could be measured on known customers: the test window holds no purchase of theirs.", is_missing=True)]


def _window(window: str) -> str:
    first, _, last = window.partition("..")
    return f"{first} to {last}"


def _interval_chart(rows: Sequence[Row], ours: str | None, table: Table, words: str, protocol: str) -> Chart:
    found = sorted((row for row in rows if row["measure"] == "ndcg"), key=lambda row: (row["value"], row["model"]))
    names = [safe(_name(row["model"])) for row in found]
    fills = ["var(--accent)" if row["model"] == ours else "var(--ink)" if row["model"] == "popular" else "var(--dim)" for row in found]
    hover = [
        f"<b>{name}</b><br>nDCG@{row['k']} {row['value']:.3f}" + (f"<br>95 % interval {row['low']:.3f} to {row['high']:.3f}" if row["low"] is not None else "")
        for name, row in zip(names, found, strict=True)
    ]
    spread = {"type": "data", "symmetric": False, "thickness": 1.5, "width": 0, "color": "var(--dim)"}
    spread |= {
        "array": [(row["high"] or row["value"]) - row["value"] for row in found],
        "arrayminus": [row["value"] - (row["low"] or row["value"]) for row in found],
    }
    series = dots([row["value"] for row in found], names, hover, fill=fills, size=12) | {"error_x": spread}
    base = next((row["value"] for row in found if row["model"] == "popular"), None)
    line = (
        [{"type": "line", "x0": base, "x1": base, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": "var(--ink)", "width": 1, "dash": "dot"}}]
        if base is not None
        else []
    )
    picture = figure(
        [series],
        xaxis=titled(f"nDCG@{found[0]['k'] if found else _AT} (0: nothing found, 1: everything found, in order)", rangemode="tozero"),
        yaxis={"showgrid": False},
        shapes=line,
    )
    customers = counted(max(row["customers"] for row in rows), "known customer")
    note = (f"{customers} tested on {_window(rows[0]['window'])}; lists of {words}. Lines are 95 % intervals; "
            "the dotted line is the popular list, the same for everybody" + (f"; in colour what is served, the {_name(ours)}." if ours else "."))  # fmt: skip
    return Chart(f"offers-quality-{protocol}", "Better than showing everybody the popular items?", note, picture, table, 70 + 36 * len(found))


def _measures(rows: Sequence[Row], ours: str | None, title: str, facts: Facts) -> Table:
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row["model"], {})[row["measure"]] = row
    measures = [name for name in _MEASURES if any(name in values for values in found.values())]
    shares = {"hit_rate", "recall", "precision", "coverage"}
    columns = [
        Column("recommender", wide=True),
        *(Column(_MEASURES[name][0], "share" if name in shares else "number") for name in measures),
        Column("95 % of nDCG"),
    ]
    ordered = sorted(found, key=lambda model: (-(found[model]["ndcg"]["value"] if "ndcg" in found[model] else 0), model))
    lines = []
    for model in ordered:
        main = found[model].get("ndcg")
        interval = f"{main['low']:.3f} to {main['high']:.3f}" if main and main["low"] is not None else "none"
        lines.append(
            [
                _name(model) + (", served" if model == ours else ""),
                *(found[model][name]["value"] if name in found[model] else None for name in measures),
                interval,
            ]
        )
    said = "; ".join(f"{_MEASURES[name][0]}: {_MEASURES[name][1]}" for name in measures)
    note = f"Known customers, tested on {_window(rows[0]['window'])}, as of {day(facts.as_of)}. {capital(said)}."
    return Table(title, columns, lines, note, frozenset(i for i, model in enumerate(ordered) if model == ours))


def _exposure(facts: Facts) -> list[Any]:
    missing = facts.missing("exposure", "recommend", "The offers")
    if missing:
        return [missing]
    found = sorted(facts.rows("exposure"), key=lambda row: -row["offers"])
    items, offers = sum(row["items"] for row in found), sum(row["items"] * row["offers"] for row in found)
    x, y, seen, given = [0.0], [0.0], 0, 0
    for row in found:
        seen, given = seen + row["items"], given + row["items"] * row["offers"]
        x.append(seen / items)
        y.append(given / offers)
    tenth = _at(x, y, 0.1)
    hover = [f"the {percent(a)} of items offered most<br>hold <b>{percent(b)}</b> of all places in lists" for a, b in zip(x, y, strict=True)]
    curve = dots([100 * a for a in x], [100 * b for b in y], hover, mode="lines")
    even = {"type": "line", "x0": 0, "y0": 0, "x1": 100, "y1": 100, "line": {"color": "var(--line)", "width": 1, "dash": "dot"}}
    picture = figure(
        [curve],
        xaxis=titled("per cent of the items offered, most offered first", range=[0, 100]),
        yaxis=titled("per cent of all offers", range=[0, 101]),
        shapes=[even],
    )
    catalogue = facts.rows("catalogue")
    of = f" of the {catalogue[0]['sellable']:,} that can be sold" if catalogue else ""
    note = (
        f"{counted(offers, 'offer')} of {counted(items, 'item')}{of}, as of {day(facts.as_of)}. "
        f"The tenth of them offered most holds {percent(tenth)} of the places; the dotted line is an even spread."
    )
    shares = [[f"the {100 * part:g}\u202f% offered most", _at(x, y, part)] for part in (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)]
    table = Table("How the offers spread over items", [Column("items"), Column("share of all offers", "share")], shares, note)
    best = facts.rows("best_offers")
    blocks: list[Any] = [Chart("offers-exposure", "How the offers spread over the items", note, picture, table, 320)]
    if best:
        customers = facts.rows("totals")[0]["customers"] if facts.rows("totals") else 0
        rows = [[cut(row["title"]), row["customers"], row["customers"] / customers if customers else None, cut(row["category"], 40)] for row in best]
        columns = [Column("item", wide=True), Column("in lists of", "number"), Column("share of customers", "share"), Column("category")]
        if not any(row["category"] for row in best):
            columns, rows = columns[:-1], [row[:-1] for row in rows]
        blocks.append(Table("Offered most", columns, rows, f"Lists of all customers as of {day(facts.as_of)}."))
    blocks.append(_sources(facts, offers))
    return blocks


def _at(x: Sequence[float], y: Sequence[float], part: float) -> float:
    """The height of a rising line of straight pieces at a place."""
    for i in range(1, len(x)):
        if x[i] >= part - 1e-12:
            return y[i - 1] + (y[i] - y[i - 1]) * (part - x[i - 1]) / (x[i] - x[i - 1])
    return y[-1]


def _sources(facts: Facts, offers: int) -> Table:
    counts: dict[str, int] = {}
    for row in facts.rows("sources"):
        counts[row["source"]] = counts.get(row["source"], 0) + row["offers"]
    rows = [[_name(source), count, count / offers] for source, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    note = f"Each offer names the recommender that speaks for it most. As of {day(facts.as_of)}."
    return Table("Who speaks for the offers", [Column("recommender", wide=True), Column("offers", "number"), Column("share", "share")], rows, note)


def _examples(facts: Facts) -> list[Any]:
    found = facts.rows("examples")
    if not found:
        return []
    names = name_of(facts)
    places = {row["segment_id"]: place for place, row in enumerate(profiles(facts))}
    found = sorted(found, key=lambda row: (places.get(row["segment_id"], len(places)), row["rank"]))
    rows = [[names.get(row["segment_id"], ""), cut(row["customer_id"], 40), row["rank"], cut(row["title"]), cut(row["reason"], 120)] for row in found]
    columns = [Column("segment", wide=True), Column("customer"), Column("place", "number"), Column("offer", wide=True), Column("why", wide=True)]
    note = f"The most typical customer of each segment and the first offers to them, as of {day(facts.as_of)}. `coterie explain CUSTOMER` tells of any other."
    return [Table("Some offers, with their reasons", columns, rows, note)]


def _content(facts: Facts) -> list[Any]:
    found = facts.rows("content_quality")
    if not found:
        return []
    rows = [[str(row["measure"]).replace("_", " "), row["value"], row["reference"]] for row in found]
    return [
        Table(
            "How good the generated images are",
            [Column("measure", wide=True), Column("generated", "number"), Column("real", "number")],
            rows,
            f"Of the model that made the images as of {day(facts.as_of)}, beside the same of real images.",
        )
    ]


def in_short(facts: Facts) -> list[tuple[str, str]]:
    """What the measures say, in a sentence."""
    pair = best_and_popular(facts, "hit_rate")
    if pair is None:
        return []
    ours, popular = pair
    if ours["model"] == "popular":
        return [("Offers", f"The popular list is served: {spoken(ours['value'])} customers who bought something new in the test window took it from there.")]
    beside = f", {ours['value'] / popular['value']:.1f} times as many as from the popular list" if popular["value"] else ""
    first, _, last = ours["window"].partition("..")
    days = (datetime.date.fromisoformat(last) - datetime.date.fromisoformat(first)).days + 1
    who = f"{spoken(ours['value'])} customers who bought something new"
    return [("Offers", f"In the {days} days of the test, {who} took it, or some of it, from their own list of {ours['k']}{beside}.")]
