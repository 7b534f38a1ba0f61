"""The models of the job `segments`: the stored one where it still serves, a new fit where one is due, and its ids."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from sklearn.metrics import adjusted_rand_score

from coterie.features.vector import Vectoriser, drawn_raw
from coterie.lake import as_json
from coterie.pairs.tasks import PAYLOADS_DDL
from coterie.pipeline.run import Run
from coterie.schemas import SCHEMA_VERSION, TABLES
from coterie.segments.candidates import Candidate, no_candidate
from coterie.segments.choice import chosen
from coterie.segments.identity import identified, matched
from coterie.segments.landmarks import LandmarksModel
from coterie.segments.methods import METHODS, laid_out
from coterie.segments.placing import NOT_BOUGHT, ClusterSegmentation, RuleSegmentation, Segmentation, has_bought
from coterie.segments.plan import Plan, Sample, plan_of, rule_columns
from coterie.segments.rfm import fit_rfm
from coterie.segments.rules import AXES, Rules
from coterie.segments.stored import StoredModel, highest_id, newest, registered, why_fit
from coterie.segments.trial_tasks import sample_rows, tried_in_tasks
from coterie.segments.winner import HELD, PARTITION_ROWS, held, on_everyone

CHOSEN, RULES = "chosen", "rfm_rules"  # the segmentations
KINDS = {CHOSEN: tuple(METHODS), RULES: ("rfm_rules",)}  # kinds of models behind each


@dataclass(frozen=True)
class Work:
    """What every step needs. `previous`: the newest date before with segments, None where there is none; `models`: those stored, by id."""

    run: Run
    as_of: datetime.date
    previous: datetime.date | None
    customers: int
    buyers: int
    models: Mapping[str, StoredModel]
    measures: Mapping[str, Mapping[str, float]]

    @property
    def features(self) -> DataFrame:
        return self.run.read("customer_features").where(of_date(self.as_of))

    def before(self, table: str) -> DataFrame:
        """The table's rows of the date before; none where there is no such date."""
        return self.run.read(table).where(of_date(self.previous) if self.previous else F.lit(False))

    def of_family(self, segmentation: str) -> list[StoredModel]:
        return [model for model in self.models.values() if model.kind in KINDS[segmentation]]

    def due(self, segmentation: str, settings: str) -> tuple[StoredModel | None, str]:
        """The model that would assign, and why a new one is fitted instead; empty where it is not."""
        last = newest(self.of_family(segmentation), self.as_of)
        refit = bool(self.run.options.get("refit"))
        return last, why_fit(last, self.as_of, settings, refit, self.run.settings.segments.refit_days, self.buyers)


@dataclass(frozen=True)
class Current:
    """A segmentation and the model that assigns in this run; `reason`: why it was fitted, empty where it was not."""

    segmentation: Segmentation
    stored: StoredModel
    measures: Mapping[str, float]
    reason: str = ""


def of_date(as_of: datetime.date) -> Column:
    return F.col("as_of") == F.lit(as_of)


