"""The job `recommend`: a list of items for every customer, what each segment buys, who is like whom, and how good the lists are."""

import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.pipeline.contest import Contest, Verdict
from coterie.pipeline.run import Run
from coterie.recommend.family import rearrangement
from coterie.recommend.segments import segment_lists
from coterie.recommend.serve import BLEND, FILLER, Fitted, served
from coterie.recommend.verbs import saved_row
from coterie.schemas import SCHEMA_VERSION, TABLES


def run_recommend(run: Run) -> None:
    """Writes `recommendations`, `recommendation_quality`, `similar_customers`, `segment_recommendations`, `customer_items`, `models` and
    `model_factors` as of run.as_of.

    A shop whose events name no items gets none, and one line that says so. Raises UserError where `customer_features` has no row of the
    date, or where there are more items than `recommend.max_items`.
    """
    settings, as_of = run.settings.recommend, run.day
    contest = Contest(run, as_of)
    customers = run.read("customer_features").where(F.col("as_of") == F.lit(as_of)).select("customer_id")
    customer_count = customers.count()
    if not customer_count:
        raise UserError(f"customer_features has no customer as of {as_of}; run `coterie features --as-of {as_of}` first")
    item_count, offered_count = contest.items(as_of).agg(F.count(F.lit(1)), F.count(F.when(F.col("is_sellable"), F.lit(1)))).collect()[0]
    if item_count > settings.max_items:
        raise UserError(
            f"the shop has {item_count} items and recommend.max_items is {settings.max_items}: each task holds all of them, about "
            f"{item_count * (settings.als.rank + settings.ease.keep) * 12 // 2**20} MB; raise the setting where tasks have the memory"
        )
    if not offered_count:
        for table in ("recommendations", "recommendation_quality", "similar_customers", "segment_recommendations"):
            _clear(run, table, as_of)
        run.say("recommendations skipped: " + ("no item can be sold as of the date" if item_count else "the events name no items"))
        return
    run.step("weighing what customers did")
    contest.weigh(contest.validated_from, contest.tested_from, as_of)
    verdict = contest.held()
    if verdict is None:
        _clear(run, "recommendation_quality", as_of)
    contest.find_similar()
    serving = contest.models(as_of)
    _serve(run, contest, customers, customer_count, serving, verdict)
    _segments(run, contest)
    _save(run, serving, verdict)
    _tell(run, contest, verdict)


def _of(as_of: datetime.date) -> str:
    return f"as_of = DATE '{as_of}'"


def _serve(run: Run, contest: Contest, customers: DataFrame, customer_count: int, serving: list[Fitted], verdict: Verdict | None) -> None:
    """Writes the lists of the chosen model; without a verdict, those of the popular one."""
    settings, as_of = run.settings.recommend, contest.as_of
    chosen = verdict.chosen if verdict else FILLER if settings.serve in {"best", BLEND} else settings.serve
    ranking = verdict.ranking if verdict and chosen == BLEND else None
    models = serving if ranking else [fitted for fitted in serving if fitted[0].kind in {chosen, FILLER, *(["item_knn"] if settings.mmr > 0 else [])}]
    run.step(f"making every customer's list with {chosen}")
    nobody = F.array().cast("array<string>").alias("truth")
    asked = customers.select("customer_id", F.lit(settings.repeat_purchases).alias("keep_seen"), nobody)
    request = contest.request(asked, as_of, customer_count, settings.count)
    rows = served(models, request, chosen, ranking.ranker if ranking else None, rearrangement(settings))
    names = {recommender.kind: model.model_id for recommender, model in models}
    known_as = ranking.model.model_id if ranking else names[chosen]
    model_id = F.when(F.col("source") == FILLER, F.lit(names[FILLER])).otherwise(F.lit(known_as)) if ranking is None else F.lit(known_as)
    columns = ("customer_id", "rank", "item_id", "score", "source", "reason", model_id.alias("model_id"))
    run.replace("recommendations", rows.select(F.lit(as_of).alias("as_of"), *columns), _of(as_of))


