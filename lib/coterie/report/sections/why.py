"""Why these segments: what was tried, how it measured, how steady it is, and how the chosen ones look from the side."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from coterie.report.blocks import Chart, Column, Facts, Section, Table, Text
from coterie.report.charts import colour, dots, figure, safe, titled
from coterie.report.sections.segments import name_of
from coterie.report.words import capital, counted, cut, day, plain

# Measures of candidates that the table shows where they are there: name, words, and what is better.
_MEASURES = (
    ("silhouette", "silhouette", "1 is best"),
    ("davies_bouldin", "Davies-Bouldin", "0 is best"),
    ("stability", "stability", "adjusted Rand over resamples, 1 is best"),
    ("value_explained", "value explained", "of the differences in recency, orders and revenue"),
    ("worth", "worth", "what can be done with it, 1 is best"),
    ("smallest_share", "smallest segment", ""),
)
_SHARES = {"smallest_share", "value_explained"}
_SHOWN = 40  # candidates in the table, at most
Row = Mapping[str, Any]


def why_section(facts: Facts) -> Section:
    title, short = "Why these segments, and how far to trust them", "Why these"
    missing = facts.missing("candidates", "segments", "What was tried")
    if missing:
        return Section("why", title, short, "", [missing])
    found = facts.rows("candidates")
    chosen = next((row for row in found if row["is_chosen"]), None)
    tried = sum(row["silhouette"] is not None for row in found)
    lead = (
        f"{counted(tried, 'way')} to divide the customers {'was' if tried == 1 else 'were'} tried and measured. {trust(chosen)}"
        if chosen
        else "No division of the customers was chosen."
    )
    blocks: list[Any] = [*_by_k(facts, found), _table(facts, found, chosen), *_steadiness(facts, chosen), *_projection(facts), *_agreement(facts)]
    return Section("why", title, short, lead, blocks)


def trust(chosen: Row | None) -> str:
    """What the silhouette says, in the words of Kaufman and Rousseeuw (1990, table 4)."""
    silhouette = chosen["silhouette"] if chosen else None
    if silhouette is None:
        return "There is nothing to measure with fewer than two segments."
    words = (
        "the segments are clearly apart" if silhouette > 0.7
        else "the segments are reasonably apart" if silhouette > 0.5
        else "the segments are tendencies that shade into each other, not islands: customers at the borders could as well be next door" if silhouette > 0.25
        else "the customers show no clear structure: take the segments as a tidy way to divide them, no more"
    )  # fmt: skip
    return f"With a silhouette of {silhouette:.2f} {words}."


def _by_k(facts: Facts, found: Sequence[Row]) -> list[Any]:
    """Silhouette by number of segments, a line a method and feature set."""
    space = next((row["feature_set"] for row in found if row["is_chosen"]), found[0]["feature_set"])
    series: dict[str, dict[int, Row]] = {}
    for row in found:
        if row["silhouette"] is not None and row["k"] is not None and row["feature_set"] == space:
            of_method = series.setdefault(row["method"], {})
            if row["k"] not in of_method or of_method[row["k"]]["silhouette"] < row["silhouette"]:
                of_method[row["k"]] = row
    if sum(len(rows) for rows in series.values()) < 2:
        return []
    data = []
    for number, method in enumerate(sorted(series, key=lambda name: (name == "rfm_rules", name))):
        rows = [series[method][k] for k in sorted(series[method])]
        hover = [
            f"<b>{safe(row['candidate'])}</b><br>silhouette {row['silhouette']:.3f}<br>smallest segment {100 * (row['smallest_share'] or 0):.1f} %"
            for row in rows
        ]
        fill = "var(--ink)" if method == "rfm_rules" else colour(number + 1)
        name = safe(method.replace("_", " "), 44)
        data.append(dots([row["k"] for row in rows], [row["silhouette"] for row in rows], hover, fill=fill, name=name, mode="lines+markers"))
    chosen = [row for row in found if row["is_chosen"] and row["silhouette"] is not None]
    ring = dots([row["k"] for row in chosen], [row["silhouette"] for row in chosen], ["the chosen one"] * len(chosen), size=17, name="chosen")
    ring["marker"] |= {"symbol": "circle-open", "line": {"width": 2.5, "color": "var(--ink)"}, "color": "var(--ink)"}
    ring["hoverinfo"] = "skip"
    ring.pop("hovertemplate")
    picture = figure(
        [*data, ring], xaxis=titled("number of segments", dtick=1, showgrid=False), yaxis=titled("silhouette", rangemode="tozero"), showlegend=True
    )
    numbers: list[list[Any]] = [[line[k]["candidate"], k, line[k]["silhouette"]] for line in series.values() for k in sorted(line)]
    fit = f"of each method the best with so many segments, on the features {space}; fitted as of {day(found[0]['as_of'])}"
    note = f"Mean Euclidean silhouette, -1 to 1, in the space that was clustered: {fit}. The ring is the chosen one."
    table = Table("Silhouettes", [Column("candidate", wide=True), Column("segments", "number"), Column("silhouette", "number")], numbers, note)
    return [Chart("why-silhouette", "How many segments", note, picture, table, 340)]


def _foremost(found: Sequence[Row]) -> list[Row]:
    """The candidates that came furthest: the chosen one, the best of other feature sets, the rules; then by whether they were refused, and silhouette."""

    def place(row: Row) -> tuple[bool, bool, bool, bool, float, str]:
        verdict = row["verdict"]
        refused = verdict.startswith(("refused", "not tried"))
        return (not row["is_chosen"], not verdict.startswith("best of"), row["method"] != "rfm_rules", refused, -(row["silhouette"] or -1.0), row["candidate"])

    return sorted(found, key=place)[:_SHOWN]


def _table(facts: Facts, everything: Sequence[Row], chosen: Row | None) -> Table:
    found = _foremost(everything)
    measured = [(row, {**(row["measures"] or {}), "silhouette": row["silhouette"], "smallest_share": row["smallest_share"]}) for row in found]
    shown = [one for one in _MEASURES if any(values.get(one[0]) is not None for _, values in measured)]
    measures = [Column(words, "share" if name in _SHARES else "number") for name, words, _ in shown]
    columns = [Column("candidate", wide=True), Column("segments", "number"), *measures, Column("verdict", wide=True)]
    sets = {row["feature_set"] for row in found}
    rows = [[_short(row, sets), row["k"], *(values.get(name) for name, _, _ in shown), cut(row["verdict"], 200)] for row, values in measured]
    better = "; ".join(f"{words}: {hint}" for _, words, hint in shown if hint)
    size = next((values["sample_customers"] for _, values in measured if values.get("sample_customers")), None)
    sample = f" Measured on {counted(size, 'customer')}; the silhouettes of all but the chosen one on some of them." if size else ""
    space = f" All on {', '.join(sets)}." if len(sets) == 1 else ""
    rest = f" The {len(found)} of {len(everything):,} that came furthest; all are in segment_candidates." if len(everything) > len(found) else ""
    note = f"Fitted as of {day(found[0]['as_of'])}.{sample}{space}{rest} {capital(better)}."
    return Table("What was tried", columns, rows, note, frozenset(i for i, row in enumerate(found) if row is chosen))


def _short(row: Row, sets: set[str]) -> str:
    """The candidate's name, without the feature set where there is only one."""
    name: str = row["candidate"]
    return name.removeprefix(f"{row['feature_set']} ").replace("_", " ") if len(sets) == 1 else name


