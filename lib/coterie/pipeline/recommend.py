"""The job `recommend`: a list of items for every customer, and how good such lists were on the last days."""

import datetime
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.pipeline.run import Run
from coterie.recommend.als import AlsRecommender
from coterie.recommend.blocks import histories
from coterie.recommend.evaluate import headline, held_out_customers, quality, quality_rows
from coterie.recommend.interactions import effective_purchases, offered_items, pairs
from coterie.recommend.popular import PopularRecommender
from coterie.recommend.serve import Fitted, filled, offers, recommendations, with_repeats_named
from coterie.recommend.verbs import Recommender, Request, Training, model_id, restored, saved_factors, saved_row
from coterie.schemas import SCHEMA_VERSION, TABLES
from coterie.settings import Recommend

_SERVED, _FILLER = "als", "popular"  # whose lists are served, and what fills them up
_FEWEST_BLOCKS = 8  # so that a small shop keeps several cores busy


def run_recommend(run: Run) -> None:
    """Writes `recommendations`, `recommendation_quality`, `customer_items`, `models` and `model_factors` as of run.as_of.

    A shop whose events name no items gets none, and one line that says so. Raises UserError where `customer_features` has no row of the
    date, or where there are more items than `recommend.max_items`.
    """
    settings, as_of = run.settings.recommend, _as_of(run)
    customers = run.read("customer_features").where(F.col("as_of") == F.lit(as_of)).select("customer_id")
    customer_count = customers.count()
    if not customer_count:
        raise UserError(f"customer_features has no customer as of {as_of}; run `coterie features --as-of {as_of}` first")
    item_count, offered_count = _item_counts(run, as_of)
    if item_count > settings.max_items:
        raise UserError(
            f"the shop has {item_count} items and recommend.max_items is {settings.max_items}: each task holds all of them, about "
            f"{item_count * settings.rank * 4 // 2**20} MB of factors; raise the setting where tasks have the memory"
        )
    if not offered_count:
        for table in ("recommendations", "recommendation_quality"):
            _clear(run, table, as_of)
        run.say("recommendations skipped: " + ("no item can be sold as of the date" if item_count else "the events name no items"))
        return
    split, blocks = as_of - datetime.timedelta(days=settings.test_days), max(_FEWEST_BLOCKS, -(-customer_count // settings.block_customers))
    run.step("weighing what customers did")
    run.replace("customer_items", _customer_items(run, as_of).unionByName(_customer_items(run, split)))
    serving = _models(run, as_of)
    run.step("scoring every customer")
    asked = histories(customers.select("customer_id", F.lit(settings.repeat_purchases).alias("keep_seen")), _training(run, as_of).pairs)
    served = filled(offers(serving, Request(asked, _items(run, as_of), settings.count, blocks)), _FILLER, settings.count, [_SERVED])
    if settings.repeat_purchases:
        served = with_repeats_named(served, _training(run, as_of).pairs)
    run.replace("recommendations", recommendations(served, as_of), _of(as_of))
    tested, measures = _evaluate(run, as_of, split, blocks)
    _save(run, as_of, serving, tested, measures)
    _tell(run, as_of, measures)


def _recommenders(settings: Recommend) -> Sequence[Recommender]:
    """Every recommender that is fitted and measured."""
    return (
        AlsRecommender(settings.rank, settings.iterations, settings.regularisation, settings.alpha, settings.blocks, settings.seed),
        PopularRecommender(settings.popular_days),
    )


def _as_of(run: Run) -> datetime.date:
    if run.as_of is None:
        raise UserError("the job recommend needs an as-of date; give it with --as-of")
    return run.as_of


def _of(as_of: datetime.date) -> str:
    return f"as_of = DATE '{as_of}'"


def _items(run: Run, as_of: datetime.date) -> DataFrame:
    return offered_items(run.read("items"), run.read("customer_item_days"), as_of, run.settings.recommend.sellable_days)


def _item_counts(run: Run, as_of: datetime.date) -> tuple[int, int]:
    """The items there are, and those of them that can be offered as of the date."""
    row = _items(run, as_of).agg(F.count(F.lit(1)), F.count(F.when(F.col("is_sellable"), F.lit(1)))).collect()[0]
    return int(row[0]), int(row[1])


def _customer_items(run: Run, as_of: datetime.date) -> DataFrame:
    settings = run.settings.recommend
    weights = {str(kind): weight for kind, weight in settings.weights.items()}
    found = pairs(run.read("customer_item_days"), run.read("cancellations"), as_of, weights, settings.half_life_days, settings.history_days)
    return found.select(F.lit(as_of).alias("as_of"), "*")


def _training(run: Run, as_of: datetime.date) -> Training:
    """What was known on the date; the pairs from the table, so that they are not made again by every reader."""
    known = run.read("customer_items").where(F.col("as_of") == F.lit(as_of)).drop("as_of")
    return Training(as_of, known, effective_purchases(run.read("customer_item_days"), run.read("cancellations"), as_of))


def _models(run: Run, as_of: datetime.date) -> list[Fitted]:
    """Every recommender fitted as of the date; a fit that the lake still holds is not done again."""
    training, found = _training(run, as_of), []
    for recommender in _recommenders(run.settings.recommend):
        run.step(f"fitting {recommender.kind} as of {as_of}")
        known_as = model_id(recommender, training)
        is_mine = F.col("model_id") == known_as
        if run.read("model_factors").where(is_mine).isEmpty():
            run.replace("model_factors", saved_factors(recommender.fit(training, known_as)), f"model_id = '{known_as}'")
        # Read back: what follows must not fit again.
        found.append((recommender, restored(recommender, known_as, as_of, run.read("model_factors"))))
    return found


def _evaluate(run: Run, as_of: datetime.date, split: datetime.date, blocks: int) -> tuple[list[Fitted], dict[str, dict[str, float]]]:
    """The models fitted without the last days, and their main measures on them; none where nobody bought anything then."""
    settings = run.settings.recommend
    known = _training(run, split)
    tested = held_out_customers(_training(run, as_of).purchases, known.pairs, split)
    if tested.isEmpty():
        _clear(run, "recommendation_quality", as_of)
        return [], {}
    models = _models(run, split)
    run.step(f"measuring on the last {settings.test_days} days")
    kinds = [recommender.kind for recommender, _ in models]
    request = Request(histories(tested.select("customer_id", "keep_seen"), known.pairs), _items(run, split), max(settings.measure_at), blocks)
    lists = filled(offers(models, request), _FILLER, request.count, kinds)
    measured = quality(lists, tested, kinds, _item_counts(run, split)[1], settings.measure_at, settings.bootstrap)
    run.replace("recommendation_quality", quality_rows(measured, as_of, settings.test_days), _of(as_of))
    rows = run.read("recommendation_quality").where(F.col("as_of") == F.lit(as_of)).collect()  # one per measure and model
    return models, headline([row.asDict() for row in rows])


def _save(run: Run, as_of: datetime.date, serving: Sequence[Fitted], tested: Sequence[Fitted], measures: Mapping[str, dict[str, float]]) -> None:
    """The models' rows, and no factors but those of the current models and of this run.

    A model of an older date, made again, does not become the current one.
    """
    kinds = [recommender.kind for recommender, _ in serving]
    current = run.read("models").where(F.col("kind").isin(kinds) & F.col("is_current"))
    newer = {row["kind"]: row["model_id"] for row in current.where(F.col("as_of") > F.lit(as_of)).collect()}  # one a kind
    rows = [saved_row(model, measures.get(model.kind, {}), False, SCHEMA_VERSION) for _, model in tested]
    rows += [saved_row(model, measures.get(model.kind, {}), model.kind not in newer, SCHEMA_VERSION) for _, model in serving]
    used = [model.model_id for _, model in (*serving, *tested)]
    schema = ", ".join(f"{column.name} {column.type}" for column in TABLES["models"].columns)
    replaced = current.where(~F.col("model_id").isin([*used, *newer.values()])).withColumn("is_current", F.lit(False))
    run.merge("models", run.spark.createDataFrame(rows, schema).unionByName(replaced))
    kept = ", ".join(f"'{name}'" for name in sorted({*used, *newer.values()}))
    run.delete("model_factors", f"model_id NOT IN ({kept})")


def _clear(run: Run, table: str, as_of: datetime.date) -> None:
    """No rows of the date: what an earlier run wrote no longer holds."""
    if run.lake.exists(table):
        run.delete(table, _of(as_of))


def _tell(run: Run, as_of: datetime.date, measures: Mapping[str, dict[str, float]]) -> None:
    settings = run.settings.recommend
    rows = run.read("recommendations").where(F.col("as_of") == F.lit(as_of))
    is_full = F.when(F.col("rank") == settings.count, F.lit(1))
    served, full, item_count = rows.agg(F.count_distinct("customer_id"), F.count(is_full), F.count_distinct("item_id")).collect()[0]
    short = served - full
    at = min(settings.measure_at, key=lambda k: (abs(k - 10), k))
    found = {model: values[f"ndcg_at_{at}"] for model, values in measures.items() if f"ndcg_at_{at}" in values}
    run.measure(customers_served=served, items_recommended=item_count, short_lists=short)
    run.measure(**{f"{model}_ndcg_at_{at}": value for model, value in found.items()})
    quality_words = ", ".join(f"{model} {value:.3f}" for model, value in sorted(found.items())) or "not measured, since nobody bought anything then"
    run.say(
        f"{served:,} customers have {settings.count} recommendations each" + (f" ({short} fewer: they have had the rest)" if short else "")
        + f", of {item_count:,} items; nDCG@{at} on the last {settings.test_days} days, new items: {quality_words}"
    )
