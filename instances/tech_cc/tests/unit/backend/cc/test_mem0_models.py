import runpy

import pytest
from sqlalchemy import Table, inspect

from src.backend.cc import identity, mem0_models
from src.backend.cc.identity import MEM0_SCHEMA
from src.backend.cc.mem0_models import ScratchNote
from src.common.config import get_settings


def test_notes_live_in_the_scratch_schema() -> None:
    table = inspect(ScratchNote).local_table

    assert isinstance(table, Table)
    assert table.fullname == f"{MEM0_SCHEMA}.scratch_note"


def test_a_purge_finds_expired_notes_by_an_index() -> None:
    table = inspect(ScratchNote).local_table
    assert isinstance(table, Table)

    assert [[column.name for column in index.columns] for index in table.indexes] == [["expires_at"]]


def test_the_log_lives_in_the_scratch_schema_too() -> None:
    for name in ("BaseLog", "PromptTrace", "EventLog", "ConsumerCheckpoint"):
        assert getattr(mem0_models, name).__table__.schema == MEM0_SCHEMA


def test_what_a_record_links_goes_with_it() -> None:
    tables = (mem0_models.PromptTrace.__table__, mem0_models.EventLog.__table__)
    keys = [key for table in tables for key in table.foreign_keys]

    assert {(key.target_fullname, key.ondelete) for key in keys} == {(f"{MEM0_SCHEMA}.base_log.id", "CASCADE")}


def test_the_environment_names_the_scratch_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEM0_SCHEMA", "mem0_{module}_x")
    get_settings.cache_clear()

    names = runpy.run_path(identity.__file__)

    get_settings.cache_clear()
    assert names["MEM0_SCHEMA"] == "mem0_cc_x"
