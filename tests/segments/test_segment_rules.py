"""The table of RFM rules, and what a broken one says."""

from typing import Any

import pytest

from coterie.errors import SettingsError
from coterie.segments.rules import load_rules
from coterie.settings import read_toml

EVERYTHING = {"recency": [1, 5], "frequency": [1, 5], "monetary": [1, 5]}


def segment(number: int, name: str, *boxes: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "name": name, "description": "is", "cells": list(boxes)}


def box(recency: list[int], frequency: list[int] = [1, 5], monetary: list[int] = [1, 5]) -> dict[str, list[int]]:  # noqa: B006 - never changed
    return {"recency": recency, "frequency": frequency, "monetary": monetary}


def cell(table: tuple[int, ...], recency: int, frequency: int, monetary: int) -> int:
    return table[(recency - 1) * 25 + (frequency - 1) * 5 + monetary - 1]


def test_the_rules_that_come_along_cover_every_cell_with_the_classic_segments() -> None:
    rules = load_rules(read_toml("rfm_segments"))
    assert len(rules.table) == 125
    assert set(rules.table) == set(rules.names) == set(range(1, 12))
    assert rules.names[cell(rules.table, 5, 5, 5)] == "Champions"
    assert rules.names[cell(rules.table, 5, 1, 1)] == "New customers"
    assert rules.names[cell(rules.table, 1, 5, 5)] == "Cannot lose them"
    assert rules.names[cell(rules.table, 1, 1, 1)] == "Lost"


def test_cells_lie_where_their_box_says() -> None:
    rich, rest = segment(2, "Rich", box([3, 5], monetary=[4, 5])), segment(3, "Rest", box([3, 5], monetary=[1, 3]))
    rules = load_rules({"segment": [segment(4, "Cold", box([1, 2])), rich, rest]})
    assert [cell(rules.table, 2, 5, 5), cell(rules.table, 3, 1, 4), cell(rules.table, 5, 5, 3)] == [4, 2, 3]


def test_a_cell_left_out_is_named() -> None:
    with pytest.raises(SettingsError, match=r"exactly once; not covered: R5 F1 M1, R5 F1 M2, .* and 15 more"):
        load_rules({"segment": [segment(1, "Most", box([1, 4]))]})


def test_a_cell_covered_twice_is_named_with_its_segments() -> None:
    with pytest.raises(SettingsError, match=r"covered more than once: R3 F5 M5 \(All and Some\)"):
        load_rules({"segment": [segment(1, "All", EVERYTHING), segment(2, "Some", box([3, 3], [5, 5], [5, 5]))]})


@pytest.mark.parametrize(
    ("segments", "says"),
    [
        ([segment(1, "A", box([1, 2])), segment(1, "B", box([3, 5]))], "same id: 1"),
        ([segment(1, "A", box([1, 2])), segment(2, "A", box([3, 5]))], "same name: A"),
        ([segment(0, "A", EVERYTHING)], "id 0; expected a whole number from 1 on"),
        ([segment(1, "A", box([0, 5]))], r"recency = \[0, 5\]; expected \[lowest, highest\] within 1 to 5"),
        ([segment(1, "A", box([4, 2]))], r"recency = \[4, 2\]"),
        ([segment(1, "A", {"recency": [1, 5]})], "expected recency, frequency, monetary"),
        ([{"id": 1, "name": "A", "cells": [EVERYTHING]}], "segment 'A' has"),
        ([], r"expected a list of \[\[segment\]\]"),
    ],
)
def test_what_is_wrong_is_said(segments: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_rules({"segment": segments})
