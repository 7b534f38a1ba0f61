"""The place of training data and weights: a folder, or an address that pyarrow reaches."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from coterie.content.storage import Place
from coterie.errors import UserError
from coterie.pipeline.content_inputs import storage_of


@pytest.mark.parametrize("address", ["{}/kept", "file:{}/kept", "file://{}/kept"])
def test_what_is_written_at_a_folder_or_an_address_lies_there(tmp_path: Path, address: str) -> None:
    place = Place(address.format(tmp_path))
    place.write("note", b"bytes")
    assert (place.read("note"), (tmp_path / "kept" / "note").read_bytes()) == (b"bytes", b"bytes")


def test_an_address_that_nothing_reaches_is_no_local_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="'dbfs:/kept' is no address that pyarrow reaches"):
        Place("dbfs:/kept").write("note", b"bytes")
    assert list(tmp_path.iterdir()) == []


def test_lakes_at_one_storage_share_weights_and_nothing_else() -> None:
    def asked(lake: str, storage: str) -> SimpleNamespace:
        return SimpleNamespace(lake=SimpleNamespace(place=lake, is_catalog=False), settings=SimpleNamespace(content=SimpleNamespace(storage=storage)))

    one, same, other = (storage_of(asked(lake, "s3://bucket/kept/")) for lake in ("/lakes/one", "/lakes/one", "/lakes/other"))
    assert one == same
    assert one.models == other.models == "s3://bucket/kept/models"
    assert one.own != other.own
    assert one.own.startswith("s3://bucket/kept/lake-")
    assert storage_of(asked("/lakes/one", "")).own == "/lakes/one/_content"