def _segments(run: Run, contest: Contest) -> None:
    settings, as_of = run.settings.recommend, contest.as_of
    segments = run.read("segments").where(F.col("as_of") == F.lit(as_of))
    run.step("finding what each segment buys")
    lists = segment_lists(
        segments, contest.training(as_of).purchases, contest.items(as_of), as_of, settings.segment_days, settings.segment_items, settings.segment_min_support
    )
    run.replace("segment_recommendations", lists, _of(as_of))


def _save(run: Run, serving: list[Fitted], verdict: Verdict | None) -> None:
    """The models' rows, and no factors but those of the current models and of this run.

    A model of an older date, made again, does not become the current one.
    """
    measures = verdict.measures if verdict else {}
    kinds = [*(recommender.kind for recommender, _ in serving), BLEND]
    current = run.read("models").where(F.col("kind").isin(kinds) & F.col("is_current"))
    newer = {row["kind"]: row["model_id"] for row in current.where(F.col("as_of") > F.lit(run.as_of)).collect()}  # one a kind
    tested = list(verdict.tested) if verdict else []
    rows = [saved_row(model, measures.get(model.kind, {}), False, SCHEMA_VERSION) for _, model in tested]
    rows += [saved_row(model, measures.get(model.kind, {}), model.kind not in newer, SCHEMA_VERSION) for _, model in serving]
    if verdict and verdict.ranking:
        payload = verdict.ranking.ranker.as_json()
        rows.append(saved_row(verdict.ranking.model, measures.get(BLEND, {}), BLEND not in newer, SCHEMA_VERSION, payload))
    used = [row[0] for row in rows]
    schema = ", ".join(f"{column.name} {column.type}" for column in TABLES["models"].columns)
    replaced = current.where(~F.col("model_id").isin([*used, *newer.values()])).withColumn("is_current", F.lit(False))
    run.merge("models", run.spark.createDataFrame(rows, schema).unionByName(replaced))
    kept = ", ".join(f"'{name}'" for name in sorted({*used, *newer.values()}))
    run.delete("model_factors", f"model_id NOT IN ({kept})")


def _clear(run: Run, table: str, as_of: datetime.date) -> None:
    """No rows of the date: what an earlier run wrote no longer holds."""
    if run.lake.exists(table):
        run.delete(table, _of(as_of))


def _tell(run: Run, contest: Contest, verdict: Verdict | None) -> None:
    settings, at = run.settings.recommend, contest.headline_at()
    rows = run.read("recommendations").where(F.col("as_of") == F.lit(contest.as_of))
    is_full = F.when(F.col("rank") == settings.count, F.lit(1))
    served_count, full, item_count = rows.agg(F.count_distinct("customer_id"), F.count(is_full), F.count_distinct("item_id")).collect()[0]
    short = served_count - full
    run.measure(customers_served=served_count, items_recommended=item_count, short_lists=short)
    why_short = "they have had the rest" + (", or it is of categories that are full" if settings.max_per_category else "")
    lines = [
        f"{served_count:,} customers have {settings.count} recommendations each" + (f" ({short} fewer: {why_short})" if short else "")
        + f", of {item_count:,} items"
    ]
    if verdict is None:
        lines.append("not measured, since nobody bought anything in the last days")
    else:
        found = {model: values[f"ndcg_at_{at}"] for model, values in verdict.measures.items() if f"ndcg_at_{at}" in values}
        run.measure(**{f"{model}_ndcg_at_{at}": value for model, value in found.items()})
        lines[0] += f", by {verdict.chosen}: {contest.reason_for(verdict)}"
        ordered = sorted(found.items(), key=lambda item: -item[1])
        lines.append(f"nDCG@{at} on the last {settings.test_days} days, new items: " + ", ".join(f"{model} {value:.3f}" for model, value in ordered))
    run.say("\n".join(lines))
