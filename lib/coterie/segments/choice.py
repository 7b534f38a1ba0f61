"""Choosing a segmentation by evidence: within each feature set, then between the best of each."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from coterie.segments.candidates import Candidate, Conditions, refusal
from coterie.segments.plan import Plan, Sample
from coterie.segments.rule_tree import grown
from coterie.segments.trials import candidates_of, with_stability

# What the best of each feature set are compared by, and how it reads.
_WORTH = {"stability": "stability", "value_explained": "value explained", "rule_fidelity": "rules right for", "valley_depth": "valleys"}


Trying = Callable[[Mapping[str, Sample], Plan], Mapping[str, list[Candidate]]]


def tried_in_turn(sets: Mapping[str, Sample], plan: Plan) -> dict[str, list[Candidate]]:
    """The judged candidates of each feature set."""
    with threadpool_limits(1):  # the fits are small: threads would wait for each other longer than they work
        return {name: candidates_of(name, sample.first(plan.trial), plan) for name, sample in sets.items()}


def chosen(
    sets: Mapping[str, Sample], plan: Plan, progress: Callable[[str], None] = lambda words: None, trying: Trying = tried_in_turn
) -> list[Candidate]:
    """Feature sets of one sample, by name -> every candidate with its verdict, exactly one of them chosen. `trying` gives those of each set.

    Within a feature set `candidates.judged` decides. Between the best of each set, whose silhouettes cannot be compared, decides what can be
    done with them: the mean of bootstrap stability, the share of recency, frequency and monetary explained, the fidelity of rules in words, and
    (1 + valley depth) / 2; measures that are not there are left out. Ties: the set named first.
    """
    progress(f"trying segmentations of {', '.join(sets)}")
    tried = trying(sets, plan)
    found = {name: tried[name] for name in sets}
    with threadpool_limits(1):
        best = {name: next(one for one in group if one.is_chosen) for name, group in found.items()}
        winner = next(iter(best.values()))
        if len(sets) > 1:
            best = {name: _worth(one, sets[name].first(plan.trial)) for name, one in best.items()}
            # What broke a rule is taken only where every set did.
            kept = {name: one for name, one in best.items() if not refusal(one, plan.conditions)} or best
            winner = max(kept.values(), key=lambda one: round(one.measures["worth"], 6))
            found = {name: [_between_sets(one, best[name], winner, plan.conditions) for one in group] for name, group in found.items()}
        progress(f"resampling the best of each method of {winner.feature_set}")
        group = found[winner.feature_set]
        found[winner.feature_set] = with_stability(group, sets[winner.feature_set].first(plan.trial), plan)
    return [one for group in found.values() for one in group]


def _worth(one: Candidate, sample: Sample) -> Candidate:
    """With the fidelity of rules in words, and what the sets are compared by."""
    tree = grown(sample.columns, one.labels)
    if tree is not None:
        one = one.with_measures(rule_fidelity=tree.fidelity)
    found = {name: one.measures[name] for name in _WORTH if name in one.measures}
    parts = [(1 + value) / 2 if name == "valley_depth" else value for name, value in found.items()]
    return one.with_measures(worth=float(np.mean(parts)) if parts else 0.0)


def _between_sets(one: Candidate, best: Candidate, winner: Candidate, conditions: Conditions) -> Candidate:
    if one.name != best.name:
        return one
    shown = ", ".join(f"{words} {best.measures[name]:.2f}" for name, words in _WORTH.items() if name in best.measures)
    if best.name == winner.name:
        beside = f"best of the feature sets by what can be done with it: {best.measures['worth']:.3f} ({shown})"
        return replace(best, verdict=f"{best.verdict}; {beside}")
    if refusal(best, conditions):
        return replace(best, is_chosen=False, verdict=best.verdict.replace("chosen", "best of its feature set, not chosen:", 1))
    verdict = (
        f"best of its feature set; not chosen: by what can be done with it {best.measures['worth']:.3f} ({shown}), less than {winner.measures['worth']:.3f}"
    )
    return replace(best, is_chosen=False, verdict=f"{verdict} of {winner.name}")
