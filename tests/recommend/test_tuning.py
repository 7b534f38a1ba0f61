"""The job `tune`: what it leaves behind for those who read the tables afterwards."""

from typing import Any

import pytest
from market_rows import AS_OF, ago, item_days, items, met, table
from pyspark.sql import SparkSession

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.lease import Lease
from coterie.pipeline.run import Run
from coterie.pipeline.tuning import run_tune, trial_of
from coterie.schemas import MODEL_FACTORS, MODELS
from coterie.settings import load_settings

BOUGHT = [met(f"c{n}", f"i{m}", days, purchases=1) for n in range(4) for m, days in ((n % 2, 40), (n % 2 + 2, 20), (n % 2 + 4, 5))]


def model(known_as: str) -> dict[str, Any]:
    return {"model_id": known_as, "kind": "popular", "as_of": AS_OF, "settings": "{}", "measures": {}, "schema_version": 1, "is_current": True}


def test_tune_leaves_what_recommend_keeps_and_no_factors_of_its_trials(spark: SparkSession, lake: Lake) -> None:
    lake.replace("customer_item_days", item_days(spark, *BOUGHT))
    lake.replace("items", items(spark, *((f"i{m}", None, 80, True) for m in range(6))))
    lake.replace("models", table(spark, MODELS, [model("kept")]))
    factors = [{"model_id": name, "side": "item", "id": "x", "factors": [1.0]} for name in ("kept", "left by a run that died")]
    lake.replace("model_factors", table(spark, MODEL_FACTORS, factors))
    settings = load_settings([{"recommend": {"models": ["popular"], "bootstrap": 0}}])
    with Lease(lake, "test", 300) as lease:
        run = Run("tune", lake, settings, AS_OF, lease, "command", {"budget": 2, "tuned": {}})
        run_tune(run)
    assert "of 2" in run.message
    weighed = lake.read("customer_items").groupBy("as_of").count().collect()
    assert {row["as_of"]: row["count"] for row in weighed} == {ago(28): 4, ago(14): 8, AS_OF: 12}
    assert {row["model_id"] for row in lake.read("model_factors").collect()} == {"kept"}


def test_a_trial_is_of_one_model_and_needs_no_other_for_variety() -> None:
    settings = load_settings([{"recommend": {"models": ["popular", "item_knn"], "serve": "item_knn", "mmr": 0.3}}])
    tried = trial_of(settings, "popular", {"popular_days": 7}).recommend
    assert (tried.models, tried.serve, tried.popular.popular_days, tried.mmr) == (("popular",), "best", 7, 0.0)


def test_models_without_settings_to_try_are_refused_before_anything_is_read(lake: Lake) -> None:
    settings = load_settings([{"recommend": {"models": ["blend"]}}])
    run = Run("tune", lake, settings, AS_OF, None, "command", {"budget": 2, "tuned": {}})  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"'recommend.models' is \['blend'\]; tune tries settings of: popular, als"):
        run_tune(run)
