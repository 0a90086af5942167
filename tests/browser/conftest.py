import pytest
from people import ada, ben, nik, people  # noqa: F401
from person import Local


@pytest.fixture(scope="session")
def stack():
    stack = Local()
    yield stack
    stack.stop()