def small_frame(run: Run, table: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """A few rows, made on the driver, as a frame of the table's schema."""
    spec = TABLES[table]
    schema = ", ".join(f"{column.name} {column.type}" for column in spec.columns)
    return run.spark.createDataFrame([tuple(row[name] for name in spec.names) for row in rows], schema)


def write(work: Work, table: str, frame: DataFrame) -> None:
    """The frame in the place of the table's rows of the date."""
    work.run.replace(table, frame, f"as_of = date '{work.as_of}'")


def rule_model(work: Work, rules: Rules) -> tuple[RuleSegmentation, Current]:
    """The RFM rules with their stored cuts, or with new ones where due: the rules themselves, and beside what is known of their model."""
    sample = work.run.settings.vector.sample_rows
    settings = as_json({"table": rules.table, "sample_rows": sample})
    last, reason = work.due(RULES, settings)
    if last is not None and not reason:
        stored = RuleSegmentation.from_content(last.content)
        return stored, Current(stored, last, work.measures[last.model_id])
    work.run.step(f"fitting the RFM cuts: {reason}")
    fitted = RuleSegmentation(fit_rfm(work.features.where(has_bought()), rules, sample) if work.buyers else None)
    return fitted, Current(fitted, registered(KINDS[RULES][0], work.as_of, settings, fitted.content(), (), last), {}, reason)


def cluster_model(work: Work, rules: RuleSegmentation) -> Current:
    """The stored clustering, or where due the best of new candidates, which are written to `segment_candidates`."""
    everything = work.run.settings
    used = {name: everything.feature_sets[name].model_dump(mode="json") for name in everything.segments.feature_sets}
    sections = {"vector": everything.vector, "segments": everything.segments}
    settings = as_json({name: section.model_dump(mode="json", exclude=_DESCRIBING) for name, section in sections.items()} | {"feature_sets": used})
    last, reason = work.due(CHOSEN, settings)
    if last is not None and not reason:
        return Current(ClusterSegmentation.from_content(last.content, last.ids), last, work.measures[last.model_id])
    work.run.step(f"trying segmentations: {reason}")
    fitted, candidates = _fitted(work, rules) if work.buyers else (ClusterSegmentation(next(iter(METHODS)), None, None, ()), [no_candidate()])
    write(work, "segment_candidates", small_frame(work.run, "segment_candidates", [{"as_of": work.as_of, **one.row()} for one in candidates]))
    fitted = replace(fitted, ids=tuple(_ids(work, fitted, last)))
    measures = next((one.measures for one in candidates if one.is_chosen), {})
    return Current(fitted, registered(fitted.method, work.as_of, settings, fitted.content(), fitted.ids, last), measures, reason)


_RULE = "rule_segment"

# Settings that describe segments or say when to fit, and change no fit.
_DESCRIBING = {
    "refit_days", "rules", "traits", "typical_customers", "favourite_categories", "min_category_customers", "rule_sample", "projection_sample",
}  # fmt: skip


def _fitted(work: Work, rules: RuleSegmentation) -> tuple[ClusterSegmentation, list[Candidate]]:
    """The best segmentation of the best feature set, tried on a sample and fitted to everyone."""
    settings, vector = work.run.settings.segments, work.run.settings.vector
    sets = {name: work.run.settings.feature_sets[name] for name in settings.feature_sets}
    bought = work.features.where(has_bought()).withColumn(_RULE, rules.segment_id().cast("double"))
    columns = list(dict.fromkeys([*AXES, *(column for one in sets.values() for column in one.columns)]))
    raw = drawn_raw(bought, [*columns, _RULE], vector.sample_rows, settings.seed)
    vectorisers = {name: Vectoriser(seed=settings.seed, **one.model_dump(), **vector.model_dump()).learn(raw) for name, one in sets.items()}
    tried = {name: values[: settings.trial_sample] for name, values in raw.items()}
    samples = {
        name: Sample(
            vectorisers[name].encoding.apply(tried, len(tried[_RULE])),
            {axis: np.nan_to_num(tried[axis]) for axis in AXES},
            tried[_RULE].astype(np.int64),
            {column: tried[column] for column in rule_columns(sets[name].columns, tried)},
        )
        for name in sets
    }
    plan = plan_of(settings, settings)

    def side_by_side(sets: Mapping[str, Sample], plan: Plan) -> dict[str, list[Candidate]]:
        return tried_in_tasks(work.run.spark.createDataFrame(sample_rows(sets, plan), PAYLOADS_DDL), len(sets), plan)

    candidates = chosen(samples, plan, work.run.step, side_by_side)
    winner = next(one for one in candidates if one.is_chosen)
    work.run.step(f"fitting {winner.name} to {work.buyers:,} customers")
    vectoriser = vectorisers[winner.feature_set]

    def everyone() -> DataFrame:
        vectors = vectoriser.transform(bought.select("customer_id", *vectoriser.columns))
        return laid_out(held(vectors) if work.buyers <= HELD else _staged(work, vectors), min(settings.partitions, -(-work.buyers // PARTITION_ROWS)))

    winner = on_everyone(winner, everyone, work.buyers, samples[winner.feature_set], plan)
    if work.buyers > HELD:
        work.run.delete("staged_vectors", "true")
    assert winner.model is not None  # only fitted candidates are chosen
    _write_agreement(work, candidates, winner)
    # Every buyer is in a segment: whom a density leaves out belongs to the nearest one.
    model = winner.model.everyone() if isinstance(winner.model, LandmarksModel) else winner.model
    return ClusterSegmentation(winner.method, vectoriser, model, ()), [winner if one.is_chosen else one for one in candidates]


def _staged(work: Work, vectors: DataFrame) -> DataFrame:
    """The vectors by way of a table: every fit reads them several times, and so they are computed once."""
    work.run.replace("staged_vectors", vectors.select("customer_id", vector_to_array(F.col("features")).alias("features")))
    return work.run.read("staged_vectors").withColumn("features", array_to_vector(F.col("features")))


def _write_agreement(work: Work, candidates: Sequence[Candidate], winner: Candidate) -> None:
    """How alike the best of each method, and the rules, divide the sample in the winner's feature set."""
    best: dict[str, Candidate] = {winner.method: winner}
    for one in candidates:
        if one.feature_set == winner.feature_set and ("stability" in one.measures or one.is_baseline):
            best.setdefault(one.method, one)
    rows = [
        {"as_of": work.as_of, "candidate": one.name, "other": other.name, "adjusted_rand": float(adjusted_rand_score(one.labels, other.labels))}
        for one in best.values()
        for other in best.values()
        if one is not other
    ]
    write(work, "segment_agreement", small_frame(work.run, "segment_agreement", rows))


def _ids(work: Work, fitted: ClusterSegmentation, last: StoredModel | None) -> list[int]:
    """The segment id of each cluster: matched with the date before, or new."""
    if fitted.model is None:
        return []
    before = work.before("segments").where((F.col("segmentation") == CHOSEN) & (F.col("segment_id") != NOT_BOUGHT))
    money = work.features.select("customer_id", F.coalesce("monetary", F.lit(0)).alias("monetary"))
    shared = (
        fitted.clusters(work.features)
        .join(money, on="customer_id", how="inner")
        .join(before.select("customer_id", "segment_id"), on="customer_id", how="left")
        .groupBy("cluster", "segment_id")
        .agg(F.count(F.lit(1)).alias("customers"), F.sum("monetary").alias("monetary"))
        .collect()  # at most clusters x segments of the date before
    )
    sizes = [sum(row["customers"] for row in shared if row["cluster"] == cluster) for cluster in range(fitted.model.clusters)]
    totals = [sum(row["monetary"] for row in shared if row["cluster"] == cluster) for cluster in range(fitted.model.clusters)]
    means = [float(total / size) if size else 0.0 for total, size in zip(totals, sizes, strict=True)]
    matches = matched((row["cluster"], row["segment_id"], row["customers"]) for row in shared if row["segment_id"] is not None)
    used = work.run.read("segment_profiles").where((F.col("segmentation") == CHOSEN) & ~of_date(work.as_of)).agg(F.max("segment_id")).collect()[0][0]
    same = last is not None and last.as_of == work.as_of and registered(last.kind, last.as_of, last.settings, fitted.content(), last.ids, last) is last
    highest = max(used or 0, highest_id(work.of_family(CHOSEN), work.as_of))
    return identified(fitted.model.clusters, matches, means, highest, last.ids if same and last is not None else ())


def save_models(work: Work, current: Mapping[str, Current]) -> None:
    """A row for each new fit; of each segmentation the model of the newest date is the current one, and no other."""
    rows = []
    for segmentation, one in current.items():
        if one.stored.model_id in work.models:
            continue
        is_newest = newest([*work.of_family(segmentation), one.stored]) == one.stored
        rows.append({**one.stored.row(one.measures, SCHEMA_VERSION), "is_current": is_newest})
    if not rows:
        return
    succeeded = [kind for row in rows if row["is_current"] for kinds in KINDS.values() if row["kind"] in kinds for kind in kinds]
    old = work.run.read("models").where(F.col("is_current") & F.col("kind").isin(succeeded)).withColumn("is_current", F.lit(False))
    work.run.merge("models", old.unionByName(small_frame(work.run, "models", rows)))
