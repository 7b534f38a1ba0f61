"""The rule that picks a candidate, and its words."""

import json

from coterie.segments.candidates import Candidate, judged, no_candidate
from coterie.segments.centres import CentresModel


def candidate(k: int, silhouette: float | None, smallest: float) -> Candidate:
    measures = {"segments": float(k), "smallest_share": smallest} | ({} if silhouette is None else {"silhouette": silhouette})
    return Candidate("set", "kmeans", {"k": k}, measures, CentresModel(((0.0,),)))


def verdicts(candidates: list[Candidate], min_share: float = 0.03) -> dict[str, str]:
    return {one.name: one.verdict for one in judged(candidates, min_share)}


def winner(candidates: list[Candidate], min_share: float = 0.03) -> int:
    [one] = [one for one in judged(candidates, min_share) if one.is_chosen]
    return int(one.parameters["k"])


def test_the_best_silhouette_wins_among_those_without_a_small_segment() -> None:
    tried = [candidate(4, 0.35, 0.2), candidate(5, 0.40, 0.1), candidate(6, 0.80, 0.01)]
    assert winner(tried) == 5
    assert verdicts(tried) == {
        "set kmeans k=4": "not chosen: silhouette 0.350, less than 0.400 of kmeans k=5",
        "set kmeans k=5": "chosen: the best silhouette (0.400) among 2 candidates with no segment below 3 %; its smallest holds 10 %",
        "set kmeans k=6": "refused: its smallest segment holds 1 %, less than 3 %",
    }


def test_a_share_of_exactly_the_least_passes() -> None:
    assert winner([candidate(4, 0.1, 0.05), candidate(5, 0.9, 0.03)]) == 5


def test_of_equal_silhouettes_fewer_segments_win() -> None:
    tried = [candidate(5, 0.4, 0.1), candidate(4, 0.4000000001, 0.1)]
    assert winner(tried) == winner(tried[::-1]) == 4
    assert verdicts(tried)["set kmeans k=5"] == "not chosen: the same silhouette (0.400) with more segments than kmeans k=4"


def test_where_all_are_refused_the_largest_smallest_segment_wins_and_says_so() -> None:
    tried = [candidate(4, 0.3, 0.02), candidate(5, 0.9, 0.01)]
    assert winner(tried) == 4
    assert verdicts(tried)["set kmeans k=4"] == (
        "chosen although its smallest segment holds 2 %, less than 3 %: so it is for every candidate, and this one's is the largest; silhouette 0.300"
    )


def test_a_single_segment_is_chosen_without_a_silhouette() -> None:
    assert verdicts([candidate(1, None, 1.0)]) == {"set kmeans k=1": "chosen: these features do not divide the customers, who are one segment"}


def test_a_baseline_and_what_was_not_tried_are_never_chosen_and_keep_their_words() -> None:
    baseline = Candidate("set", "rules", {}, {"silhouette": 0.99, "smallest_share": 0.5}, is_baseline=True, verdict="the baseline")
    untried = Candidate("set", "kmeans", {"k": 9}, {}, verdict="not tried")
    found = judged([candidate(4, 0.1, 0.1), baseline, untried], 0.03)
    assert [(one.is_chosen, one.verdict) for one in found[1:]] == [(False, "the baseline"), (False, "not tried")]


def test_a_row_holds_every_measure_and_the_parameters_as_json() -> None:
    row = judged([candidate(4, 0.35, 0.2)], 0.03)[0].row()
    assert (row["candidate"], row["k"], row["silhouette"], row["smallest_share"], row["is_chosen"]) == ("set kmeans k=4", 4, 0.35, 0.2, True)
    assert json.loads(row["parameters"]) == {"k": 4}
    assert row["measures"] == {"segments": 4.0, "smallest_share": 0.2, "silhouette": 0.35}


def test_a_shop_where_nobody_has_bought_has_a_line_that_says_so() -> None:
    row = no_candidate().row()
    assert (row["k"], row["is_chosen"]) == (None, False)
    assert "nobody has bought" in row["verdict"]
