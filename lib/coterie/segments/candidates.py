"""What was tried, measured and said of it: the rules that refuse, the ranking that picks, in words."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from coterie.segments.effort import ClusterModel
from coterie.segments.measures import Labels
from coterie.settings import RankBy


@dataclass(frozen=True)
class Candidate:
    """A feature set, method and parameters. `model` is None for what was not fitted; `is_baseline` stands beside, never to be chosen.

    `labels`: the clusters of the sample that it was fitted to and measured on, -1 for noise.
    """

    feature_set: str
    method: str
    parameters: dict[str, Any]
    measures: dict[str, float]
    model: ClusterModel | None = None
    is_baseline: bool = False
    is_chosen: bool = False
    verdict: str = ""
    labels: Labels = field(default_factory=lambda: np.zeros(0, np.int64), compare=False, repr=False)

    @property
    def name(self) -> str:
        shown = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in self.parameters.items()}
        return " ".join([self.feature_set, self.method, *(f"{key}={value}" for key, value in shown.items())])

    @property
    def short(self) -> str:
        """Without the feature set, for sentences that compare within it."""
        return self.name.removeprefix(f"{self.feature_set} ")

    @property
    def segments(self) -> int:
        return int(self.measures.get("segments", 0))

    @property
    def smallest(self) -> float:
        return self.measures.get("smallest_share", 0.0)

    def with_measures(self, **measures: float) -> "Candidate":
        return replace(self, measures=self.measures | measures)

    def row(self) -> dict[str, Any]:
        """The columns of `segment_candidates` that a candidate knows: all but as_of."""
        return {
            "candidate": self.name,
            "feature_set": self.feature_set,
            "method": self.method,
            "k": self.segments or self.parameters.get("k"),
            "parameters": json.dumps(self.parameters, sort_keys=True),
            "measures": self.measures,
            "silhouette": self.measures.get("silhouette"),
            "smallest_share": self.measures.get("smallest_share"),
            "is_chosen": self.is_chosen,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Conditions:
    """What a candidate must keep, and what the rest are ranked by.

    `k`: fewest and most segments. `min_share`: of the smallest segment. `max_noise`: share of customers in no segment. `min_stability`:
    mean bootstrap adjusted Rand index. `min_silhouette`: below .25 Kaufman & Rousseeuw (1990) see no substantial structure. Ranked by
    "silhouette", or by "evidence": valley depth + silhouette / 2 - share of noise, which is high for clusters of any shape with empty space
    around them.
    """

    k: tuple[int, int]
    min_share: float
    max_noise: float
    min_stability: float
    min_silhouette: float
    rank_by: RankBy


def no_candidate() -> Candidate:
    """What stands in the candidates' table where nobody has bought yet."""
    return Candidate("none", "none", {}, {}, verdict="not tried: nobody has bought yet, so all customers are segment 0")


def evidence(measures: dict[str, float]) -> float | None:
    """See Conditions; None where there is no silhouette. Its weights were found by trying, on synthetic sets."""
    if "silhouette" not in measures:
        return None
    return measures["valley_depth"] + measures["silhouette"] / 2 - measures.get("noise_share", 0.0)


def judged(
    candidates: Sequence[Candidate], conditions: Conditions, stability: Callable[[Candidate], tuple[float, float]], most_measured: int = 10
) -> list[Candidate]:
    """The candidates of one feature set with a verdict each, exactly one of the fitted ones chosen.

    Refused is who breaks a rule on the number of segments, noise, the smallest share or the silhouette. The others are taken in order of their rank (then
    fewer segments, then the name) and their stability is measured, until one is stable; that one is chosen, and those before are refused.
    Where none of the first `most_measured` is, the most stable of them is chosen, and says so. Where all were refused, the one whose smallest
    segment lacks least is taken, then the best by rank. Measures count to six decimals, so that the last digits of a float decide nothing.
    """
    fitted = [one for one in candidates if one.model is not None and not one.is_baseline]
    passing = sorted((one for one in fitted if not refusal(one, conditions)), key=lambda one: _order(one, conditions))
    measured: list[Candidate] = []
    for one in passing[:most_measured] if len(fitted) > 1 else []:
        mean, spread = stability(one)
        measured.append(one.with_measures(stability=mean, stability_sd=spread))
        if mean >= conditions.min_stability:
            break
    if measured:
        winner = max(measured, key=lambda one: (one.measures["stability"] >= conditions.min_stability, round(one.measures["stability"], 6)))
    else:
        winner = min(fitted, key=lambda one: (_excess(one, conditions), round(max(conditions.min_share - one.smallest, 0), 6), _order(one, conditions)))
    reason = _why_chosen(winner, len(fitted), len(passing), conditions)
    by_name = {one.name: one for one in measured}
    found = []
    for one in candidates:
        known = by_name.get(one.name, one) if one.name != winner.name else winner
        is_winner = known.name == winner.name
        verdict = reason if is_winner else one.verdict or _why_not(known, winner, conditions)
        found.append(replace(known, is_chosen=is_winner, verdict=verdict))
    return found


