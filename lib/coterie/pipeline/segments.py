"""The job `segments`: every customer in a segment of each segmentation, with what the segments are like and who moved."""

from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.pipeline.run import Run
from coterie.pipeline.segment_models import CHOSEN, KINDS, RULES, Current, Work, cluster_model, of_date, rule_model, save_models, small_frame, write
from coterie.pipeline.segment_profiles import members_of, rule_tree, write_profiles, write_projection
from coterie.segments.measures import adjusted_rand
from coterie.segments.moves import latest_revenue, segment_flows, segment_moves
from coterie.segments.names import named
from coterie.segments.placing import NOT_BOUGHT, NOT_BOUGHT_NAME, SEGMENT, has_bought
from coterie.segments.rule_tree import RuleTree
from coterie.segments.rules import Rules, load_rules
from coterie.segments.statistics import Portrait, feature_moments, numeric_features, portraits
from coterie.segments.stored import StoredModel, newest
from coterie.session import plain_plans
from coterie.settings import read_toml


def run_segments(run: Run) -> None:
    """Writes segments, segment_profiles, segment_projection, segment_moves and segment_flows as of run.as_of; segment_candidates,
    segment_agreement and models where one is fitted.

    Raises UserError where `customer_features` has no row of the date, SettingsError for rules that do not cover every cell once.
    """
    rules = load_rules(read_toml(run.settings.segments.rules))
    work = _begun(run)
    with plain_plans(run.spark, work.customers):
        by_rules, baseline = rule_model(work, rules)
        current = {RULES: baseline, CHOSEN: cluster_model(work, by_rules)}
        _write_all(work, current, rules)


def _write_all(work: Work, current: Mapping[str, Current], rules: Rules) -> None:
    run = work.run
    save_models(work, current)
    run.step("describing the segments")
    placed = _placed(work.features, current)
    found = _portraits(work, placed)
    names = {CHOSEN: named([one for one in found if one.segmentation == CHOSEN]), RULES: {NOT_BOUGHT: NOT_BOUGHT_NAME, **rules.names}}
    run.step("writing the segments")
    write(work, "segments", _segments(work, placed, current, names))
    tree = rule_tree(work, placed, current[CHOSEN])
    write_profiles(work, current[CHOSEN], found, names, rules, tree)
    write_projection(work, current[CHOSEN])
    run.step("comparing with the date before")
    _write_changes(work, current)
    _tell(work, current[CHOSEN], [one for one in found if one.segmentation == CHOSEN], tree)


def _begun(run: Run) -> Work:
    as_of = run.day
    run.step("looking at the customers")
    features = run.read("customer_features")
    customers, buyers = features.where(of_date(as_of)).agg(F.count(F.lit(1)), F.count_if(has_bought())).collect()[0]
    if not customers:
        dates = sorted(str(row["as_of"]) for row in features.groupBy("as_of").count().collect())  # a row a date
        there = f"the newest dates it has are {', '.join(dates[-5:])}" if dates else "it has no date at all"
        raise UserError(f"customer_features has no customer as of {as_of}, {there}; run `coterie features --as-of {as_of}` first")
    previous = run.read("segments").where(F.col("as_of") < F.lit(as_of)).agg(F.max("as_of")).collect()[0][0]
    run.measure(customers=customers, buyers=buyers)
    return Work(run, as_of, previous, customers, buyers, *_stored(run))


def _stored(run: Run) -> tuple[dict[str, StoredModel], dict[str, Mapping[str, float]]]:
    """By id the models of every fit, and the measures of those that would assign: only these are read whole, the others in outline."""
    table = run.read("models").where(F.col("kind").isin([kind for kinds in KINDS.values() for kind in kinds]))
    parts = [F.get_json_object("payload", f"$.{name}").alias(name) for name in ("revision", "ids")]
    outlines = table.select("model_id", "kind", "as_of", *parts).collect()  # a short row a fit
    models = {row["model_id"]: StoredModel.outline(row["kind"], row["as_of"], row["revision"], row["ids"]) for row in outlines}
    assigning = [newest((model for model in models.values() if model.kind in kinds), run.day) for kinds in KINDS.values()]
    wanted = [name for name, model in models.items() if model in assigning]
    rows = table.where(F.col("model_id").isin(wanted)).select("model_id", "settings", "payload", "measures").collect()  # one a segmentation
    whole = {row["model_id"]: StoredModel.from_row(row["settings"], row["payload"]) for row in rows}
    return models | whole, {row["model_id"]: row["measures"] for row in rows}


