"""Every candidate of one feature set, fitted to the sample, measured and judged."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from coterie.segments.candidates import Candidate, Conditions, evidence, judged, refusal
from coterie.segments.centres import CentresModel, Floats, rounded
from coterie.segments.consensus import try_consensus
from coterie.segments.density import Relief, relief, valley_depth
from coterie.segments.effort import ClusterModel, Effort, Trial
from coterie.segments.measures import Labels, sample_measures, share_measures, value_measures
from coterie.segments.methods import METHODS
from coterie.segments.plan import Plan, Sample
from coterie.segments.stability import bootstrap_stability

NEIGHBOURS = 15  # of the density that valleys are measured in
_OPINIONS = 12  # the best candidates that the consensus listens to


def candidates_of(name: str, sample: Sample, plan: Plan) -> list[Candidate]:
    """Every candidate of a feature set, judged."""
    different = len(np.unique(sample.matrix, axis=0))
    able = min(different, len(sample.matrix) - 1)
    # From two on, though fewer than were asked for are refused: whoever wonders why not three finds its measures.
    counts = list(range(2, min(plan.conditions.k[1], able) + 1))
    if not counts:
        alone = measured(Candidate(name, "kmeans", {"k": 1}, {}, CentresModel(rounded(sample.matrix.mean(axis=0)[None, :]))), sample, None, plan)
        return [*judged([alone], plan.conditions, lambda one: (1.0, 0.0)), *_untried(name, plan, able, 1), *_baseline(name, sample, plan)]
    of = relief(sample.matrix, NEIGHBOURS)
    candidates = [
        measured(Candidate(name, method, trial.parameters, {}, _without_empty(trial.model, sample.matrix)), sample, of, plan)
        for method in plan.methods
        for trial in _tries(method, sample.matrix, counts, plan.effort)
    ]
    if "consensus" in plan.methods:
        opinions = _opinions(candidates, plan.conditions)
        for trial in try_consensus(sample.matrix, opinions, counts, plan.effort.seed):
            candidates.append(measured(Candidate(name, "consensus", trial.parameters, {}, _without_empty(trial.model, sample.matrix)), sample, of, plan))
    verdicts = judged([*candidates, *_baseline(name, sample, plan)], plan.conditions, lambda one: _stability(one, candidates, sample, plan))
    return [*verdicts, *_untried(name, plan, able, max(counts))]


def _tries(method: str, matrix: Floats, counts: Sequence[int], effort: Effort) -> Iterator[Trial]:
    tries = METHODS[method].tries
    return iter(()) if tries is None else tries(matrix, counts, effort)


def _opinions(candidates: Sequence[Candidate], conditions: Conditions) -> list[Trial]:
    """The best candidates that keep the share of the smallest, by rank; at most _OPINIONS."""
    able = [one for one in candidates if one.model is not None and one.smallest >= conditions.min_share and conditions.rank_by in one.measures]
    able.sort(key=lambda one: (-round(one.measures[conditions.rank_by], 6), one.name))
    return [Trial(one.parameters, one.model) for one in able[:_OPINIONS] if one.model is not None]


def measured(one: Candidate, sample: Sample, of: Relief | None, plan: Plan) -> Candidate:
    """The candidate with its labels of the sample and every measure but stability. `of`: the sample's relief; None leaves the valleys out."""
    assert one.model is not None
    model, found = one.model, one.model.place(sample.matrix)
    is_noise = np.zeros(len(found.cluster), bool) if model.noise is None else found.cluster == model.noise
    labels = np.where(is_noise, -1, found.cluster).astype(np.int64)
    measures = {
        **_of_labels(labels, sample, plan),
        "within_cluster_sum_of_squares": float((found.distance[~is_noise] ** 2).sum()),
        "noise_share": float(is_noise.mean()),
        **({} if of is None else {"valley_depth": valley_depth(of, labels)}),
    }
    ranked = evidence(measures) if of is not None else None
    return replace(one, labels=labels, measures=measures | ({} if ranked is None else {"evidence": ranked}))


