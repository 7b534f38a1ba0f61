"""The lists of a block, as they are measured and as they are served, on a shelf of six items."""

import math
from typing import Any

import pyarrow as pa
import pytest
from shelf_rows import LOOKED_AT, Row, asked, item, knows, left, own, right, shelved, sold

from coterie.recommend.tasks.drawn import feature_names
from coterie.recommend.tasks.lists import EXAMPLES, MEASURED_SCHEMA, SERVED_SCHEMA, Draw, measured_lists, names_of, part_of, served_lists
from coterie.recommend.tasks.ranker import Ranker
from coterie.recommend.tasks.rearrange import Rearrangement
from coterie.recommend.tasks.scorers import Again, Factors, ItemWeights, Order, Recency

AS_RANKED = Rearrangement(0, 0.0, 0.0, 30, "item_knn")
DRAW = Draw((Order("popular"), Factors("als", Recency(10)), ItemWeights("ease", Recency(10), "goes with {}")), 3, 3)
# Popular: a, b, c, d, e; f cannot be sold. als knows a .. c, ease goes from a to d and f.
SHELF = [
    *(sold(name, buyers=9 - number, recent_buyers=9 - number) for number, name in enumerate("abcd")), item("e"), sold("f", buyers=99, is_sellable=False),
    *(shelved("als", "item", name, [value]) for name, value in {"a": 1, "b": 2, "c": 3, "f": 9}.items()),
    shelved("ease", "item", "a", {"d": 0.5, "f": 0.9}),
]
CUSTOMERS = [own("ann", a={}), knows("als", "ann", [1]), own("bob", a=LOOKED_AT)]
BY_ALS = Ranker(tuple(feature_names(DRAW.kinds)), (1.0, *[0.0] * (len(feature_names(DRAW.kinds)) - 1)), -0.5)  # the first feature: log_als


def measured(*rows: Row, ranker: Ranker | None = None, negatives: float = 0.0, draw: Draw = DRAW) -> list[dict[str, Any]]:
    found = measured_lists(left(*rows, *CUSTOMERS), right(*SHELF), draw, "popular", "blend", ranker, negatives)
    assert found.schema == MEASURED_SCHEMA
    return found.to_pylist()


def lists(found: list[dict[str, Any]]) -> dict[tuple[str, bool, str], str]:
    return {(row["customer_id"], row["keep_seen"], row["model"]): "".join(row["items"]) for row in found}


def served(*rows: Row, chosen: str = "als", ranker: Ranker | None = None, how: Rearrangement = AS_RANKED, draw: Draw = DRAW) -> list[dict[str, Any]]:
    found = served_lists(left(*rows, *CUSTOMERS), right(*SHELF), draw, chosen, "popular", ranker, how)
    assert found.schema == SERVED_SCHEMA
    return found.to_pylist()


def test_every_model_has_a_list_for_every_row_filled_up_by_the_popular_one() -> None:
    rows = measured(asked("ann", "b", "x"), asked("ann", keep_seen=True), asked("zoe", "a"))
    assert lists(rows) == {
        ("ann", False, "popular"): "bcd", ("ann", False, "als"): "cbd", ("ann", False, "ease"): "dbc",
        ("ann", True, "popular"): "abc", ("ann", True, "als"): "cba", ("ann", True, "ease"): "dab",
        ("zoe", False, "popular"): "abc", ("zoe", False, "als"): "abc", ("zoe", False, "ease"): "abc",
    }
    truths = {(row["customer_id"], row["keep_seen"]): row["truth"] for row in rows}
    assert truths == {("ann", False): ["b", "x"], ("ann", True): [], ("zoe", False): ["a"]}


def test_a_measured_list_has_its_models_scores_and_nought_for_what_fills_it() -> None:
    found = {row["model"]: row["factors"] for row in measured(asked("ann"))}
    # f is the first of the shop, though it cannot be sold; a, which ann had, the second.
    assert found == {"popular": [pytest.approx(1 / place) for place in (3, 4, 5)], "als": [3, 2, 0], "ease": [0.5, 0, 0]}


def test_warm_is_who_bought_and_not_who_looked() -> None:
    assert {row["customer_id"]: row["is_warm"] for row in measured(asked("ann"), asked("bob"), asked("zoe"))} == {"ann": True, "bob": False, "zoe": False}


def test_a_ranker_has_a_list_of_its_own_over_the_candidates_of_all() -> None:
    found = {row["model"]: row for row in measured(asked("ann"), asked("zoe"), ranker=BY_ALS) if row["customer_id"] == "ann"}
    assert found["blend"]["items"] == ["c", "b", "d"]
    # log odds: ln(share of the highest, 9, + 0.02) - 0.5
    assert found["blend"]["factors"] == pytest.approx([math.log(value + 0.02) - 0.5 for value in (3 / 9, 2 / 9, 0)], abs=1e-8)
    assert lists(measured(asked("zoe"), ranker=BY_ALS))["zoe", False, "blend"] == "abc"  # nobody knows zoe: what is popular, in its order


