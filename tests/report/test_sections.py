"""What the sections say, from facts written out."""

from dataclasses import replace
from typing import Any

import pytest
from tests.report.shop_facts import RUNS, SMALL, facts, profile

from coterie.errors import UserError
from coterie.report import page
from coterie.report.blocks import Cards, Chart, Points, Section, Table, Text
from coterie.report.report import report_page
from coterie.report.sections.features import features_section
from coterie.report.sections.moves import moves_section
from coterie.report.sections.offers import in_short as in_short_of_offers
from coterie.report.sections.offers import offers_section
from coterie.report.sections.segments import in_short, segments_section
from coterie.report.sections.shop import shop_section
from coterie.report.sections.why import why_section
from coterie.report.words import label


def tables(section: Any) -> dict[str, Table]:
    """Every table of a section by its title, those of charts included."""
    found = [block.table if isinstance(block, Chart) else block for block in section.blocks if isinstance(block, Chart | Table)]
    return {table.title: table for table in found}


def missing(section: Any) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Text) and block.is_missing]


def test_the_accounting_adds_up_to_the_rows_read() -> None:
    rows = tables(shop_section(facts()))["What became of the rows that were read"].rows
    assert [row[:3] for row in rows] == [["read", 500, 1.0], ["accepted as events", 480, 0.96], ["rejected", 15, 0.03], ["repeats of an event", 5, 0.01]]
    assert sum(row[3] for row in rows[1:]) == rows[0][3] == 1100


def test_a_cohort_shows_who_bought_again_and_nothing_of_months_to_come() -> None:
    table = tables(shop_section(facts()))["Who came back"]
    assert [list(row) for row in table.rows] == [["Apr 2024", 60, 0.5], ["May 2024", 40, None]]


def test_the_segments_with_most_revenue_come_first_and_those_without_a_purchase_last() -> None:
    rows = tables(segments_section(facts()))["The segments"].rows
    assert [row[0] for row in rows] == ["Frequent buyers <b>", "Quiet buyers", "Has not bought yet"]
    assert [row[5] for row in rows] == [760 / 30, 240 / 70, 0.0]
    said = in_short(facts())
    assert said[0][1].replace("\u202f", " ") == "3 in 10 buyers bring 76 % of the revenue."
    assert said[1][1].replace("\u202f", " ") == "The largest group: 7 in 10 buyers, 24 % of the revenue."


def test_a_card_says_a_rule_only_where_the_profile_has_one() -> None:
    with_rule = {**SMALL["profiles"][2], "rule": "recency at most 7 days", "rule_precision": 0.9, "rule_recall": 0.8}
    card = next(block for block in segments_section(facts(profiles=[with_rule])).blocks if isinstance(block, Cards)).cards[0]
    assert card["rule"] == "recency at most 7 days"
    assert "90" in card["rule_note"]
    plain = next(block for block in segments_section(facts()).blocks if isinstance(block, Cards)).cards[0]
    assert (plain["rule"], plain["rule_note"], plain["border"]) == ("", "", [])


def test_customers_that_moved_are_counted_without_those_who_stayed_or_joined() -> None:
    section = moves_section(facts())
    assert section.lead == "Between 30 April 2024 and 31 May 2024, 14 customers of 100 (14\u202f%) went to another segment."
    rows = tables(section)["From where to where"].rows
    assert ["joined since", "Has not bought yet", 10, 100.0] in [list(row) for row in rows]
    assert [column.title for column in tables(section)["From where to where"].columns][-1] == "their net revenue so far, EUR"


def test_revenue_at_stake_is_shown_where_the_flows_have_it() -> None:
    flows = [{**row, "revenue_at_stake": 5.0} for row in SMALL["flows"]]
    table = tables(moves_section(facts(flows=flows)))["From where to where"]
    assert table.columns[-1].title == "revenue at stake, EUR"
    assert {row[-1] for row in table.rows} == {5.0}


def test_the_served_model_is_marked_beside_the_popular_list() -> None:
    section = offers_section(facts())
    table = tables(section)["Lists of 10: items they had not bought before"]
    assert [row[:3] for row in table.rows] == [["blend of all, served", 0.5, 0.125], ["popular list", 0.2, 0.05]]
    assert table.marked == frozenset({0})
    said = in_short_of_offers(facts())[0][1].replace("\u202f", " ")
    who = "1 in 2 customers who bought something new took it, or some of it, from their own list of 10"
    assert "2.5 times as many as from the popular list" in report_page(facts(), "today")
    assert said.endswith(f"{who}, 2.5 times as many as from the popular list.")


