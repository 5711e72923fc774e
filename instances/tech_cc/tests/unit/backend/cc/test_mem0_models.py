import os
import subprocess
import sys

from sqlalchemy import Table, inspect

from backend.cc.identity import MEM0_SCHEMA
from backend.cc.mem0_models import ScratchNote


def test_notes_live_in_the_scratch_schema() -> None:
    table = inspect(ScratchNote).local_table

    assert isinstance(table, Table)
    assert table.fullname == f"{MEM0_SCHEMA}.scratch_note"


def test_a_purge_finds_expired_notes_by_an_index() -> None:
    table = inspect(ScratchNote).local_table
    assert isinstance(table, Table)

    assert [[column.name for column in index.columns] for index in table.indexes] == [["expires_at"]]


def test_the_environment_names_the_scratch_schema() -> None:
    code = "from backend.cc.mem0_models import ScratchNote as N; print(N.__table__.schema)"
    environment = {**os.environ, "MEM0_SCHEMA": "mem0_{module}_x"}

    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "mem0_cc_x"
