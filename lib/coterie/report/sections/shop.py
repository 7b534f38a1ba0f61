"""The shop at a glance: what was read, the months, and who came back."""

from typing import Any

from coterie.report.blocks import Chart, Column, Facts, Figure, Figures, Section, Table, Text
from coterie.report.charts import bars, dots, figure, heat, titled
from coterie.report.queries.shop import MONTHS
from coterie.report.words import counted, day, money, month, percent, plain, spoken

_COHORTS = 18  # months of first purchase that the picture shows, at most


def shop_section(facts: Facts) -> Section:
    blocks: list[Any] = [*_figures(facts), *_accounting(facts), *_months(facts), *_cohorts(facts)]
    lead = "What the shop's records say before anybody is grouped: every row that was read, month by month, and how many customers came back."
    return Section("shop", "The shop at a glance", "The shop", lead, blocks)


def _figures(facts: Facts) -> list[Any]:
    missing = facts.missing("totals", "features", "The totals")
    if missing:
        return [missing]
    total, items = facts.rows("totals")[0], facts.rows("catalogue")
    buyers, orders = total["buyers"] or 0, total["orders"] or 0
    revenue = float(total["revenue"] or 0)
    first = min((row["month"] for row in facts.rows("months")), default=None)
    since = f"since {month(first)}" if first else "in all"
    shown = [
        Figure(f"{total['customers']:,}", "customers", f"{spoken(buyers / total['customers'])} have bought" if total["customers"] else ""),
        Figure(f"{orders:,}", "orders", f"{plain(orders / buyers)} a buyer" if buyers else ""),
        Figure(money(revenue, facts.currency), "net revenue", since),
        Figure(
            money(revenue / buyers, facts.currency) if buyers else "none",
            "net revenue a buyer",
            f"{money(revenue / orders, facts.currency)} an order" if orders else "",
        ),
    ]
    if items:
        categories = items[0]["categories"]
        shown.append(Figure(f"{items[0]['items']:,}", "items", counted(categories, "category", "categories") if categories else "no categories given"))
    note = f"Customers are those the shop knows by an id, with everything up to {day(facts.as_of)}. Net revenue is purchases less returns and cancels."
    return [Figures(shown), Text(note)]


def _accounting(facts: Facts) -> list[Any]:
    found = [row for row in facts.runs if row["job"] == "ingest" and row["state"] == "finished" and row["rows_read"] is not None]
    if not found:
        return [Text("The accounting of the rows read cannot be shown: there is no finished run of `coterie ingest` in the table runs.", is_missing=True)]
    parts = (("read", "read"), ("accepted", "accepted as events"), ("rejected", "rejected"), ("duplicate", "repeats of an event"))
    sums = {part: (sum(row[f"rows_{part}"] or 0 for row in found), sum(row[f"revenue_{part}"] or 0 for row in found)) for part, _ in parts}
    read, rows = sums["read"], []
    for part, words in parts:
        count, revenue = sums[part]
        rows.append([words, count, count / read[0] if read[0] else None, float(revenue)])
    columns = [Column("rows"), Column("number", "number"), Column("share", "share"), Column(f"revenue, {facts.currency}", "money")]
    ends = sorted(row["at"] for row in found)
    note = f"{counted(len(found), 'run')} of ingest, the last on {day(ends[-1].date())}. Rows read are those accepted, rejected and repeated, to the last one."
    blocks: list[Any] = [Table("What became of the rows that were read", columns, rows, note)]
    reasons: dict[str, int] = {}
    for row in found:
        for reason, count in (row["rejected_by_reason"] or {}).items():
            reasons[reason] = reasons.get(reason, 0) + count
    if reasons:
        ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        listed = [[reason.replace("_", " "), count, count / read[0] if read[0] else None] for reason, count in ordered]
        columns = [Column("reason"), Column("rows", "number"), Column("share of rows read", "share")]
        blocks.append(Table("Why rows were rejected", columns, listed, "A row with two reasons counts in both. Each is kept whole in rejected_events."))
    return blocks


def _months(facts: Facts) -> list[Any]:
    missing = facts.missing("months", "features", "The months")
    if missing:
        return [missing]
    found, currency = sorted(facts.rows("months"), key=lambda row: row["month"]), facts.currency
    dates = [f"{row['month']}-01" for row in found]
    ended = "" if facts.as_of.month != _next_day_month(facts) else f"; the last month ends on {facts.as_of.day} {facts.as_of:%B}"
    note = f"By calendar month up to {day(facts.as_of)}{ended}."
    sums = [[month(row["month"]), *(float(row[name] or 0) for name in ("bought", "given_back", "revenue")), row["orders"]] for row in found]
    columns = [Column("month"), Column("bought", "money"), Column("given back", "money"), Column("net revenue", "money"), Column("orders", "number")]
    money_table = Table("Revenue month by month", columns, sums, f"{note} Money in {currency}; orders that were cancelled later count here.")
    net = [float(row["revenue"] or 0) for row in found]
    said = [f"<b>{month(row['month'])}</b><br>{money(value, currency)} net<br>{row['orders']:,} orders" for row, value in zip(found, net, strict=True)]
    ticks = {"tickformat": "%b\n%Y", "dtick": f"M{max(1, round(len(found) / 12))}", "showgrid": False}
    revenue = figure([bars(dates, net, said)], xaxis=ticks, yaxis=titled(f"net revenue, {currency}", tickformat="~s"))
    charts = [Chart("months-revenue", "Net revenue by month", money_table.note, revenue, money_table, 280)]
    return charts + ([_people_chart(facts, note, ticks)] if facts.rows("cohorts") else [])