def test_where_the_popular_list_fills_up_the_other_model_is_the_one_that_is_served() -> None:
    kinds = [{"model_id": "p", "kind": "popular"}, {"model_id": "z", "kind": "repeat"}]
    rows = [{**row, "model": "repeat" if row["model"] == "blend" else row["model"]} for row in SMALL["quality"]]
    table = tables(offers_section(facts(served=kinds, quality=rows)))["Lists of 10: items they had not bought before"]
    assert [row[0] for row in table.rows if "served" in row[0]] == [table.rows[0][0]]
    assert table.rows[0][1] == 0.5


def test_a_command_in_the_page_s_words_is_set_as_code_and_all_else_is_text() -> None:
    texts = [Text("run `coterie segments` or `<b>` first"), Text("a lone ` stays")]
    found = page.render("page.html", title="", subtitle="", sections=[Section("a", "A", "A", "", texts)], made_by="")
    assert '<p class="note">run <code>coterie segments</code> or <code>&lt;b&gt;</code> first</p>' in found
    assert '<p class="note">a lone ` stays</p>' in found


def test_the_spread_of_offers_is_read_off_their_curve() -> None:
    """2 items with 100 offers each and 40 with 10: the 5 % offered most hold 2.1 of 42 items, 200 + 1 of 600 offers."""
    rows = {row[0]: row[1] for row in tables(offers_section(facts()))["How the offers spread over items"].rows}
    assert rows["the 5\u202f% offered most"] == pytest.approx(201 / 600)
    assert rows["the 100\u202f% offered most"] == pytest.approx(1.0)


def test_what_tells_nobody_apart_is_named_as_left_out() -> None:
    table = tables(features_section(facts()))["What was left out, and why"]
    assert [row[0] for row in table.rows] == ["days known to the shop", "Share of events in channel web"]
    assert table.rows[0][1] == "says what recency says"


def test_features_that_order_customers_alike_are_paired() -> None:
    rows = tables(features_section(facts()))["Features that say almost the same"].rows
    assert {rows[0][0], rows[0][1]} == {"days known to the shop", "days since the last order"}
    assert rows[0][2] == pytest.approx(-1.0)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_lake_without_a_table_has_a_page_all_the_same(name: str) -> None:
    made = report_page(facts(**{name: None}), "today")
    assert "<h2" in made
    if name in {"months", "cohorts", "totals", "profiles", "candidates", "flows", "quality", "exposure", "sample"}:
        assert "the lake has no table" in made


def test_an_empty_lake_has_a_page_that_says_so() -> None:
    made = report_page(facts(**dict.fromkeys(SMALL)), "today")
    assert made.count('class="missing"') >= 8


def test_one_segment_and_an_empty_one_are_told() -> None:
    one = segments_section(facts(profiles=[profile(1, "Everyone", 100, 1000.0)]))
    assert "one group" in one.lead
    empty = segments_section(facts(profiles=[profile(1, "Everyone", 100, 1000.0), profile(2, "Nobody", 0, 0.0)]))
    cards = next(block for block in empty.blocks if isinstance(block, Cards)).cards
    assert cards[1]["headline"] == "nobody is in this segment"


def test_segments_of_earlier_dates_have_their_names_and_sizes() -> None:
    gone = {"as_of": SMALL["sizes"][0]["as_of"], "segment_id": 7, "segment_name": "Gone", "size": 5}
    flow = {**SMALL["flows"][0], "from_segment_id": 7, "to_segment_id": 1}
    shown = facts(sizes=[*SMALL["sizes"], gone], flows=[flow])
    assert tables(moves_section(shown))["From where to where"].rows[0][:2] == ["Gone", "Frequent buyers <b>"]
    rows = tables(segments_section(shown))["Sizes by date"].rows
    assert [list(row) for row in rows] == [["Has not bought yet", None, 10], ["Frequent buyers <b>", 40, 30], ["Quiet buyers", 60, 70], ["Gone", 5, None]]


