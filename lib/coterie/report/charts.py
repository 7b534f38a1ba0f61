"""Figures for Plotly, as plain dictionaries: no colour but the style sheet's, so that light, dark and print follow it.

Texts that others wrote are escaped here (`safe`): Plotly reads a little markup in every text.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from coterie.report.words import cut

Figure = dict[str, Any]
SEGMENT_COLOURS = 10


def colour(segment_id: int | None) -> str:
    """The colour of a segment: its own everywhere on the page; grey for those who have not bought, or none."""
    return "var(--none)" if not segment_id else f"var(--s{(segment_id - 1) % SEGMENT_COLOURS})"


def safe(text: str, length: int = 60) -> str:
    return html.escape(cut(text, length), quote=False)


def figure(data: Sequence[Mapping[str, Any]], **layout: Any) -> Figure:
    """A figure with the house's layout, `layout` laid over it."""
    base: Figure = {
        "margin": {"l": 8, "r": 18, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "var(--sans)", "size": 12.5, "color": "var(--muted)"},
        "hoverlabel": {
            "bgcolor": "var(--ink)",
            "bordercolor": "var(--ink)",
            "font": {"family": "var(--sans)", "size": 13, "color": "var(--paper)"},
            "align": "left",
        },
        "showlegend": False,
        "dragmode": False,
        "bargap": 0.28,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left", "font": {"color": "var(--ink)"}},
    }
    for axis in ("xaxis", "yaxis"):
        base[axis] = _axis() | layout.pop(axis, {})
    return {"data": list(data), "layout": base | layout}


def _axis() -> Figure:
    return {
        "automargin": True,
        "fixedrange": True,
        "gridcolor": "var(--grid)",
        "linecolor": "var(--line)",
        "zerolinecolor": "var(--line)",
        "ticks": "",
        "title": {"standoff": 10, "font": {"size": 12.5}},
    }


def titled(words: str, **more: Any) -> Figure:
    """An axis with a title."""
    return {"title": {"text": words, "standoff": 10, "font": {"size": 12.5}}, **more}


def bars(
    x: Sequence[Any], y: Sequence[float], hover: Sequence[str], *, fill: str | Sequence[str] = "var(--accent)", name: str = "", flat: bool = False
) -> Figure:
    """A series of bars; `flat`: they lie, and x and y change places. `hover`: the tooltip of each, which is markup already."""
    along, across = (list(y), list(x)) if flat else (list(x), list(y))
    colours = fill if isinstance(fill, str) else list(fill)
    made: Figure = {"type": "bar", "x": along, "y": across, "hovertext": list(hover), "hovertemplate": "%{hovertext}<extra></extra>", "name": name}
    return made | {"orientation": "h" if flat else "v", "marker": {"color": colours, "line": {"width": 0}}}


def dots(
    x: Sequence[Any],
    y: Sequence[Any],
    hover: Sequence[str],
    *,
    fill: str | Sequence[str] = "var(--accent)",
    size: float = 9,
    name: str = "",
    mode: str = "markers",
) -> Figure:
    """A series of dots, joined by a line where `mode` is lines+markers."""
    colours = fill if isinstance(fill, str) else list(fill)
    line = {"line": {"color": colours if isinstance(colours, str) else "var(--line)", "width": 2}}
    made: Figure = {"type": "scatter", "mode": mode, "x": list(x), "y": list(y), "hovertext": list(hover), "name": name}
    return made | line | {"hovertemplate": "%{hovertext}<extra></extra>", "marker": {"color": colours, "size": size, "line": {"width": 0}}}


def heat(
    x: Sequence[Any], y: Sequence[Any], z: Sequence[Sequence[float | None]], hover: Sequence[Sequence[str]], *, diverging: bool = False, **more: Any
) -> Figure:
    """A field of coloured cells; diverging: around 0, from -1 to 1."""
    scale = [[0, "var(--below)"], [0.5, "var(--card)"], [1, "var(--above)"]] if diverging else [[0, "var(--card)"], [1, "var(--heat)"]]
    bounds = {"zmin": -1, "zmax": 1} if diverging else {}
    made: Figure = {"type": "heatmap", "x": list(x), "y": list(y), "z": [list(row) for row in z], "hovertext": [list(row) for row in hover]}
    made |= {"hovertemplate": "%{hovertext}<extra></extra>", "colorscale": scale, "showscale": False, "xgap": 1, "ygap": 1, "hoverongaps": False}
    return made | bounds | more
