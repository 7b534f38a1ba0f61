"""Results by name in one file: each is kept as soon as it is there, so that a campaign or benchmark cut short goes on."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Result = dict[str, Any]


class Kept:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.values: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.values:
            self.values[name] = make()
            self.file.write_text(json.dumps(self.values, indent=1))
        print(name, json.dumps(self.values[name]), flush=True)  # noqa: T201 - progress
        return self.values[name]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys, aligned."""
    names = list(rows[0])
    texts = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(len(text[index]) for text in texts) for index in range(len(names))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in texts)