def _steadiness(facts: Facts, chosen: Row | None) -> list[Any]:
    """How steady the chosen segmentation is, where that was measured."""
    fitted: dict[str, float] = {}
    for row in facts.rows("clustering"):
        fitted |= row["measures"] or {}
    values = fitted | ((chosen["measures"] or {}) if chosen else {})
    ran = [row for row in facts.runs if row["job"] == "segments" and row["as_of"] == facts.as_of and row["state"] == "finished"]
    if ran and ran[0].get("adjusted_rand_in_time") is not None:
        values["adjusted_rand_in_time"] = ran[0]["adjusted_rand_in_time"]
    known = (
        ("stability", "stability over resamples", "mean adjusted Rand of fits on resampled customers; 1: the same segments each time"),
        ("stability_sd", "its spread", "standard deviation over the resamples"),
        ("adjusted_rand_in_time", "agreement with the date before", "adjusted Rand; 1: nobody changed places"),
        ("trial_agreement", "agreement of sample and whole", "adjusted Rand of the fit on the sample and the one on all customers"),
        ("rule_fidelity", "how well the rules in words say it", "share of customers whom the rules put where the model does"),
    )
    rows = [[words, values[name], hint] for name, words, hint in known if values.get(name) is not None and not math.isnan(values[name])]
    if not rows:
        return [Text("How steady the segments are under resampling was not measured for this fit.", is_missing=True)]
    columns = [Column("measure", wide=True), Column("value", "number"), Column("what it says", wide=True)]
    return [Table("How steady they are", columns, rows, f"Of the segmentation in force as of {day(facts.as_of)}.")]


def _projection(facts: Facts) -> list[Any]:
    found = facts.rows("projection")
    if not found:
        return [
            Text(
                "A picture of the space that was clustered was not stored for this fit; the dots under Segments show recency against revenue.", is_missing=True
            )
        ]
    names, data, counts = name_of(facts), [], []
    for segment_id in sorted({row["segment_id"] for row in found}):
        own = [row for row in found if row["segment_id"] == segment_id]
        name = safe(names.get(segment_id, f"segment {segment_id}"), 80)
        made = dots([row["x"] for row in own], [row["y"] for row in own], [f"<b>{name}</b>"] * len(own), fill=colour(segment_id), size=5, name=name)
        data.append(made | {"marker": {**made["marker"], "opacity": 0.65}})
        middle = [sum(row[axis] for row in own) / len(own) for axis in ("x", "y")]
        counts.append([names.get(segment_id, f"segment {segment_id}"), len(own), *middle])
    plain_axis = {"showticklabels": False, "zeroline": False}
    picture = figure(data, xaxis=titled("first direction", **plain_axis), yaxis=titled("second direction", **plain_axis), showlegend=True)
    note = f"{counted(len(found), 'customer')}, drawn evenly, from the side that shows most differences. Nearness is likeness; the directions have no unit."
    columns = [
        Column("segment", wide=True),
        Column("customers drawn", "number"),
        Column("mean of the first direction", "number"),
        Column("of the second", "number"),
    ]
    return [Chart("why-projection", "The segments from the side", note, picture, Table("Where the segments lie", columns, counts, note), 440)]


def _agreement(facts: Facts) -> list[Any]:
    found = facts.rows("agreement")
    if not found:
        return []
    once = {tuple(sorted((row["candidate"], row["other"]))): row["adjusted_rand"] for row in found}  # the table holds each pair both ways
    rows = [[*pair, value] for pair, value in sorted(once.items(), key=lambda item: (-item[1], item[0]))[:40]]
    note = f"Adjusted Rand index: 1 where two divisions are the same, about 0 where they agree by chance alone. {plain(len(once))} pairs, the most alike first."
    return [Table("How alike the divisions are", [Column("candidate", wide=True), Column("other", wide=True), Column("agreement", "number")], rows, note)]
