"""The table of RFM rules: which named segment each cell of recency, frequency and monetary scores belongs to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from coterie.errors import SettingsError

AXES = ("recency", "frequency", "monetary")
SCORES = range(1, 6)
Cell = tuple[int, int, int]  # scores of recency, frequency, monetary; 5 is best
_CELLS: tuple[Cell, ...] = tuple(product(SCORES, SCORES, SCORES))


@dataclass(frozen=True)
class Rules:
    """`names` and `descriptions` by segment id; `table` holds the id of each of the 125 cells, recency's score running slowest."""

    names: dict[int, str]
    descriptions: dict[int, str]
    table: tuple[int, ...]


def load_rules(values: Mapping[str, Any]) -> Rules:
    """The rules of a TOML file such as `conf/rfm_segments.toml`.

    Raises SettingsError, naming cells and segments, unless each cell is covered exactly once and ids and names are distinct.
    """
    segments = values.get("segment", [])
    if set(values) != {"segment"} or not segments:
        raise SettingsError(f"the RFM rules hold {sorted(values)}; expected a list of [[segment]] and nothing else")
    for segment in segments:
        _check_segment(segment)
    for key in ("id", "name"):
        found = [segment[key] for segment in segments]
        twice = sorted({str(value) for value in found if found.count(value) > 1})
        if twice:
            raise SettingsError(f"two RFM segments have the same {key}: {', '.join(twice)}; expected each once")
    owners: dict[Cell, list[str]] = {cell: [] for cell in _CELLS}
    for segment in segments:
        for cell in _covered(segment):
            owners[cell].append(segment["name"])
    _check_cover(owners)
    ids = {segment["name"]: segment["id"] for segment in segments}
    return Rules(
        {segment["id"]: segment["name"] for segment in segments},
        {segment["id"]: segment["description"] for segment in segments},
        tuple(ids[owners[cell][0]] for cell in _CELLS),
    )


def _check_segment(segment: Mapping[str, Any]) -> None:
    name = segment.get("name", "?")
    if set(segment) != {"id", "name", "description", "cells"}:
        raise SettingsError(f"RFM segment '{name}' has {sorted(segment)}; expected id, name, description and cells")
    if not (isinstance(segment["id"], int) and segment["id"] >= 1):
        raise SettingsError(f"RFM segment '{name}' has id {segment['id']!r}; expected a whole number from 1 on (0 is who has not bought yet)")
    for box in segment["cells"]:
        if set(box) != set(AXES):
            raise SettingsError(f"a box of RFM segment '{name}' has {sorted(box)}; expected {', '.join(AXES)}")
        for axis in AXES:
            bounds = box[axis]
            if not (isinstance(bounds, list) and len(bounds) == 2 and all(bound in SCORES for bound in bounds) and bounds[0] <= bounds[1]):
                raise SettingsError(f"RFM segment '{name}' has {axis} = {bounds!r}; expected [lowest, highest] within 1 to 5")


def _covered(segment: Mapping[str, Any]) -> Iterator[Cell]:
    for box in segment["cells"]:
        recency, frequency, monetary = (range(box[axis][0], box[axis][1] + 1) for axis in AXES)
        yield from product(recency, frequency, monetary)


def _check_cover(owners: Mapping[Cell, list[str]]) -> None:
    bare = [_named(cell) for cell, names in owners.items() if not names]
    doubled = [f"{_named(cell)} ({' and '.join(names)})" for cell, names in owners.items() if len(names) > 1]
    problems = ([f"not covered: {_some(bare)}"] if bare else []) + ([f"covered more than once: {_some(doubled)}"] if doubled else [])
    if problems:
        raise SettingsError(f"the RFM rules must cover every cell exactly once; {'; '.join(problems)}")


def _named(cell: Cell) -> str:
    return "R{} F{} M{}".format(*cell)


def _some(cells: list[str]) -> str:
    return ", ".join(cells[:10]) + (f" and {len(cells) - 10} more" if len(cells) > 10 else "")