def test_of_several_rankers_each_is_for_the_customers_of_its_part() -> None:
    names = [f"c{number}" for number in range(12)]
    parts = part_of(pa.array(names), 2).tolist()
    against_als = Ranker(BY_ALS.features, tuple(-value for value in BY_ALS.coefficients), 0.0)
    rows = [row for name in names for row in (asked(name), knows("als", name, [1]))]
    found = measured_lists(left(*rows), right(*SHELF), DRAW, "popular", "blend", (BY_ALS, against_als), 0.0).to_pylist()
    first = {row["customer_id"]: row["items"] for row in found if row["model"] == "blend"}
    assert set(parts) == {0, 1}
    assert first == {name: ["c", "b", "a"] if part == 0 else ["a", "b", "c"] for name, part in zip(names, parts, strict=True)}


def test_of_whom_nobody_knows_the_ranker_says_nothing() -> None:
    least_popular = Ranker(BY_ALS.features, tuple(-1.0 if name == "log_recent_buyers" else 0.0 for name in BY_ALS.features), 0.0)
    found = lists(measured(asked("zoe"), asked("ann", keep_seen=True), ranker=least_popular))
    assert (found["zoe", False, "blend"], found["ann", True, "blend"]) == ("abc", "dcb")


def test_new_items_tell_the_ranker_of_nobody_and_are_no_candidates_of_its() -> None:
    shelf = [*(sold(name, buyers=9 - number) for number, name in enumerate("abc")), item("n", listed_age=1), shelved("als", "item", "c", [1])]
    how = Rearrangement(0, 0.0, 0.01, 30, "item_knn")
    least_popular = Ranker(BY_ALS.features, tuple(-1.0 if name == "log_recent_buyers" else 0.0 for name in BY_ALS.features), 0.0)
    found = served_lists(left(asked("zoe")), right(*shelf), DRAW, "blend", "popular", least_popular, how)
    assert found["item_id"].to_pylist() == ["a", "b", "c"]
    assert found["source"].to_pylist() == ["popular"] * 3


def test_what_was_bought_and_is_not_on_the_shelf_is_no_other_customers_purchase() -> None:
    shelf = [item("a"), item("b"), shelved("als", "item", "a", [1]), shelved("als", "item", "b", [1])]
    customers = [asked("ann"), asked("bob", "zzz"), knows("als", "ann", [1]), knows("als", "bob", [1])]
    found = measured_lists(left(*customers), right(*shelf), DRAW, "popular", "blend", None, 1.0).to_pylist()
    width = 1 + len(names_of(DRAW))
    assert {row["customer_id"]: row["factors"][::width] for row in found if row["model"] == EXAMPLES} == {"ann": [0, 0], "bob": [0, 0]}


def test_with_all_negatives_every_candidate_is_an_example_and_says_whether_it_was_bought() -> None:
    [row] = [row for row in measured(asked("ann", "c", "zzz"), asked("zoe", "a"), negatives=1.0) if row["model"] == EXAMPLES and row["items"]]
    width = 1 + len(names_of(DRAW))
    assert (row["customer_id"], row["items"]) == ("ann", ["b", "c", "d"])  # of zoe only the popular model knows anything
    assert row["factors"][::width] == [0, 1, 0]
    assert row["factors"][1::width] == pytest.approx([math.log(value + 0.02) for value in (2 / 9, 3 / 9, 0)], abs=1e-8)
    assert len(row["factors"]) == 3 * width


def test_of_the_negatives_a_share_is_drawn_and_all_that_was_bought() -> None:
    many = [asked(f"c{number}", "c") for number in range(2000)]
    knowing = [knows("als", f"c{number}", [1]) for number in range(2000)]
    found = measured_lists(left(*many, *knowing), right(*SHELF), DRAW, "popular", "blend", None, 0.25).to_pylist()
    examples = [row for row in found if row["model"] == EXAMPLES]
    assert len(examples) == 2000
    width = 1 + len(names_of(DRAW))
    labels = [label for row in examples for label in row["factors"][::width]]
    assert labels.count(1) == 2000
    # Two others each, a and b: each with the probability 1/4.
    assert labels.count(0) / 4000 == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 4000))
    few = measured_lists(left(*many[:50], *knowing), right(*SHELF), DRAW, "popular", "blend", None, 0.25).to_pylist()
    mine = {row["customer_id"]: row for row in examples}
    assert [row for row in few if row["model"] == EXAMPLES] == [mine[row["customer_id"]] for row in few if row["model"] == EXAMPLES]


def test_lists_are_no_longer_than_asked_and_no_shorter_than_the_candidates() -> None:
    found = lists(measured(asked("ann"), draw=Draw(DRAW.scorers, 3, 2)))
    assert found == {("ann", False, "popular"): "bc", ("ann", False, "als"): "cb", ("ann", False, "ease"): "db"}
    assert lists(measured(asked("zoe"), draw=Draw(DRAW.scorers, 1, 9)))["zoe", False, "als"] == "abcde"


