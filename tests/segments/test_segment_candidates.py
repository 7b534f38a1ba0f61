"""The rules that refuse, the ranking that picks, and their words."""

import json
from dataclasses import replace

from coterie.segments.candidates import Candidate, Conditions, judged, no_candidate
from coterie.segments.centres import CentresModel

SHOP = Conditions(k=(4, 10), min_share=0.03, max_noise=0.1, min_stability=0.8, min_silhouette=0.25, rank_by="silhouette")


def candidate(k: int, silhouette: float | None, smallest: float, **more: float) -> Candidate:
    measures = {"segments": float(k), "smallest_share": smallest} | ({} if silhouette is None else {"silhouette": silhouette}) | more
    return Candidate("set", "kmeans", {"k": k}, measures, CentresModel(((0.0,),)))


def stable(one: Candidate) -> tuple[float, float]:
    return 0.95, 0.01


def verdicts(candidates: list[Candidate], conditions: Conditions = SHOP) -> dict[str, str]:
    return {one.name: one.verdict for one in judged(candidates, conditions, stable)}


def winner(candidates: list[Candidate], conditions: Conditions = SHOP) -> int:
    [one] = [one for one in judged(candidates, conditions, stable) if one.is_chosen]
    return int(one.parameters["k"])


def test_the_best_silhouette_wins_among_those_that_keep_the_rules() -> None:
    tried = [candidate(4, 0.35, 0.2), candidate(5, 0.40, 0.1), candidate(6, 0.80, 0.01), candidate(3, 0.9, 0.3), candidate(7, 0.9, 0.2, noise_share=0.25)]
    assert winner(tried) == 5
    assert verdicts(tried) == {
        "set kmeans k=3": "refused: it finds 3, fewer than 4",
        "set kmeans k=4": "not chosen: silhouette 0.350, less than 0.400 of kmeans k=5",
        "set kmeans k=5": "chosen: the best silhouette (0.400) of the 2 of 5 candidates that keep the rules, and it comes out again "
        "(bootstrap adjusted Rand 0.95); its smallest holds 10 %",
        "set kmeans k=6": "refused: its smallest holds 1 %, less than 3 %",
        "set kmeans k=7": "refused: 25 % are in none, more than 10 %",
    }


def test_who_does_not_come_out_again_is_refused_and_the_next_is_asked() -> None:
    asked = []

    def shaky(one: Candidate) -> tuple[float, float]:
        asked.append(one.parameters["k"])
        return (0.5, 0.1) if one.parameters["k"] == 5 else (0.9, 0.1)

    found = {one.parameters["k"]: one for one in judged([candidate(4, 0.35, 0.2), candidate(5, 0.40, 0.1), candidate(6, 0.3, 0.1)], SHOP, shaky)}
    assert [k for k, one in found.items() if one.is_chosen] == [4]
    assert found[5].verdict == "refused: it does not come out again: bootstrap adjusted Rand 0.50, less than 0.80"
    assert asked == [5, 4]  # the third is never asked


def test_where_nothing_is_stable_the_most_stable_is_chosen_and_says_so() -> None:
    found = judged([candidate(4, 0.35, 0.2), candidate(5, 0.40, 0.1)], SHOP, lambda one: (0.1 * one.parameters["k"], 0.0))
    [chosen] = [one for one in found if one.is_chosen]
    assert chosen.parameters["k"] == 5
    assert chosen.verdict.startswith("chosen as the most stable of the best: silhouette 0.400, bootstrap adjusted Rand 0.50, less than 0.80")


def test_ranked_by_evidence_the_silhouette_does_not_decide() -> None:
    tried = [candidate(4, 0.9, 0.2, evidence=0.1), candidate(5, 0.3, 0.2, evidence=0.7)]
    assert winner(tried, replace(SHOP, rank_by="evidence")) == 5
    assert winner(tried) == 4


def test_a_share_of_exactly_the_least_passes() -> None:
    assert winner([candidate(4, 0.3, 0.05), candidate(5, 0.9, 0.03)]) == 5


def test_a_silhouette_that_shows_no_structure_is_refused_and_taken_only_where_all_are() -> None:
    tried = [candidate(4, 0.1, 0.2), candidate(5, 0.2, 0.1)]
    assert verdicts([*tried, candidate(6, 0.3, 0.1)])["set kmeans k=5"] == "refused: its silhouette of 0.200 shows no structure, less than 0.25"
    assert winner(tried) == 5
    assert verdicts(tried)["set kmeans k=5"] == (
        "chosen although its silhouette of 0.200 shows no structure, less than 0.25: no candidate keeps the rules, and this one breaks them least; "
        "silhouette 0.200"
    )


def test_of_equal_silhouettes_fewer_segments_win() -> None:
    tried = [candidate(5, 0.4, 0.1), candidate(4, 0.4000000001, 0.1)]
    assert winner(tried) == winner(tried[::-1]) == 4
    assert verdicts(tried)["set kmeans k=5"] == "not chosen: the same silhouette (0.400), and no fewer segments than kmeans k=4"


def test_where_all_are_refused_the_largest_smallest_segment_wins_and_says_so() -> None:
    tried = [candidate(4, 0.3, 0.02), candidate(5, 0.9, 0.01)]
    assert winner(tried) == 4
    assert verdicts(tried)["set kmeans k=4"] == (
        "chosen although its smallest holds 2 %, less than 3 %: no candidate keeps the rules, and this one breaks them least; silhouette 0.300"
    )


def test_a_single_segment_is_chosen_without_a_silhouette() -> None:
    assert verdicts([candidate(1, None, 1.0)]) == {"set kmeans k=1": "chosen: nothing divides them, they are one"}


def test_a_baseline_and_what_was_not_tried_are_never_chosen_and_keep_their_words() -> None:
    baseline = Candidate("set", "rules", {}, {"silhouette": 0.99, "smallest_share": 0.5}, is_baseline=True, verdict="the baseline")
    untried = Candidate("set", "kmeans", {"k": 9}, {}, verdict="not tried")
    found = judged([candidate(4, 0.1, 0.1), baseline, untried], SHOP, stable)
    assert [(one.is_chosen, one.verdict) for one in found[1:]] == [(False, "the baseline"), (False, "not tried")]


def test_a_row_of_the_table_holds_measures_and_parameters() -> None:
    row = replace(candidate(4, 0.4, 0.1), parameters={"k": 4, "linkage": "ward"}).row()
    assert (row["candidate"], row["k"], row["silhouette"], row["smallest_share"]) == ("set kmeans k=4 linkage=ward", 4, 0.4, 0.1)
    assert json.loads(row["parameters"]) == {"k": 4, "linkage": "ward"}
    assert no_candidate().row()["is_chosen"] is False