def _people_chart(facts: Facts, note: str, ticks: dict[str, Any]) -> Chart:
    buyers: dict[str, int] = {}
    seen: dict[str, int] = {}
    for row in facts.rows("cohorts"):
        buyers[row["month"]] = buyers.get(row["month"], 0) + row["buyers"]
        seen[row["month"]] = seen.get(row["month"], 0) + row["seen"]
    names = sorted(seen)
    if _apart(names[0], f"{facts.as_of:%Y-%m}") == MONTHS - 1:
        note += " The first month stands for those before it too."
    rows = [[month(name), buyers[name], seen[name]] for name in names]
    columns = [Column("month"), Column("customers who bought", "number"), Column("customers seen", "number")]
    hover = [f"<b>{month(name)}</b><br>{buyers[name]:,} bought<br>{seen[name]:,} were seen" for name in names]
    picture = figure(
        [dots([f"{name}-01" for name in names], [buyers[name] for name in names], hover, mode="lines+markers")],
        xaxis=ticks,
        yaxis=titled("customers who bought", rangemode="tozero", tickformat="~s"),
    )
    return Chart("months-buyers", "Customers who bought, by month", note, picture, Table("Customers month by month", columns, rows, note), 260)


def _next_day_month(facts: Facts) -> int:
    """The month of the day after the as-of date: another one where the last month is whole."""
    return facts.as_of.fromordinal(facts.as_of.toordinal() + 1).month


def _cohorts(facts: Facts) -> list[Any]:
    missing = facts.missing("cohorts", "features", "Who came back")
    if missing:
        return [missing]
    sizes: dict[str, dict[int, int]] = {}
    for row in facts.rows("cohorts"):
        if row["cohort"] is not None:
            sizes.setdefault(row["cohort"], {})[_apart(row["cohort"], row["month"])] = row["buyers"]
    if not sizes:
        return [Text("Who came back cannot be shown: nobody has bought yet.", is_missing=True)]
    names = sorted(sizes)[-_COHORTS:]
    last = f"{facts.as_of:%Y-%m}"
    most = max(_apart(name, last) for name in names)
    shares: list[list[float | None]] = []
    for name in names:
        reached = _apart(name, last)
        shares.append([sizes[name].get(age, 0) / sizes[name][0] if age <= reached else None for age in range(1, most + 1)])
    columns = [Column("first bought in"), Column("customers", "number"), *(Column(f"+{age}", "share") for age in range(1, most + 1))]
    rows = [[month(name), sizes[name][0], *line] for name, line in zip(names, shares, strict=True)]
    note = (f"Of the customers who first bought in a month, the share who bought again so many calendar months later, up to {day(facts.as_of)}. "
            "The first month's customers may have bought before the records begin.")  # fmt: skip
    table = Table("Who came back", columns, rows, note)
    if most < 1:
        return [table]
    hover = [
        [
            "" if share is None else f"<b>{percent(share)}</b> of the {sizes[name][0]:,} of {month(name)}<br>bought again {counted(age, 'month')} later"
            for age, share in enumerate(line, 1)
        ]
        for name, line in zip(names, shares, strict=True)
    ]
    labels = [month(name) for name in names]
    written = [["" if share is None else f"{100 * share:.0f}" for share in line] for line in shares]
    field = heat(
        list(range(1, most + 1)),
        labels,
        shares,
        hover,
        zmin=0,
        zmax=_largest(shares),
        text=written,
        texttemplate="%{text}",
        textfont={"size": 11.5, "color": "var(--ink)"},
    )
    picture = figure(
        [field],
        xaxis=titled("months after the first purchase", showgrid=False, dtick=1),
        yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
    )
    return [Chart("cohorts", "Who came back, by month of first purchase (per cent)", note, picture, table, 60 + 24 * max(4, len(names)))]


def _largest(shares: list[list[float | None]]) -> float:
    return max([share for line in shares for share in line if share is not None] + [0.01])


def _apart(first: str, later: str) -> int:
    """Calendar months from one yyyy-MM to another."""
    return 12 * (int(later[:4]) - int(first[:4])) + int(later[5:7]) - int(first[5:7])


def in_short(facts: Facts) -> list[tuple[str, str]]:
    """The shop in a sentence."""
    if not facts.rows("totals"):
        return []
    total, first = facts.rows("totals")[0], min((row["month"] for row in facts.rows("months")), default=None)
    since = f" since {month(first)}" if first else ""
    who = f"{counted(total['customers'], 'customer')}, {counted(total['orders'] or 0, 'order')}"
    return [("The shop", f"{who}, {money(total['revenue'] or 0, facts.currency)} of net revenue{since}.")]
