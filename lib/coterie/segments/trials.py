"""Every candidate of one feature set, fitted to the sample, measured and judged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import euclidean_distances

from coterie.segments.candidates import Candidate, Conditions, evidence, judged, refusal
from coterie.segments.centres import CentresModel, Floats, Placement, rounded
from coterie.segments.consensus import try_consensus
from coterie.segments.density import Relief, relief, valley_depth
from coterie.segments.effort import ClusterModel, Effort, Trial
from coterie.segments.measures import Labels, sample_measures, share_measures, value_measures
from coterie.segments.methods import METHODS
from coterie.segments.plan import Plan, Sample
from coterie.segments.stability import bootstrap_stability

NEIGHBOURS = 15  # of the density that valleys are measured in
_KEPT = 5000  # rows whose distances are kept: 200 MB
_OPINIONS = 12  # the best candidates that the consensus listens to


def candidates_of(name: str, sample: Sample, plan: Plan) -> list[Candidate]:
    """Every candidate of a feature set, judged."""
    different = len(np.unique(sample.matrix, axis=0))
    able = min(different, len(sample.matrix) - 1)
    # From two on, though fewer than were asked for are refused: whoever wonders why not three finds its measures.
    counts = list(range(2, min(plan.conditions.k[1], able) + 1))
    if not counts:
        model = CentresModel(rounded(sample.matrix.mean(axis=0)[None, :]))
        alone = measured(Candidate(name, "kmeans", {"k": 1}, {}, model), model.place(sample.matrix), sample, plan)
        return [*judged([alone], plan.conditions, lambda one: (1.0, 0.0)), *_untried(name, plan, able, 1), *_baseline(name, sample, plan)]
    ground = ground_of(sample, plan)

    def tried(method: str, trial: Trial) -> Candidate:
        model, placement = _without_empty(trial.model, sample.matrix)
        return measured(Candidate(name, method, trial.parameters, {}, model), placement, sample, plan, ground)

    candidates = [tried(method, trial) for method in plan.methods for trial in _tries(method, sample.matrix, counts, plan.effort)]
    if "consensus" in plan.methods:
        opinions = _opinions(candidates, plan.conditions)
        candidates += [tried("consensus", trial) for trial in try_consensus(sample.matrix, opinions, counts, plan.effort.seed)]
    verdicts = judged([*candidates, *_baseline(name, sample, plan, ground)], plan.conditions, lambda one: _stability(one, candidates, sample, plan))
    return [*verdicts, *_untried(name, plan, able, max(counts))]


def _tries(method: str, matrix: Floats, counts: Sequence[int], effort: Effort) -> Iterator[Trial]:
    tries = METHODS[method].tries
    return iter(()) if tries is None else tries(matrix, counts, effort)


def _opinions(candidates: Sequence[Candidate], conditions: Conditions) -> list[Trial]:
    """The best candidates that keep the share of the smallest, by rank; at most _OPINIONS."""
    able = [one for one in candidates if one.model is not None and one.smallest >= conditions.min_share and conditions.rank_by in one.measures]
    able.sort(key=lambda one: (-round(one.measures[conditions.rank_by], 6), one.name))
    return [Trial(one.parameters, one.model) for one in able[:_OPINIONS] if one.model is not None]


@dataclass(frozen=True)
class Ground:
    """What all candidates of a sample are measured on: its relief, and the distances of the rows that silhouettes are of; None: too many to keep."""

    relief: Relief
    distances: Floats | None = None


def ground_of(sample: Sample, plan: Plan) -> Ground:
    few = sample.matrix[: plan.silhouette]
    return Ground(relief(sample.matrix, NEIGHBOURS), euclidean_distances(few) if few.shape[1] and len(few) <= _KEPT else None)


def measured(one: Candidate, found: Placement, sample: Sample, plan: Plan, ground: Ground | None = None) -> Candidate:
    """The candidate with its labels of the sample and every measure but stability. `found`: where its model places the sample; without a
    ground the valleys are left out."""
    assert one.model is not None
    model = one.model
    is_noise = np.zeros(len(found.cluster), bool) if model.noise is None else found.cluster == model.noise
    labels = np.where(is_noise, -1, found.cluster).astype(np.int64)
    measures = {
        **_of_labels(labels, sample, plan, None if ground is None else ground.distances),
        "within_cluster_sum_of_squares": float((found.distance[~is_noise] ** 2).sum()),
        "noise_share": float(is_noise.mean()),
        **({} if ground is None else {"valley_depth": valley_depth(ground.relief, labels)}),
    }
    ranked = evidence(measures) if ground is not None else None
    return replace(one, labels=labels, measures=measures | ({} if ranked is None else {"evidence": ranked}))


def _of_labels(labels: Labels, sample: Sample, plan: Plan, distances: Floats | None) -> dict[str, float]:
    """The measures that need the labels alone, -1 for noise."""
    sizes = np.bincount(labels[labels >= 0]).tolist()
    few = slice(0, plan.silhouette)
    return {
        "segments": float(sum(size > 0 for size in sizes)),
        "sample_customers": float(len(labels)),
        **share_measures(sizes),
        **sample_measures(sample.matrix[few], labels[few], distances),
        **value_measures(sample.values, labels),
    }


def _without_empty(model: ClusterModel, matrix: Floats) -> tuple[ClusterModel, Placement]:
    """The model without clusters that nobody of the sample is nearest to, and where it places the sample."""
    found = model.place(matrix)
    there = np.unique(found.cluster).tolist()
    kept = [cluster for cluster in range(model.clusters) if cluster in there or cluster == model.noise]
    if len(kept) == model.clusters:
        return model, found
    fewer = model.keeping(kept)
    return fewer, fewer.place(matrix)


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


def _baseline(name: str, sample: Sample, plan: Plan, ground: Ground | None = None) -> list[Candidate]:
    """The rules' division of the sample, measured where the others are: what a shop would have without learning."""
    if sample.rules is None:
        return []
    labels = np.unique(sample.rules, return_inverse=True)[1].astype(np.int64)
    distances = None if ground is None else ground.distances
    verdict = "the baseline: rules on recency, frequency and monetary, kept as a segmentation of its own"
    return [Candidate(name, "rfm_rules", {}, _of_labels(labels, sample, plan, distances), is_baseline=True, verdict=verdict, labels=labels)]


def _untried(name: str, plan: Plan, able: int, done: int) -> list[Candidate]:
    """A row where k ends earlier than was asked, for there are too few different rows."""
    fewest, most = plan.conditions.k
    if done >= most:
        return []
    different = "they are too few or too alike" if able < 2 else f"they allow {able} at most"
    first = max(fewest, done + 1)
    return [Candidate(name, "any", {"k": k}, {}, verdict=f"not tried: {different}") for k in range(first, most + 1)]
