"""What `coterie cluster` prints: the best candidates with their measures, the choice and its reason, the clusters in words."""

import json
from typing import Any

from rich.console import Console
from rich.table import Table

_MEASURES = {"evidence": "evidence", "valley_depth": "valleys", "silhouette": "silh.", "stability": "stable", "smallest_share": "small"}
_SHOWN = 12


def show(found: Any) -> None:
    """A `Clustering` on the terminal."""
    console = Console()
    _show_candidates(console, found)
    console.print()
    for note in found.notes:
        console.print(note, highlight=False, markup=False)
    console.print(f"{found.winner.short}  {found.winner.verdict}", style="bold", highlight=False, markup=False)
    _show_clusters(console, found)
    console.print(f"rows with their cluster: {found.written}; every candidate: --json", highlight=False, markup=False)


def as_json(found: Any) -> str:
    """{candidates: [...], chosen: {method, k, adjusted_rand, reason, ...}}."""
    rows = [_row(found, one) for one in found.candidates]
    winner = _row(found, found.winner)
    sizes = {str(cluster): size for cluster, size in found.sizes.items()}
    rules = {str(cluster): rule.words for cluster, rule in found.rules.items()}
    chosen = winner | {"reason": winner.pop("verdict"), "sizes": sizes, "rules": rules, "notes": list(found.notes), "written": found.written}
    return json.dumps({"candidates": rows, "chosen": chosen}, ensure_ascii=False, indent=2)


def _row(found: Any, one: Any) -> dict[str, Any]:
    row: dict[str, Any] = one.row()
    return row | {"parameters": one.parameters, "adjusted_rand": found.adjusted_rand.get(one.name)}


def _show_candidates(console: Console, found: Any) -> None:
    """The best of each method and the next best of all, by rank."""
    ranked = sorted((one for one in found.candidates if "evidence" in one.measures), key=lambda one: (not one.is_chosen, -one.measures["evidence"], one.name))
    names = {*{one.method: one.name for one in reversed(ranked)}.values(), *(one.name for one in ranked[:_SHOWN])}
    shown = [one for one in ranked if one.name in names]
    if not shown:
        return
    columns = [name for name in _MEASURES if any(name in one.measures for one in shown)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("candidate", no_wrap=True)
    for name in ["k", *(_MEASURES[name] for name in columns), *(["ARI"] if found.adjusted_rand else [])]:
        table.add_column(name, justify="right", no_wrap=True)
    for one in shown:
        values = [f"{one.measures[name]:.3f}" if name in one.measures else "-" for name in columns]
        rand = [f"{found.adjusted_rand[one.name]:.3f}"] if found.adjusted_rand else []
        table.add_row(one.short, str(one.segments), *values, *rand, style="bold" if one.is_chosen else "")
    console.print(table, highlight=False)
    if len(found.candidates) > len(shown):
        console.print(f"and {len(found.candidates) - len(shown)} more", style="dim", highlight=False)


def _show_clusters(console: Console, found: Any) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("cluster", "rows", "share", "who, by a shallow tree"):
        table.add_column(name, justify="left" if name.startswith("who") else "right")
    total = sum(found.sizes.values())
    for cluster, size in found.sizes.items():
        rule = found.rules.get(cluster)
        words = "-" if rule is None else f"{rule.words} (right for {100 * rule.precision:.0f} %)"
        table.add_row("noise" if cluster < 0 else str(cluster), f"{size:,}", f"{100 * size / total:.1f} %", words.replace("[", "\\["))
    console.print(table, highlight=False)
