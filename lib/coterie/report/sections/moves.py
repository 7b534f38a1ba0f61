"""Who moved from one segment to another since the as-of date before, and what revenue moves with them."""

from typing import Any

from coterie.report.blocks import Chart, Column, Facts, Section, Table, Text
from coterie.report.charts import colour, figure, safe
from coterie.report.sections.segments import name_of
from coterie.report.words import counted, cut, day, money, percent

_JOINED, _LEFT = "joined since", "no longer there"


def flows(facts: Facts) -> list[dict[str, Any]]:
    """The flows of the chosen segmentation, largest first."""
    found = [row for row in facts.rows("flows") if row["segmentation"] == "chosen"]
    return sorted(found, key=lambda row: (-row["customers"], str(row["from_segment_id"]), str(row["to_segment_id"])))


def moves_section(facts: Facts) -> Section:
    title, short = "Who moved", "Moves"
    found = flows(facts)
    if not found:
        gap = facts.missing("flows", "segments", "The moves") if facts.absent.get("flows") else None
        words = f"There is no as-of date before {day(facts.as_of)} to compare with. From the second date on, this shows who went from one segment to another."
        return Section("moves", title, short, "", [gap or Text(words, is_missing=True)])
    before = found[0]["previous_as_of"]
    there = [row for row in found if row["from_segment_id"] is not None and row["to_segment_id"] is not None]
    moved = [row for row in there if row["from_segment_id"] != row["to_segment_id"]]
    customers, everyone = sum(row["customers"] for row in moved), sum(row["customers"] for row in there)
    share = percent(customers / everyone) if everyone else "none"
    stakes, by_model = at_stake(facts), refitted(facts)
    lead = f"Between {day(before)} and {day(facts.as_of)}, {counted(customers, 'customer')} of {everyone:,} ({share}) went to another segment."
    if by_model:
        lead += f" {by_model}"
    if stakes:
        lead += f" {stakes}"
    return Section("moves", title, short, lead, [_diagram(facts, found), *_causes(facts)])


def refitted(facts: Facts) -> str:
    """How many moved because the model was fitted anew, in a sentence; empty where nobody did."""
    number = sum(row["customers"] for row in facts.rows("moves") if row["segmentation"] == "chosen" and row["cause"] == "model")
    return f"For {number:,} of them it is the model that changed, not the customer." if number else ""


def at_stake(facts: Facts) -> str:
    """What the moves between segments are worth, in a sentence; empty where that is not known, or where a new model moved customers who did nothing."""
    if refitted(facts):
        return ""
    sums = [
        float(row["revenue_at_stake"]) for row in flows(facts) if row.get("revenue_at_stake") is not None and row["from_segment_id"] != row["to_segment_id"]
    ]
    if not sums:
        return ""
    lost, won = sum(value for value in sums if value > 0), -sum(value for value in sums if value < 0)
    return (
        f"If they go on as their new segments do, 90 days bring {money(lost, facts.currency)} less from some and {money(won, facts.currency)} more from others."
    )


def _stake(row: dict[str, Any], currency: str) -> str:
    value = float(row.get("revenue_at_stake") or 0)
    return f"<br>{money(abs(value), currency)} {'less' if value > 0 else 'more'} in 90 days" if value else ""


def _diagram(facts: Facts, found: list[dict[str, Any]]) -> Chart:
    names, currency = name_of(facts), facts.currency
    starts = sorted({row["from_segment_id"] for row in found}, key=_last_if_none)
    ends = sorted({row["to_segment_id"] for row in found}, key=_last_if_none)
    places = {("from", one): i for i, one in enumerate(starts)} | {("to", one): len(starts) + i for i, one in enumerate(ends)}
    labels = [_name(names, one, _JOINED) for one in starts] + [_name(names, one, _LEFT) for one in ends]
    has_stake = any(row.get("revenue_at_stake") is not None for row in found)
    hover, fills = [], []
    for row in found:
        start, end = _name(names, row["from_segment_id"], _JOINED), _name(names, row["to_segment_id"], _LEFT)
        stayed = row["from_segment_id"] == row["to_segment_id"]
        stake = _stake(row, currency)
        hover.append(
            f"<b>{safe(start, 44)}</b> {'stayed' if stayed else f'→ <b>{safe(end, 44)}</b>'}<br>"
            f"{counted(row['customers'], 'customer')}<br>{money(row['revenue'], currency)} so far{stake}"
        )
        fills.append("var(--stayed)" if stayed else "var(--moved)")
    link = {
        "source": [places["from", row["from_segment_id"]] for row in found],
        "target": [places["to", row["to_segment_id"]] for row in found],
        "value": [row["customers"] for row in found],
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
        "color": fills,
    }
    node = {
        "label": [safe(words, 60) for words in labels],
        "color": [colour(one) for one in (*starts, *ends)],
        "pad": 18,
        "thickness": 12,
        "line": {"width": 0},
        "hovertemplate": "%{label}<br>%{value:,} customers<extra></extra>",
    }
    sankey = {"type": "sankey", "node": node, "link": link, "textfont": {"color": "var(--ink)", "size": 12.5, "family": "var(--sans)"}, "arrangement": "fixed"}
    columns = [Column("from", wide=True), Column("to", wide=True), Column("customers", "number"), Column(f"their net revenue so far, {currency}", "money")]
    rows = [
        [_name(names, row["from_segment_id"], _JOINED), _name(names, row["to_segment_id"], _LEFT), row["customers"], float(row["revenue"])] for row in found
    ]
    if has_stake:
        columns.append(Column(f"revenue at stake, {currency}", "money"))
        rows = [[*line, None if row.get("revenue_at_stake") is None else float(row["revenue_at_stake"])] for line, row in zip(rows, found, strict=True)]
    dates = f"From {day(found[0]['previous_as_of'])}, on the left, to {day(facts.as_of)}, on the right"
    stakes = "; at stake is what 90 days bring less if they go on as their new segment does, negative: more" if has_stake else ""
    note = f"{dates}; a band is as thick as it has customers, grey where they stayed. Revenue is all they ever brought, in {currency}{stakes}."
    return Chart(
        "moves-flows", "From where to where", note, figure([sankey]), Table("From where to where", columns, rows, note), 120 + 46 * max(len(starts), len(ends))
    )


def _causes(facts: Facts) -> list[Any]:
    found = [row for row in facts.rows("moves") if row["segmentation"] == "chosen"]
    if not found:
        return []
    words = {"customer": "the customer changed", "model": "the model was fitted anew and sees the same customer otherwise"}
    totals: dict[str, int] = {}
    for row in found:
        totals[row["cause"]] = totals.get(row["cause"], 0) + row["customers"]
    everyone = sum(totals.values())
    rows = [[words.get(cause, cause), count, count / everyone] for cause, count in sorted(totals.items(), key=lambda item: -item[1])]
    note = f"Of the customers whose segment changed by {day(facts.as_of)}."
    return [Table("Why they moved", [Column("cause", wide=True), Column("customers", "number"), Column("share", "share")], rows, note)]


def _name(names: dict[int, str], segment_id: int | None, otherwise: str) -> str:
    return otherwise if segment_id is None else cut(names.get(segment_id, f"segment {segment_id}"), 60)


def _last_if_none(segment_id: int | None) -> tuple[bool, int]:
    return (segment_id is None, segment_id or 0)
