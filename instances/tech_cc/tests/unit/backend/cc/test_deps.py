from typing import get_args

from src.backend.cc import deps
from src.db.connection import get_db_session


def test_routes_get_the_session_of_the_host() -> None:
    assert deps.get_db_session is get_db_session


def test_a_session_commits_before_the_answer_is_sent() -> None:
    _session, depends = get_args(deps.DbSession)

    assert depends.dependency is get_db_session
    assert depends.scope == "function"
