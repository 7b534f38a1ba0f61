"""What a description of an item is made of."""

import pyarrow as pa
import pytest

from coterie.recommend.content import item_terms, words


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Red Cup, large-size", ["red", "cup", "large", "size"]),
        ("RED red_Red", ["red", "red", "red"]),
        ("60W 3-pin", ["60w", "3", "pin"]),
        ("Straße CAFÉ", ["strasse", "café"]),
        ("红色杯子", ["红色", "色杯", "杯子"]),
        ("杯", ["杯"]),
        ("红 杯子", ["红", "杯子"]),
        ("iPhone手机壳13个", ["iphone", "手机", "机壳", "13", "个"]),
        ("カップ", ["カッ", "ップ"]),
        ("한국어", ["한국", "국어"]),
        ("🎁 gift 🎁🎁", ["gift"]),
        ("🎁", []),
        ("", []),
        (" _ - ", []),
    ],
)
def test_words_of_a_title(title: str, expected: list[str]) -> None:
    assert words(title) == expected


def batch(*items: tuple[str, str | None, str | None, str | None]) -> pa.RecordBatch:
    names = ["item_id", "title", "category", "level"]
    columns = [pa.array(column, pa.string()) for column in zip(*items, strict=True)] if items else [pa.array([], pa.string())] * 4
    return pa.RecordBatch.from_arrays(columns, names=names)


def terms(*items: tuple[str, str | None, str | None, str | None], category: float = 1.0, price: float = 0.5) -> list[tuple[object, ...]]:
    [found] = item_terms(iter([batch(*items)]), category, price)
    assert found.schema.names == ["item_id", "term", "count"]
    return [tuple(row.values()) for row in found.to_pylist()]


def test_an_item_has_each_word_once_with_its_count_its_category_and_its_price_level() -> None:
    assert sorted(terms(("i", "red Cup RED", "tea", "3"))) == [("i", "category tea", 1.0), ("i", "cup", 1.0), ("i", "price 3", 0.5), ("i", "red", 2.0)]


def test_the_level_of_one_is_a_level_and_a_word_is_no_category() -> None:
    assert sorted(terms(("i", "tea", None, "0"), ("j", None, "tea", "-1"))) == [
        ("i", "price 0", 0.5), ("i", "tea", 1.0), ("j", "category tea", 1.0), ("j", "price -1", 0.5),
    ]


def test_what_weighs_nothing_and_what_is_not_known_is_no_term() -> None:
    assert terms(("i", "cup", "tea", "3"), category=0, price=0) == [("i", "cup", 1.0)]
    assert terms(("i", None, None, None), ("j", "", "", None), ("k", "🎁", None, None)) == []
    assert terms() == []
