"""Lists made more varied, or opened to new items, by hand."""

import numpy as np
import pyarrow as pa
import pytest
from shelf_rows import asked, item, left, own, right, shelved, sold

from coterie.recommend.tasks.block import Shelf, shelf_of
from coterie.recommend.tasks.lists import Draw, served_lists
from coterie.recommend.tasks.rearrange import Rearrangement, rearranged
from coterie.recommend.tasks.scorers import ItemWeights, Order, Recency

CAP = Rearrangement(max_per_category=2, mmr=0.0, new_share=0.0, new_days=30, similar="item_knn")
VARIED = Rearrangement(max_per_category=0, mmr=0.5, new_share=0.0, new_days=30, similar="item_knn")
NEW = Rearrangement(max_per_category=0, mmr=0.0, new_share=0.25, new_days=30, similar="item_knn")


def shelf(*rows: dict) -> Shelf:
    return shelf_of(right(*rows))


def one(on: Shelf, items: str, count: int, how: Rearrangement, customer: str = "ann") -> str:
    """A list after it was rearranged; items of one letter, '.' for none."""
    places = np.array([[ord(name) - ord("a") if name != "." else -1 for name in items]])
    found, scores, is_filler = rearranged(places, places * 10.0, places % 2 == 1, count, how, on, pa.array([customer]))
    kept = found[0] >= 0
    assert scores[0][kept].tolist() == (found[0][kept] * 10.0).tolist()  # an item's score and filler travel with it
    assert is_filler[0][kept].tolist() == (found[0][kept] % 2 == 1).tolist()
    return "".join(chr(ord("a") + place) if place >= 0 else "." for place in found[0])


def test_nothing_is_needed_where_all_is_off() -> None:
    assert not Rearrangement(0, 0.0, 0.0, 30, "item_knn").is_needed
    assert CAP.is_needed
    assert VARIED.is_needed
    assert NEW.is_needed


def test_no_more_than_so_many_of_a_category() -> None:
    on = shelf(*(item(name, category=category) for name, category in zip("abcdef", ["tea", "tea", "tea", "cup", "tea", "cup"], strict=True)))
    assert one(on, "abcdef", 4, CAP) == "abdf"
    assert one(on, "abcdef", 5, CAP) == "abdf."
    assert one(on, "abce..", 4, CAP) == "ab.."


def test_other_categories_of_the_popular_list_take_the_places_of_a_full_one() -> None:
    rows = [*(item(name, category="tea") for name in "abc"), sold("y", buyers=2, category="cup"), sold("z", buyers=1, category="cup")]
    draw = Draw((Order("popular"), ItemWeights("ease", Recency(10), "goes with {}")), 3, 3)
    likes = [shelved("ease", "item", "a", {"a": 0.3, "b": 0.2, "c": 0.1})]
    customers = [asked("ann", keep_seen=True), own("ann", a={})]
    found = served_lists(left(*customers), right(*rows, *likes), draw, "ease", "popular", None, Rearrangement(1, 0.0, 0.0, 30, "item_knn"))
    assert list(zip(found["item_id"].to_pylist(), found["source"].to_pylist(), strict=True)) == [("a", "ease"), ("y", "popular")]


def test_items_without_a_category_are_not_of_one() -> None:
    on = shelf(*(item(name, category=category) for name, category in zip("abcdef", [None, None, None, "cup", "cup", "cup"], strict=True)))
    assert one(on, "abcdef", 5, CAP) == "abcde"
    assert one(on, "defabc", 4, CAP) == "deab"


def test_variety_by_the_formula() -> None:
    # Likeness as a share of the largest, 0.4: a b 1, a c 1/2, b c 0.
    alike = [shelved("item_knn", "item", "a", {"b": 0.4, "c": 0.2}), shelved("item_knn", "item", "b", {"a": 0.4}), shelved("item_knn", "item", "c", {"a": 0.2})]
    on = shelf(*(item(name) for name in "abcd"), *alike)
    # First a: relevance 1. Then b: 1/2 x 1/2 - 1/2 x 1 = -1/4; c: 1/2 x 1/3 - 1/2 x 1/2 = -1/12; d: 1/2 x 1/4 - 0 = 1/8.
    # Then c: -1/12 still, b: -1/4 still.
    assert one(on, "abcd", 4, VARIED) == "adcb"
    # Variety at a fifth: b: 4/5 x 1/2 - 1/5 = 1/5; c: 4/5 x 1/3 - 1/10 = 1/6; d: 4/5 x 1/4 = 1/5: b, the higher in rank.
    assert one(on, "abcd", 4, Rearrangement(0, 0.2, 0.0, 30, "item_knn")) == "abdc"


