"""Sections -> one HTML file that needs nothing else: styles, script, data and the charting library are in it, and it can ask no network.

The library lies in it compressed, and the browser unpacks it. The content security policy names the two scripts by their hashes: no text
of a table can become a script, even if it were written unescaped. Every text goes through Jinja's autoescape.
"""

import base64
import gzip
import hashlib
import importlib.util
import json
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from coterie.errors import UserError
from coterie.report.blocks import Chart, Folded, Picker, Section, cell


def render(template: str, *, title: str, subtitle: str, sections: Sequence[Section], **more: Any) -> str:
    """The page as text. Raises UserError where the libraries that it is made with are not installed."""
    require_libraries()
    import jinja2  # noqa: PLC0415 - of the extra `report`, which a cluster's workers need not have

    source = resources.files("coterie.report").joinpath("templates")
    names = [entry.name for entry in source.iterdir()]
    loader = jinja2.DictLoader({name: source.joinpath(name).read_text(encoding="utf-8") for name in names})
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"cell": cell, "sortable": sort_value}
    figures = {chart: figure for section in sections for chart, figure in _figures(section.blocks)}
    script, library = source.joinpath("page.js").read_text(encoding="utf-8"), _library() if figures else ("", "")
    found: str = environment.get_template(template).render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        script=script,
        policy=_policy(script, library[1]),
        library=library[0],
        figures=_as_data(figures),
        **more,
    )
    return found


def require_libraries() -> None:
    """Raises UserError where jinja2 or plotly is missing."""
    missing = [name for name in ("jinja2", "plotly") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"the page needs {' and '.join(missing)}, not installed here; install it with: pip install 'coterie[report]'")


def sort_value(value: Any) -> str:
    """What a table is sorted by: the number itself; empty for what is not one."""
    is_number = isinstance(value, int | float | Decimal) and not (isinstance(value, float) and math.isnan(value))
    return repr(float(value)) if is_number else ""


def _figures(blocks: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for block in blocks:
        if isinstance(block, Chart):
            yield block.id, block.figure
        elif isinstance(block, Picker):
            yield from ((f"{block.id}:{name}", figure) for name, _, figure in block.options)
        elif isinstance(block, Folded):
            yield from _figures(block.blocks)


def _as_data(figures: dict[str, Any]) -> str:
    """JSON that may stand inside a script element: no character of it can end one."""
    text = json.dumps(figures, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


@cache
def _library() -> tuple[str, str]:
    """Plotly's script: compressed in base64, and as it is."""
    found = importlib.util.find_spec("plotly")
    assert found is not None  # asked for before
    assert found.origin is not None
    script = (Path(found.origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    return base64.b64encode(gzip.compress(script.encode(), 9, mtime=0)).decode(), script


def _policy(*scripts: str) -> str:
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts if script)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'"
