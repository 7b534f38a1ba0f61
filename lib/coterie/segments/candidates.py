"""What was tried, measured and said of it: the rule that picks one candidate, in words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from coterie.segments.methods import ClusterModel


@dataclass(frozen=True)
class Candidate:
    """A feature set, method and parameters. `model` is None for what was not fitted; `is_baseline` stands beside, never to be chosen."""

    feature_set: str
    method: str
    parameters: dict[str, Any]
    measures: dict[str, float]
    model: ClusterModel | None = None
    is_baseline: bool = False
    is_chosen: bool = False
    verdict: str = ""

    @property
    def name(self) -> str:
        return " ".join([self.feature_set, self.method, *(f"{key}={value}" for key, value in self.parameters.items() if key == "k")])

    @property
    def silhouette(self) -> float | None:
        return self.measures.get("silhouette")

    @property
    def smallest(self) -> float:
        return self.measures.get("smallest_share", 0.0)

    def row(self) -> dict[str, Any]:
        """The columns of `segment_candidates` that a candidate knows: all but as_of."""
        return {
            "candidate": self.name,
            "feature_set": self.feature_set,
            "method": self.method,
            "k": int(self.measures["segments"]) if "segments" in self.measures else self.parameters.get("k"),
            "parameters": json.dumps(self.parameters, sort_keys=True),
            "measures": self.measures,
            "silhouette": self.silhouette,
            "smallest_share": self.measures.get("smallest_share"),
            "is_chosen": self.is_chosen,
            "verdict": self.verdict,
        }


def no_candidate() -> Candidate:
    """What stands in the candidates' table where nobody has bought yet."""
    return Candidate("none", "none", {}, {}, verdict="not tried: nobody has bought yet, so all customers are segment 0")


def judged(candidates: Sequence[Candidate], min_share: float) -> list[Candidate]:
    """The candidates with a verdict each, exactly one of the fitted ones chosen.

    Refused is who has a segment below `min_share` of the clustered customers. Of the others the best silhouette wins, then fewer segments,
    then the name. Where all are refused, the one whose smallest segment is the largest is taken, then the best silhouette: it breaks the rule
    least, and the verdict says so. Silhouettes and shares count to six decimals, so that the last digits of a float decide nothing.
    """
    fitted = [candidate for candidate in candidates if candidate.model is not None and not candidate.is_baseline]
    passing = [candidate for candidate in fitted if candidate.smallest >= min_share]
    winner = min(passing, key=_by_silhouette) if passing else min(fitted, key=lambda one: (-round(one.smallest, 6), *_by_silhouette(one)))
    reason = _why_chosen(winner, fitted, passing, min_share)
    return [
        replace(one, is_chosen=True, verdict=reason) if one is winner else replace(one, verdict=one.verdict or _why_not(one, winner, min_share))
        for one in candidates
    ]


def _by_silhouette(one: Candidate) -> tuple[float, int, str]:
    return -round(-2.0 if one.silhouette is None else one.silhouette, 6), int(one.measures.get("segments", 0)), one.name


def _why_chosen(winner: Candidate, fitted: Sequence[Candidate], passing: Sequence[Candidate], min_share: float) -> str:
    if winner.silhouette is None:
        return "chosen: these features do not divide the customers, who are one segment" if len(fitted) == 1 else "chosen: no silhouette could be measured"
    if not passing:
        return (
            f"chosen although its smallest segment holds {_percent(winner.smallest)}, less than {_percent(min_share)}: so it is for every candidate, "
            f"and this one's is the largest; silhouette {winner.silhouette:.3f}"
        )
    return (
        f"chosen: the best silhouette ({winner.silhouette:.3f}) among {_counted(len(passing))} with no segment below {_percent(min_share)}; "
        f"its smallest holds {_percent(winner.smallest)}"
    )


def _why_not(one: Candidate, winner: Candidate, min_share: float) -> str:
    if one.smallest < min_share:
        return f"refused: its smallest segment holds {_percent(one.smallest)}, less than {_percent(min_share)}"
    if one.silhouette is None or winner.silhouette is None:
        return "not chosen: its silhouette is not defined"
    if round(one.silhouette, 6) < round(winner.silhouette, 6):
        return f"not chosen: silhouette {one.silhouette:.3f}, less than {winner.silhouette:.3f} of {winner.method} k={winner.parameters.get('k')}"
    return f"not chosen: the same silhouette ({one.silhouette:.3f}) with more segments than {winner.method} k={winner.parameters.get('k')}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _counted(count: int) -> str:
    return "1 candidate" if count == 1 else f"{count} candidates"