def test_the_more_variety_counts_the_less_the_rank_does() -> None:
    alike = [shelved("item_knn", "item", "a", {"b": 0.35}), shelved("item_knn", "item", "e", {"f": 1})]
    on = shelf(*(item(name) for name in "abcdef"), *alike)
    # After a, b: 1/2 x 1/2 - 1/2 x 0.35 = 0.075; c: 1/2 x 1/3, which is more; d: 1/2 x 1/4 = 0.125, which is more too.
    assert one(on, "abcd", 4, VARIED) == "acdb"
    # With three tenths: b: 7/10 x 1/2 - 3/10 x 0.35 = 0.245; c: 7/10 x 1/3 = 0.233.
    assert one(on, "abcd", 4, Rearrangement(0, 0.3, 0.0, 30, "item_knn")) == "abcd"


def test_the_likest_of_those_chosen_counts_not_the_last() -> None:
    alike = [shelved("item_knn", "item", "a", {"c": 1}), shelved("item_knn", "item", "c", {"a": 1})]
    on = shelf(*(item(name) for name in "abcd"), *alike)
    # a, then b (1/2 x 1/2); c stays like a: 1/2 x 1/3 - 1/2 < d: 1/2 x 1/4.
    assert one(on, "abcd", 4, VARIED) == "abdc"


def test_likeness_counts_whichever_of_the_two_has_the_other_among_its_nearest() -> None:
    for one_way in (shelved("item_knn", "item", "a", {"b": 1}), shelved("item_knn", "item", "b", {"a": 1})):
        assert one(shelf(*(item(name) for name in "abc"), one_way), "abc", 3, VARIED) == "acb"


def test_without_a_model_of_likeness_the_order_stays() -> None:
    assert one(shelf(*(item(name) for name in "abcd")), "dbca", 3, VARIED) == "dbc"


def test_a_short_list_stays_short() -> None:
    on = shelf(*(item(name, category="tea") for name in "abcd"))
    assert one(on, "ab..", 4, CAP) == "ab.."
    assert one(on, "....", 2, NEW) == ".."


OLD_AND_NEW = [*(item(name, listed_age=31) for name in "abcdef"), item("g", listed_age=30), item("h", listed_age=0)]


def test_the_last_places_are_kept_for_new_items() -> None:
    on = shelf(*OLD_AND_NEW)
    assert one(on, "abcdefgh", 4, NEW) == "abcg"  # a quarter of four
    assert one(on, "agbcdefh", 4, NEW) == "agbc"  # g is new and there already
    assert one(on, "abcdef", 4, NEW) == "abcd"  # no new one to put there
    assert one(on, "abcdefgh", 4, Rearrangement(0, 0.0, 0.5, 30, "item_knn")) == "abgh"


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_parts_of_a_place_are_drawn_so_that_the_share_holds_on_average(share: float) -> None:
    n, length = 4000, 3 if share == 0.5 else 5
    places = np.tile(np.arange(8), (n, 1))
    how, customers = Rearrangement(0, 0.0, share, 30, "item_knn"), pa.array([f"c{number}" for number in range(n)])
    found, _, _ = rearranged(places, np.zeros((n, 8)), places > 9, length, how, shelf(*OLD_AND_NEW), customers)
    is_new = found >= 6
    assert is_new.mean() == pytest.approx(share, abs=4 * 0.5 / n**0.5 / length)
    assert set(is_new.sum(axis=1).tolist()) == {int(share * length), int(share * length) + 1}
    assert (np.sort(is_new, axis=1) == is_new).all()  # at the end


def test_the_draw_is_the_customers_and_not_the_blocks() -> None:
    on, how = shelf(*OLD_AND_NEW), Rearrangement(0, 0.0, 0.1, 30, "item_knn")
    names = [f"c{number}" for number in range(40)]
    alone = [one(on, "abcdefgh", 5, how, name) for name in names]
    assert alone == [one(on, "abcdefgh", 5, how, name) for name in reversed(names)][::-1]
    assert set(alone) == {"abcde", "abcdg"}


def test_the_share_holds_in_a_shop_with_many_items_that_sell_better_than_new_ones() -> None:
    # 100 items that sell and five new ones that nobody has bought yet: a fifth of each list of five is one place.
    rows = [*(sold(f"i{number:03}", buyers=200 - number) for number in range(100)), *(item(f"new{number}", listed_age=1) for number in range(5))]
    how = Rearrangement(0, 0.0, 0.2, 30, "item_knn")
    found = served_lists(left(asked("ann")), right(*rows), Draw((Order("popular"),), 30, 5), "popular", "popular", None, how)
    assert sum(name.startswith("new") for name in found["item_id"].to_pylist()) == 1
