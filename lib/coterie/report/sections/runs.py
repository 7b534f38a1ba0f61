"""How the tables came about, and what their columns mean."""

from typing import Any

from coterie.catalogue import FEATURES
from coterie.report.blocks import Column, Facts, Folded, Section, Table, Text
from coterie.report.words import cut, day, label
from coterie.schemas import TABLES

_RUNS = 30  # newest ones shown


def runs_section(facts: Facts) -> Section:
    title, short = "How this came about", "Runs"
    if not facts.runs:
        return Section("runs", title, short, "", [Text("The runs cannot be shown: the lake has no rows in the table runs.", is_missing=True)])
    columns = [
        Column("at (UTC)"),
        Column("job"),
        Column("as of"),
        Column("state"),
        Column("took", "duration"),
        Column("version"),
        Column("what it said", wide=True),
    ]
    rows: list[list[Any]] = [
        [
            f"{row['at']:%Y-%m-%d %H:%M}",
            row["job"],
            str(row["as_of"] or ""),
            row["state"] + (", stale" if row["is_stale"] else ""),
            row["seconds"],
            row["version"],
            cut(row["message"], 300),
        ]
        for row in facts.runs[:_RUNS]
    ]
    note = f"The newest {len(rows)} of {len(facts.runs):,} runs. Stale: later data changed days up to the date; `coterie run --from --to` does it again."
    newest: dict[str, Any] = {}
    for row in reversed(facts.runs):
        if row["state"] == "finished":
            for table, version in (row["tables_written"] or {}).items():
                newest[table] = [table, TABLES[table].grain if table in TABLES else "", version, row["job"], f"{row['at']:%Y-%m-%d %H:%M}"]
    versions = Table(
        "The tables as they were read",
        [Column("table"), Column("one row is", wide=True), Column("version", "number"), Column("written by"), Column("at (UTC)")],
        [newest[name] for name in sorted(newest)],
        "Delta versions that the newest finished runs left; this page shows those.",
    )
    lead = f"Every figure on this page was read from the tables below, as the last finished runs left them, as of {day(facts.as_of)}."
    return Section("runs", title, short, lead, [Table("What ran", columns, rows, note), versions])


def dictionary_section() -> Section:
    features = Table(
        "Features",
        [
            Column("feature", wide=True),
            Column("column"),
            Column("unit"),
            Column("window"),
            Column("what it measures", wide=True),
            Column("null means", wide=True),
        ],
        [[label(f.name), f.name, f.unit, f.window, f.meaning, f.missing or "never null"] for f in FEATURES],
        "All features end with the as-of date, which is included.",
    )
    shown = [table for table in TABLES.values() if not table.is_scratch and table.name != "lease"]
    tables = [
        Table(
            table.name,
            [Column("column"), Column("type", wide=True), Column("what it holds", wide=True)],
            [[column.name, cut(column.type, 60), column.comment] for column in table.columns],
            f"One row is {table.grain}. Key: {', '.join(table.key)}.",
        )
        for table in shown
        if table.name != "customer_features"
    ]
    lead = "The words of this page and the columns of the tables behind it."
    return Section(
        "dictionary", "Dictionary", "Dictionary", lead, [Folded("The features", [features]), *(Folded(f"Table {table.title}", [table]) for table in tables)]
    )