def test_a_date_without_segments_says_so_where_others_have_some() -> None:
    assert missing(segments_section(facts(profiles=[]))) == ["There are no segments as of 2024-05-31; `coterie segments` makes them."]
    assert "there are no rows as of 2024-05-31" in missing(segments_section(facts(profiles=[], sizes=[])))[0]


def test_measures_of_steadiness_are_shown_once_they_are_there() -> None:
    assert any("resampling was not measured" in words for words in missing(why_section(facts())))
    candidates = [{**row, "measures": {**row["measures"], "stability": 0.93}} for row in SMALL["candidates"]]
    shown = tables(why_section(facts(candidates=candidates)))
    assert shown["How steady they are"].rows[0][:2] == ["stability over resamples", 0.93]


def test_a_projection_is_drawn_once_it_is_there() -> None:
    points = [{"segment_id": 1 + i % 2, "x": float(i), "y": 0.0} for i in range(4)]
    table = tables(why_section(facts(projection=points)))["Where the segments lie"]
    assert [list(row) for row in table.rows] == [["Frequent buyers <b>", 2, 1.0, 0.0], ["Quiet buyers", 2, 2.0, 0.0]]


def test_without_its_libraries_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs jinja2 and plotly.*pip install 'coterie\[report\]'"):
        report_page(facts(), "today")


def test_the_page_sums_itself_up() -> None:
    section = page.render("page.html", title="T", subtitle="", sections=[], made_by="now")
    assert "library" not in section.split("<script>")[0].split("</style>")[1]
    assert isinstance(Points([("a", "b")]).points, list)


def test_moves_that_a_new_model_made_are_told_and_have_no_price() -> None:
    stakes = [{**row, "revenue_at_stake": 5.0} for row in SMALL["flows"]]
    moves = [{**SMALL["moves"][0], "customers": 9}, {**SMALL["moves"][0], "cause": "model", "customers": 5}]
    lead = moves_section(facts(flows=stakes, moves=moves)).lead
    assert lead.endswith("went to another segment. For 5 of them it is the model that changed, not the customer.")
    assert "For 5 of them" in report_page(facts(flows=stakes, moves=moves), "today")


def test_a_number_of_segments_that_was_given_is_not_said_to_be_found() -> None:
    assert "how many was found" in segments_section(facts()).lead
    assert "as many as the settings say" in segments_section(facts(clustering=[{**SMALL["clustering"][0], "k": "[3,3]"}])).lead


def test_principal_components_are_told_by_the_features_behind_them() -> None:
    steps = '["recency", "tenure", "monetary"]'
    model = {"measures": {}, "k": None, "names": '["component_1", "component_2"]', "dropped": '{"tenure": "says what recency says"}', "steps": steps}
    section = features_section(facts(clustering=[model]))
    assert section.lead.endswith("2 of them made the segments.")
    note = tables(section)["What was left out, and why"].note
    assert note.endswith(f"The segments were made from: {label('recency')}, {label('monetary')}, by way of 2 principal components.")


def test_agreement_in_time_is_read_off_the_run_of_the_date() -> None:
    ran = {**RUNS[0], "job": "segments", "adjusted_rand_in_time": 0.75}
    shown = tables(why_section(replace(facts(), runs=[ran])))
    assert ["agreement with the date before", 0.75] in [list(row[:2]) for row in shown["How steady they are"].rows]


def test_a_pair_of_divisions_is_shown_once() -> None:
    pairs = [("a", "b", 0.5), ("b", "a", 0.5), ("a", "c", 0.9)]
    rows = [{"as_of": SMALL["candidates"][0]["as_of"], "candidate": one, "other": other, "adjusted_rand": value} for one, other, value in pairs]
    table = tables(why_section(facts(agreement=rows)))["How alike the divisions are"]
    assert [list(row) for row in table.rows] == [["a", "c", 0.9], ["a", "b", 0.5]]


def test_what_moves_are_worth_is_told_as_less_and_more() -> None:
    stakes = {(1, 2): 50.0, (2, 1): -8.0, (1, 1): 0.0, (2, 2): 0.0, (None, 0): None}
    flows = [{**row, "revenue_at_stake": stakes[row["from_segment_id"], row["to_segment_id"]]} for row in SMALL["flows"]]
    lead = moves_section(facts(flows=flows)).lead.replace("\u00a0", " ")
    assert "90 days bring EUR 50.00 less from some and EUR 8.00 more from others" in lead
