"""What the cluster's tests share; plain pytest leaves them out, since each starts a cluster and takes minutes."""

from collections.abc import Iterator

import pytest
from tests.cluster.standalone import Standalone
from tests.end_to_end.conftest import demo

__all__ = ["cluster", "demo"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with Standalone(tmp_path_factory.mktemp("standalone")) as one:
        yield one