def _rank(one: Candidate, conditions: Conditions) -> float | None:
    return one.measures.get(conditions.rank_by)


def _order(one: Candidate, conditions: Conditions) -> tuple[float, int, str]:
    rank = _rank(one, conditions)
    return -round(-9.0 if rank is None else rank, 6), one.segments, one.name


def _excess(one: Candidate, conditions: Conditions) -> bool:
    return one.measures.get("noise_share", 0.0) > conditions.max_noise or not conditions.k[0] <= one.segments <= conditions.k[1]


def refusal(one: Candidate, conditions: Conditions) -> str:
    """Why a rule refuses it; empty where none does."""
    fewest, most = conditions.k
    found, noise = one.measures, one.measures.get("noise_share", 0.0)
    silhouette, stability = found.get("silhouette", 1.0), found.get("stability", 1.0)
    rules = (
        (one.segments < fewest, f"it finds {one.segments}, fewer than {fewest}"),
        (one.segments > most, f"it finds {one.segments}, more than {most}"),
        (noise > conditions.max_noise, f"{percent(noise)} are in none, more than {percent(conditions.max_noise)}"),
        (one.smallest < conditions.min_share, f"its smallest holds {percent(one.smallest)}, less than {percent(conditions.min_share)}"),
        (
            silhouette < conditions.min_silhouette,
            f"its silhouette of {silhouette:.3f} shows no structure, less than {conditions.min_silhouette:.2f}",
        ),
        (
            stability < conditions.min_stability,
            f"it does not come out again: bootstrap adjusted Rand {stability:.2f}, less than {conditions.min_stability:.2f}",
        ),
    )
    return next((words for is_broken, words in rules if is_broken), "")


def _why_chosen(winner: Candidate, fitted: int, passing: int, conditions: Conditions) -> str:
    rank = _rank(winner, conditions)
    if rank is None:
        return "chosen: nothing divides them, they are one" if fitted == 1 else f"chosen: no {conditions.rank_by} could be measured"
    if not passing:
        broken = refusal(winner, conditions) or "it breaks a rule"
        return f"chosen although {broken}: no candidate keeps the rules, and this one breaks them least; silhouette {winner.measures['silhouette']:.3f}"
    again = f"bootstrap adjusted Rand {winner.measures['stability']:.2f}" if "stability" in winner.measures else "the only one"
    if "stability" in winner.measures and winner.measures["stability"] < conditions.min_stability:
        return f"chosen as the most stable of the best: {conditions.rank_by} {rank:.3f}, {again}, less than {conditions.min_stability:.2f}, as for every other"
    return (
        f"chosen: the best {conditions.rank_by} ({rank:.3f}) of the {passing} of {fitted} candidates that keep the rules, and it comes out "
        f"again ({again}); its smallest holds {percent(winner.smallest)}"
    )


def _why_not(one: Candidate, winner: Candidate, conditions: Conditions) -> str:
    broken, rank, best = refusal(one, conditions), _rank(one, conditions), _rank(winner, conditions)
    if broken:
        return f"refused: {broken}"
    if rank is None or best is None:
        return f"not chosen: its {conditions.rank_by} is not defined"
    if round(rank, 6) < round(best, 6):
        return f"not chosen: {conditions.rank_by} {rank:.3f}, less than {best:.3f} of {winner.short}"
    if round(rank, 6) > round(best, 6):
        return f"not chosen: less stable than {winner.short}"
    return f"not chosen: the same {conditions.rank_by} ({rank:.3f}), and no fewer segments than {winner.short}"


def percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