def _of_labels(labels: Labels, sample: Sample, plan: Plan) -> dict[str, float]:
    """The measures that need the labels alone, -1 for noise."""
    sizes = np.bincount(labels[labels >= 0]).tolist()
    few = slice(0, plan.silhouette)
    return {
        "segments": float(sum(size > 0 for size in sizes)),
        "sample_customers": float(len(labels)),
        **share_measures(sizes),
        **sample_measures(sample.matrix[few], labels[few]),
        **value_measures(sample.values, labels),
    }


def _without_empty(model: ClusterModel, matrix: Floats) -> ClusterModel:
    """The model without clusters that nobody of the sample is nearest to."""
    there = np.unique(model.place(matrix).cluster).tolist()
    return model.keeping([cluster for cluster in range(model.clusters) if cluster in there or cluster == model.noise])


def _stability(one: Candidate, others: Sequence[Candidate], sample: Sample, plan: Plan) -> tuple[float, float]:
    if one.method == "consensus":
        return _agreement(one, others, sample, plan)
    counts = [int(one.parameters["k"])] if "k" in one.parameters else list(range(plan.conditions.k[0], plan.conditions.k[1] + 1))
    fixed = {key: value for key, value in one.parameters.items() if not isinstance(value, float)}

    def refit(matrix: Floats) -> ClusterModel | None:
        able = min(len(np.unique(matrix, axis=0)), len(matrix) - 1)
        for trial in _tries(one.method, matrix, [k for k in counts if k <= able], plan.effort):
            if fixed.items() <= trial.parameters.items():
                return trial.model
        return None

    return bootstrap_stability(sample.matrix, one.labels, refit, plan.resamples, plan.effort.seed)


def _agreement(one: Candidate, others: Sequence[Candidate], sample: Sample, plan: Plan) -> tuple[float, float]:
    """Of a consensus the opinions are resampled: would it be the same with other methods heard?"""
    opinions = _opinions([other for other in others if other.method != "consensus"], plan.conditions)
    number = iter(range(plan.resamples))

    def refit(matrix: Floats) -> ClusterModel | None:
        heard = np.random.default_rng((plan.effort.seed, next(number))).integers(0, len(opinions), len(opinions))
        found = try_consensus(matrix, [opinions[place] for place in heard], [int(one.parameters["k"])], plan.effort.seed)
        return found[0].model if found else None

    return bootstrap_stability(sample.matrix, one.labels, refit, plan.resamples, plan.effort.seed)


def with_stability(verdicts: Sequence[Candidate], sample: Sample, plan: Plan) -> list[Candidate]:
    """The candidates of a feature set, the best of each method that broke no rule measured for stability as well: for the table, not the choice."""
    done = {one.method for one in verdicts if "stability" in one.measures}
    best: dict[str, Candidate] = {}
    for one in verdicts:
        rank = one.measures.get(plan.conditions.rank_by)
        if one.method in done or one.model is None or one.is_baseline or rank is None or refusal(one, plan.conditions):
            continue
        if one.method not in best or rank > best[one.method].measures[plan.conditions.rank_by]:
            best[one.method] = one
    names = {one.name for one in best.values()}
    found = []
    for one in verdicts:
        if one.name in names:
            mean, spread = _stability(one, verdicts, sample, plan)
            found.append(one.with_measures(stability=mean, stability_sd=spread))
        else:
            found.append(one)
    return found


def _baseline(name: str, sample: Sample, plan: Plan) -> list[Candidate]:
    """The rules' division of the sample, measured where the others are: what a shop would have without learning."""
    if sample.rules is None:
        return []
    labels = np.unique(sample.rules, return_inverse=True)[1].astype(np.int64)
    verdict = "the baseline: rules on recency, frequency and monetary, kept as a segmentation of its own"
    return [Candidate(name, "rfm_rules", {}, _of_labels(labels, sample, plan), is_baseline=True, verdict=verdict, labels=labels)]


def _untried(name: str, plan: Plan, able: int, done: int) -> list[Candidate]:
    """A row where k ends earlier than was asked, for there are too few different rows."""
    fewest, most = plan.conditions.k
    if done >= most:
        return []
    different = "they are too few or too alike" if able < 2 else f"they allow {able} at most"
    first = max(fewest, done + 1)
    return [Candidate(name, "any", {"k": k}, {}, verdict=f"not tried: {different}") for k in range(first, most + 1)]