def _placed(features: DataFrame, current: Mapping[str, Current]) -> DataFrame:
    """(segmentation, customer_id, segment_id, confidence, distance) of the customers in each segmentation."""
    frames = [one.segmentation.place(features).select(F.lit(name).alias("segmentation"), "*") for name, one in current.items()]
    return reduce(lambda one, other: one.unionByName(other), frames)


def _portraits(work: Work, placed: DataFrame) -> list[Portrait]:
    features = numeric_features()
    moments = feature_moments(members_of(work, placed, features), features)
    return portraits(moments.collect(), work.run.settings.segments.traits)  # a row a segment and feature


def _segments(work: Work, placed: DataFrame, current: Mapping[str, Current], names: Mapping[str, Mapping[int, str]]) -> DataFrame:
    pairs = [(name, segment_id, words, current[name].stored.model_id) for name in current for segment_id, words in names[name].items()]
    known = work.run.spark.createDataFrame(pairs, "segmentation string, segment_id int, segment_name string, model_id string")
    return placed.join(F.broadcast(known), on=SEGMENT, how="left").withColumn("as_of", F.lit(work.as_of))


def _write_changes(work: Work, current: Mapping[str, Current]) -> None:
    """Moves and flows since the date before; no rows where there is none."""
    if work.previous is None:
        for table in ("segment_moves", "segment_flows"):
            write(work, table, small_frame(work.run, table, []))
        return
    now, before = work.run.read("segments").where(of_date(work.as_of)), work.before("segments")
    old = {(row["segmentation"], row["model_id"]) for row in before.groupBy("segmentation", "model_id").count().collect()}  # a row a model
    refitted = {name: one for name, one in current.items() if (name, one.stored.model_id) not in old}
    restated = _placed(work.before("customer_features"), refitted) if refitted else before.where(F.lit(False))
    write(work, "segment_moves", segment_moves(now, before, restated, work.as_of, work.previous))
    revenue = latest_revenue(work.features, work.before("customer_features"))
    recent = work.before("customer_features").select("customer_id", F.col("monetary_90d").alias("recent"))
    write(work, "segment_flows", segment_flows(now, before, revenue, recent, work.as_of, work.previous))


def _tell(work: Work, current: Current, found: Sequence[Portrait], tree: RuleTree | None) -> None:
    run, clustered = work.run, [one for one in found if one.segment_id != NOT_BOUGHT]
    smallest = min((one.share or 0.0 for one in clustered), default=0.0)
    silhouette = current.measures.get("silhouette")
    run.measure(segments=len(clustered), smallest_share=smallest, refitted=bool(current.reason))
    if silhouette is not None:
        run.measure(silhouette=silhouette)
    words = [f"{len(clustered)} segments of {work.buyers:,} customers, the smallest {100 * smallest:.1f} %"]
    words.append(f"model fitted as of {current.stored.as_of}" + (f" with silhouette {silhouette:.3f}" if silhouette is not None else ""))
    if current.reason:
        words[-1] += f" ({current.reason})"
    if tree is not None:
        run.measure(rule_fidelity=tree.fidelity, rule_depth=tree.depth)
        words.append(f"rules in words right for {100 * tree.fidelity:.0f} %")
    if work.previous:
        words.append(_stability(work))
    run.say("; ".join(words))


def _stability(work: Work) -> str:
    """How much the chosen segments have in common with those of the date before, in words; its measures beside."""
    is_there = (F.col("segmentation") == CHOSEN) & F.col("from_segment_id").isNotNull() & F.col("to_segment_id").isNotNull()
    rows = work.run.read("segment_flows").where(of_date(work.as_of) & is_there).collect()  # a row a pair of segments
    table = [(row["from_segment_id"], row["to_segment_id"], row["customers"]) for row in rows]
    moved = sum(count for start, end, count in table if start != end)
    agreement = adjusted_rand(way for way in table if NOT_BOUGHT not in way[:2])
    work.run.measure(moved_customers=moved)
    if agreement is not None:
        work.run.measure(adjusted_rand_in_time=agreement)
    return f"{moved:,} customers moved since {work.previous}"