def test_the_chosen_model_serves_then_the_popular_one_with_its_own_reasons() -> None:
    found = served(asked("ann"), asked("zoe"))
    assert [(row["customer_id"], row["rank"], row["item_id"], row["score"], row["source"]) for row in found] == [
        ("ann", 1, "c", 3, "als"), ("ann", 2, "b", 2, "als"), ("ann", 3, "d", 0, "popular"),
        ("zoe", 1, "a", 0, "popular"), ("zoe", 2, "b", 0, "popular"), ("zoe", 3, "c", 0, "popular"),
    ]
    assert [row["reason"] for row in found[:3]] == ["fits your taste for Thing a", "fits your taste for Thing a", "bought by 6 customers in the last 14 days"]


def test_where_a_model_knows_no_fact_the_place_in_the_shop_is_the_reason() -> None:
    nameless = [row for row in CUSTOMERS if row["part"] != "own"]
    found = served_lists(left(asked("ann"), *nameless), right(*SHELF), DRAW, "als", "popular", None, AS_RANKED).to_pylist()
    assert [(row["item_id"], row["reason"]) for row in found] == [
        ("c", "number 4 of what the shop sells"), ("b", "number 3 of what the shop sells"), ("a", "number 2 of what the shop sells"),
    ]


def test_seen_items_come_back_on_demand_and_unsellable_ones_never() -> None:
    again = served(asked("ann", keep_seen=True), draw=Draw(DRAW.scorers, 9, 9))
    assert [row["item_id"] for row in again] == ["c", "b", "a", "d", "e"]
    assert {row["keep_seen"] for row in again} == {True}
    assert [row["item_id"] for row in served(asked("ann"), draw=Draw(DRAW.scorers, 9, 9))] == ["c", "b", "d", "e"]


def test_both_kinds_of_list_of_one_customer_are_made_at_once() -> None:
    found = served(asked("ann"), asked("ann", keep_seen=True))
    assert sorted((row["keep_seen"], row["rank"], row["item_id"]) for row in found) == [
        (False, 1, "c"), (False, 2, "b"), (False, 3, "d"), (True, 1, "c"), (True, 2, "b"), (True, 3, "a"),
    ]


def test_the_ranker_names_the_model_that_ranked_an_item_highest() -> None:
    found = served(asked("ann", keep_seen=True), ranker=BY_ALS, chosen="blend", draw=Draw(DRAW.scorers, 5, 5))
    # c is als's first; b the second of als and of the popular: the first in order of the scorers; a the popular's first; d ease's.
    assert [(row["item_id"], row["source"]) for row in found] == [("c", "als"), ("b", "popular"), ("a", "popular"), ("d", "ease"), ("e", "popular")]
    assert found[3]["reason"] == "goes with Thing a"
    assert found[0]["reason"] == "fits your taste for Thing a"
    assert [row["score"] for row in found] == sorted((row["score"] for row in found), reverse=True)
    assert {row["source"] for row in served(asked("zoe"), ranker=BY_ALS, chosen="blend")} == {"popular"}


def test_the_repeat_model_offers_again_what_was_bought_with_the_day() -> None:
    draw = Draw((Order("popular"), Again("repeat", 10, 1.0)), 3, 3)
    found = served(asked("ann", keep_seen=True), asked("ann"), asked("bob", keep_seen=True), chosen="repeat", draw=draw)
    ann = [(row["item_id"], row["source"], row["reason"]) for row in found if row["customer_id"] == "ann" and row["keep_seen"]]
    assert ann[0] == ("a", "repeat", "you bought it today")
    assert {row["source"] for row in found if row["customer_id"] == "bob" or not row["keep_seen"]} == {"popular"}


def test_the_score_falls_with_the_rank_even_where_the_popular_model_fills_up_behind_a_dislike() -> None:
    disliked = [row for row in CUSTOMERS if row["part"] != "als"]
    found = served_lists(left(asked("ann"), *disliked, knows("als", "ann", [-1])), right(*SHELF), DRAW, "als", "popular", None, AS_RANKED).to_pylist()
    scores = [row["score"] for row in found]
    assert scores == sorted(scores, reverse=True)


def test_customers_items_and_blocks_may_be_missing() -> None:
    nobody, nothing = left(), right()
    for one, other in ((nobody, right(*SHELF)), (left(asked("ann")), nothing)):
        assert served_lists(one, other, DRAW, "als", "popular", None, AS_RANKED) == pa.table({f.name: [] for f in SERVED_SCHEMA}, schema=SERVED_SCHEMA)
        assert len(measured_lists(one, other, DRAW, "popular", "blend", None, 1.0)) == 0
    only_own = left(own("ann", a={}))
    assert len(served_lists(only_own, right(*SHELF), DRAW, "als", "popular", None, AS_RANKED)) == 0


def test_a_customer_who_had_everything_has_no_list() -> None:
    assert served(asked("ann"), own("ann", b={}, c={}, d={}, e={})) == []
