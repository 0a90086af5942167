"""Who works here: fixtures for every test with a `stack`."""

import pytest
from person import Person


@pytest.fixture(scope="session")
def people(stack):
    """One browser for each person, signed in when first asked for."""
    known = {}

    def person(login):
        if login not in known:
            known[login] = Person(stack, login).sign_in()
        return known[login]

    yield person
    for one in known.values():
        one.close()


@pytest.fixture(scope="session")
def ada(people):
    """An analyst."""
    return people("ada")


@pytest.fixture(scope="session")
def nik(people):
    """Has no role."""
    return people("nik")


@pytest.fixture(scope="session")
def ben(people):
    """An approver."""
    return people("ben")
