"""One stack for all tests of a run: deploying it takes longer than any of them."""

import pytest
from desk import open_desk
from world import World


@pytest.fixture(scope="session")
def world():
    world = World()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def desk(world):
    return open_desk(world)
