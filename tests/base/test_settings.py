"""Settings: values from base.toml, changed by layers, each mistake named."""

from pathlib import Path

import pytest

from coterie.errors import SettingsError
from coterie.settings import load_settings, override, read_toml


def test_base_settings_load_and_are_frozen() -> None:
    settings = load_settings()
    assert settings.segments.k == (4, 10)
    with pytest.raises(ValueError, match="frozen"):
        settings.segments.seed = 2  # type: ignore[misc]


def test_later_layers_win_key_by_key() -> None:
    settings = load_settings([{"segments": {"seed": 7, "min_share": 0.1}}, override("segments.seed=8")])
    assert (settings.segments.seed, settings.segments.min_share, settings.segments.max_iterations) == (8, 0.1, 50)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("segments.min_shar=0.1", r"unknown setting 'segments.min_shar'; did you mean 'min_share'\?"),
        ("segmens.k=[4, 5]", r"unknown setting 'segmens'; did you mean 'segments'\?"),
        ("segments.min_share=much", r"'segments.min_share' is 'much'; expected: .*number"),
        ("segments.min_share=1.5", r"'segments.min_share' is 1.5; expected: .*less than or equal to 1"),
        ("recommend.count=true", r"'recommend.count' is True; expected: .*integer"),
        ("segments.k=[9, 4]", r"'segments.k' is \[9, 4\]; expected the fewest segments first"),
        ("recommend.measure_at=[]", r"'recommend.measure_at' is \[\]; expected: .*at least 1 item"),
        ("feature_sets.rfm.clip_quantiles=[0.9, 0.1]", r"'feature_sets.rfm.clip_quantiles' is \[0.9, 0.1\]; expected the lower quantile first"),
        ("feature_sets.rfm.colums=[]", r"unknown setting 'feature_sets.rfm.colums'; did you mean 'columns'\?"),
        ("shop.time_zone=Mars/Phobos", r"'shop.time_zone' is 'Mars/Phobos'; expected: .*IANA"),
        ("shop.currency=euro", r"'shop.currency' is 'euro'; expected: "),
        ("ingest.on_bad_file=ignore", r"'ingest.on_bad_file' is 'ignore'; expected: .*'stop' or 'quarantine'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load_settings([override(text)])


def test_variety_needs_the_model_that_knows_what_is_alike() -> None:
    with pytest.raises(SettingsError, match=r"'recommend.models' lacks 'item_knn', which says what items are alike; add it"):
        load_settings([override("recommend.mmr=0.5"), override('recommend.models=["popular", "als"]')])


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"min_share.*; .*seed"):
        load_settings([{"segments": {"seed": "a", "min_share": "b"}}])


@pytest.mark.parametrize("text", ["segments=3", "segments.k", "=4", "segments.=4"])
def test_an_override_without_section_key_and_value_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"expected section\.key=value"):
        override(text)


def test_a_settings_file_that_is_missing_or_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no settings file '.*absent\.toml'"):
        read_toml(str(tmp_path / "absent.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("[segments\nk = 4")
    with pytest.raises(SettingsError, match=r"broken\.toml' is not readable as TOML"):
        read_toml(str(broken))


def test_a_name_in_conf_is_found_without_its_path() -> None:
    assert "segments" in read_toml("base")


def test_settings_of_spark_that_may_be_secret_are_not_repeated() -> None:
    with pytest.raises(SettingsError, match=r"'spark.conf.fs.s3a.secret.key' is of the wrong type; expected: .*string") as found:
        load_settings([{"spark": {"conf": {"fs.s3a.secret.key": 12345678}}}])
    assert "12345678" not in str(found.value)


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000])
def test_a_value_that_no_reader_of_toml_bears_is_a_text_and_one_short_line(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^setting 'segments.seed' is '.{190,210}…; expected: "):
        load_settings([override(f"segments.seed={value}")])


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_is_not_there(name: str) -> None:
    with pytest.raises(SettingsError, match="there is no settings file"):
        read_toml(name)
