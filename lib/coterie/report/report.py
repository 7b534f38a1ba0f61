"""The report's sections in the order in which they are read: who, what moved, what to offer; then how far to trust it."""

from coterie.report import page
from coterie.report.blocks import Facts, Points, Section
from coterie.report.sections import offers, segments, shop
from coterie.report.sections.features import features_section
from coterie.report.sections.moves import at_stake, flows, moves_section, refitted
from coterie.report.sections.offers import offers_section
from coterie.report.sections.runs import dictionary_section, runs_section
from coterie.report.sections.segments import segments_section
from coterie.report.sections.shop import shop_section
from coterie.report.sections.why import trust, why_section
from coterie.report.words import counted, day

_SECTIONS = (shop_section, segments_section, moves_section, offers_section, why_section, features_section, runs_section)


def report_page(facts: Facts, made_by: str) -> str:
    """The whole page; `made_by`: by what and when, in words."""
    sections = [Section("short", "In short", "In short", "", [_in_short(facts)]), *(make(facts) for make in _SECTIONS), dictionary_section()]
    return page.render("page.html", title="The customers of the shop", subtitle=f"as of {day(facts.as_of)}", sections=sections, made_by=made_by)


def _in_short(facts: Facts) -> Points:
    moved = [row for row in flows(facts) if None not in (row["from_segment_id"], row["to_segment_id"]) and row["from_segment_id"] != row["to_segment_id"]]
    points = [*shop.in_short(facts), *segments.in_short(facts)]
    if moved:
        number = sum(row["customers"] for row in moved)
        further = " ".join(words for words in (refitted(facts), at_stake(facts)) if words)
        points.append(("Moves", f"{counted(number, 'customer')} changed segment since {day(moved[0]['previous_as_of'])}. {further}".strip()))
    points += offers.in_short(facts)
    chosen = next((row for row in facts.rows("candidates") if row["is_chosen"]), None)
    if chosen:
        points.append(("Trust", trust(chosen)))
    return Points(points)
