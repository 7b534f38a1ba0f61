"""Mappings say what is wrong with them."""

from pathlib import Path

import pytest

from coterie.errors import MappingError
from coterie.settings import load_settings
from coterie.sources.mapping import Mapping, load_mapping

GOOD = """
name = "shop"
description = "a shop"
[columns]
customer_id = { column = "who" }
event_type = { value = "purchase" }
occurred_at = { column = "when" }
"""


def loaded(folder: Path, text: str) -> Mapping:
    place = folder / "shop.toml"
    place.write_text(text, encoding="utf-8")
    return load_mapping(str(place))


@pytest.mark.parametrize("name", ["coterie", "online_retail", "cdnow", "complete_journey"])
def test_ready_made_mappings_are_valid_and_so_are_their_settings(name: str) -> None:
    mapping = load_mapping(name)
    assert mapping.name == name
    load_settings([{"shop": mapping.shop}])


@pytest.mark.parametrize(
    ("addition", "words"),
    [
        ('quantitty = { column = "n" }', ["columns.quantitty", "did you mean 'quantity'"]),
        ('quantity = { colum = "n" }', ["columns.quantity.colum", "did you mean 'column'"]),
        ('customer_id = { column = "buyer" }', ["overwrite", "each target, may be given once"]),
        ('quantity = { column = "n", value = 1 }', ["column and value", "exactly one"]),
        ("quantity = { trim = true }", ["none of column, value and expression"]),
        ("quantity = { column = 3 }", ["columns.quantity.column", "3"]),
        ('[file]\nformat = "csv"', ["unknown key 'file'", "did you mean 'files'"]),
        ('[files]\nformat = "xml"', ["files.format", "'csv'"]),
        ("[files]\nheader = false", ["no header", "files.columns"]),
        ('[files]\nencoding = "windows-1252"', ["files.encoding is 'windows-1252'", "ISO-8859-1"]),
        ('[files]\ndelimiter = ";;"', ["files.delimiter is ';;'", "one character"]),
        ('[files]\nquote = "\'\'"', ["files.quote is", "one character, or none"]),
        ('[files]\nfolder = "a/../../b"', ["files.folder is 'a/../../b'", "in the input folder"]),
        ('[files]\npattern = "*[.csv"', ["files.pattern is '*[.csv'", "brackets closed"]),
        ('[[event_type]]\nwhen = "true"\nis = "sale"', ["makes 'sale'"]),
        ('[[event_type]]\nwhen = "true"\nbecomes = "cancel"', ["event_type.0.becomes", "known are: is, when"]),
        ('[items.columns]\ntitle = { column = "t" }', ["items need items.columns.item_id"]),
        ('[items.columns]\nitem_id = { column = "i" }\ncolour = { column = "c" }', ["items.columns.colour"]),
    ],
)
def test_a_wrong_mapping_is_refused_with_the_key_and_the_nearest_known(tmp_path: Path, addition: str, words: list[str]) -> None:
    with pytest.raises(MappingError) as found:
        loaded(tmp_path, GOOD + addition)
    assert all(word in str(found.value) for word in words), str(found.value)


def test_a_mapping_without_a_required_target_says_which(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"events need columns\.occurred_at"):
        loaded(tmp_path, GOOD.replace('occurred_at = { column = "when" }', ""))


def test_a_wrong_time_zone_and_a_key_beside_ids_are_refused_together(tmp_path: Path) -> None:
    text = 'time_zone = "London"\nkey = ["who"]\n' + GOOD + 'source_event_id = { column = "id" }'
    with pytest.raises(MappingError, match=r"(?s)leave out key.*time_zone is 'London'"):
        loaded(tmp_path, text)


def test_a_mapping_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(MappingError, match="did you mean 'online_retail'"):
        load_mapping("online-retail")


def test_columns_needed_are_those_named_and_columns_possible_include_words_of_expressions(tmp_path: Path) -> None:
    more = """
quantity = { expression = "try_divide(`total sum`, price) + length('not_a_column')" }
channel = { column = "shop", optional = true }
[[reject]]
when = "status = 'void'"
reason = "void"
"""
    mapping = loaded(tmp_path, 'key = ["receipt"]\n' + GOOD + more)
    assert mapping.needed_columns("events") == ["who", "when", "receipt"]
    assert {"total sum", "price", "status", "shop", "receipt", "who", "when"} <= set(mapping.possible_columns("events"))
    assert "not_a_column" not in mapping.possible_columns("events")
