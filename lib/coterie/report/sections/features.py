"""What is known of the customers: how each feature is spread, which go together, and what was left out."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from coterie.catalogue import FEATURES
from coterie.report.blocks import Chart, Column, Facts, Picker, Section, Table
from coterie.report.charts import bars, figure, heat, titled
from coterie.report.words import amount, capital, counted, cut, day, label, meaning, percent, plain, unit

_BINS = 24
_CORRELATED = 36  # features in the picture of correlations, at most
_PAIRS = 15
Floats = NDArray[np.float64]


def features_section(facts: Facts) -> Section:
    title, short = "What is known of the customers", "Features"
    missing = facts.missing("sample", "features", "The features")
    if missing:
        return Section("features", title, short, "", [missing])
    sample = facts.rows("sample")
    columns = {name: np.array([math.nan if row[name] is None else row[name] for row in sample]) for name in sample[0] if name != "segment_id"}
    telling = {name: values for name, values in columns.items() if _varies(values)}
    clustered, dropped, components = _clustered(facts)
    total = facts.rows("totals")[0]["customers"] if facts.rows("totals") else len(sample)
    drawn = f"all {total:,} customers" if len(sample) >= total else f"{len(sample):,} of {total:,} customers, drawn evenly"
    note = f"As of {day(facts.as_of)}, {drawn}."
    lead = f"{counted(len(telling), 'number')} about each customer tell customers apart here" + (
        f"; {counted(len(clustered), 'of them', 'of them')} made the segments." if clustered else "."
    )
    first = [name for name in (*clustered, "recency", "frequency", "monetary") if name in telling]
    order = [*dict.fromkeys([*first, *(feature.name for feature in FEATURES if feature.name in telling)])]
    spread = Picker(
        "features-spread",
        "How a feature is spread over the customers",
        note,
        "Feature",
        [(name, label(name), _histogram(name, telling[name])) for name in order],
        300,
    )
    silent = [name for name in columns if name not in telling]
    blocks: list[Any] = [
        spread,
        _table(order, telling, clustered, note, facts.currency),
        *_correlations(telling, first, note),
        _removed(silent, dropped, clustered, components, facts),
    ]
    return Section("features", title, short, lead, blocks)


def _varies(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return known.size > 1 and bool(np.ptp(known) > 0)


def _clustered(facts: Facts) -> tuple[list[str], dict[str, str], int]:
    """The columns that the segments in force were made from, why others are not among them, and to how many principal components they were
    brought down (0: they were not)."""
    found = facts.rows("clustering")
    if not found:
        return [], {}, 0
    names, dropped = list(json.loads(found[0]["names"])), dict(json.loads(found[0]["dropped"] or "{}"))
    if "component_1" not in names:
        return names, dropped, 0
    return [name for name in json.loads(found[0]["steps"]) if name not in dropped], dropped, len(names)


def _histogram(name: str, values: Floats) -> dict[str, Any]:
    """Equal steps from the 0.5 % to the 99.5 % quantile; what lies beyond is in the outermost bars."""
    known = values[~np.isnan(values)]
    low, high = np.quantile(known, [0.005, 0.995])
    if low == high:
        low, high = known.min(), known.max()
    whole = bool(np.all(known == np.round(known)))
    bins = int(min(_BINS, high - low + 1)) if whole and high - low >= 1 else _BINS
    edges = np.linspace(low - 0.5, high + 0.5, bins + 1) if whole and bins == high - low + 1 else np.linspace(low, high, bins + 1)
    counts = np.histogram(np.clip(known, edges[0], edges[-1]), edges)[0]
    middles = [float(f"{value:.5g}") for value in (edges[:-1] + edges[1:]) / 2]
    hover = [
        f"<b>{counted(count, 'customer')}</b> ({percent(count / known.size)})<br>{plain(float(a))} to {plain(float(b))}"
        for count, a, b in zip(counts, edges, edges[1:], strict=False)
    ]
    words = f"{label(name)}" + (f" ({unit(name)})" if unit(name) and unit(name) not in label(name) else "")
    return figure(
        [bars(middles, [int(count) for count in counts], hover)],
        bargap=0.06,
        xaxis=titled(words, showgrid=False, rangemode="normal"),
        yaxis=titled("customers", tickformat="~s"),
    )


def _table(order: Sequence[str], telling: dict[str, Floats], clustered: Sequence[str], note: str, currency: str) -> Table:
    rows = []
    for name in order:
        values = telling[name]
        known = values[~np.isnan(values)]
        low, middle, high = (float(value) for value in np.quantile(known, [0.05, 0.5, 0.95]))
        rows.append(
            [
                label(name),
                amount(name, low, currency),
                amount(name, middle, currency),
                amount(name, high, currency),
                1 - known.size / values.size,
                meaning(name),
            ]
        )
    columns = [
        Column("feature", wide=True),
        Column("1 in 20 below"),
        Column("middle"),
        Column("1 in 20 above"),
        Column("missing", "share"),
        Column("what it measures", wide=True),
    ]
    marked = frozenset(i for i, name in enumerate(order) if name in clustered)
    return Table(
        "Every feature that tells customers apart",
        columns,
        rows,
        f"{note} In bold what the segments were made from. Missing has its meaning: see the dictionary at the end.",
        marked,
    )


def _correlations(telling: dict[str, Floats], first: Sequence[str], note: str) -> list[Any]:
    names = [*telling]
    if len(names) < 2:
        return []
    ranks = np.stack([_ranked(telling[name]) for name in names])
    found = np.clip(np.nan_to_num(np.corrcoef(ranks)), -1, 1)
    pairs = sorted(
        ((abs(found[i, j]), names[i], names[j], found[i, j]) for i in range(len(names)) for j in range(i)),
        key=lambda pair: (-round(pair[0], 9), pair[1], pair[2]),
    )
    rows = [[label(one), label(other), float(value)] for _, one, other, value in pairs[:_PAIRS]]
    said = f"{note} Spearman's rank correlation: 1 where two features order the customers alike, -1 the other way round; missing values count as the middle."
    table = Table("Features that say almost the same", [Column("feature", wide=True), Column("other", wide=True), Column("correlation", "number")], rows, said)
    keep = _shown(names, first, found)
    square = found[np.ix_(keep, keep)]
    shown = [label(names[i]) for i in keep]
    hover = [[f"<b>{a}</b><br>{b}<br>{square[i, j]:+.2f}" for j, b in enumerate(shown)] for i, a in enumerate(shown)]
    field = heat(shown, shown, np.round(square, 2).tolist(), hover, diverging=True)
    axis = {"showgrid": False, "tickfont": {"size": 10}, "type": "category", "dtick": 1}
    picture = figure([field], xaxis={**axis, "tickangle": -60}, yaxis={**axis, "autorange": "reversed"})
    return [Chart("features-correlations", "Which features go together", said, picture, table, 240 + 15 * len(shown))]


def _ranked(values: Floats) -> Floats:
    """Mid-ranks of the known values, the middle for the missing."""
    known = ~np.isnan(values)
    distinct, inverse, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ranks = np.full(values.size, (known.sum() + 1) / 2)
    ranks[known] = (np.cumsum(counts) - counts / 2 + 0.5)[inverse] if distinct.size else 0
    return ranks


def _shown(names: Sequence[str], first: Sequence[str], found: Floats) -> list[int]:
    """The places of the features in the picture: those of the segments and the catalogue's first, ordered so that alike ones are neighbours."""
    preferred = [*dict.fromkeys([*first, *names])][:_CORRELATED]
    places = [names.index(name) for name in preferred]
    if len(places) < 3:
        return places
    apart = 1 - np.abs(found[np.ix_(places, places)])
    tree = hierarchy.linkage(squareform((apart + apart.T) / 2, checks=False), method="average", optimal_ordering=True)
    return [places[i] for i in hierarchy.leaves_list(tree)]


def _removed(silent: Sequence[str], dropped: dict[str, str], clustered: Sequence[str], components: int, facts: Facts) -> Table:
    rows = [[label(name), cut(reason, 200)] for name, reason in dropped.items()]
    if silent:
        rows.append([capital(", ".join(label(name) for name in silent)), "the same for every customer, or unknown of all: the shop's records do not hold it"])
    note = f"What could not tell customers apart, or said what another feature says, as of {day(facts.as_of)}."
    if clustered:
        by_way = f", by way of {counted(components, 'principal component')}" if components else ""
        note += f" The segments were made from: {', '.join(label(name) for name in clustered)}{by_way}."
    return Table(
        "What was left out, and why",
        [Column("feature", wide=True), Column("why", wide=True)],
        rows or [["nothing", "every feature tells customers apart"]],
        note,
    )
