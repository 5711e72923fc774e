"""The test of docs/consumers.md."""

from sqlalchemy import select

from integration.backend.cc.welcome_notes import WelcomeNotes
from integration.conftest import RunHighway
from src.backend.cc.mem0_models import LOG, ScratchNote
from src.highway.consumer import wait_until_caught_up
from src.l1.entries import Event
from src.l1.record import write_record


async def test_a_registered_module_is_welcomed(run_highway: RunHighway) -> None:
    async with run_highway(WelcomeNotes(), log=LOG) as running:
        async with running.highway.database.sessions() as session, session.begin():
            await write_record(session, LOG, [Event("module.created", {"name": "billing"})])

        await wait_until_caught_up(running.highway.consumers["cc.welcome_notes"])

        async with running.highway.database.sessions() as session:
            notes = (await session.scalars(select(ScratchNote.content))).all()
    assert notes == [{"welcome": "billing"}]
