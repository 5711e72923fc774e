import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import highway as script
from integration.conftest import RunHighway
from integration.highway.conftest import Collector, Picky, record_events
from src.common.config import Settings
from src.common.errors import ConflictError, NotFoundError
from src.db.connection import Database
from src.highway.consumer import wait_until_caught_up
from src.highway.control import Control, NoSuchConsumerError
from src.highway.cursor import BEGINNING
from src.highway.subscriber import AnySubscriber
from src.l1.entries import Log


@pytest.fixture
def picky(log: Log) -> str:
    """The full name of a consumer."""
    return f"{log.module}.picky"


def control(database: Database, settings: Settings, log: Log, *subscribers: AnySubscriber) -> Control:
    return Control(settings, database, logs=[log], subscribers=[(log, each) for each in subscribers])


@pytest.fixture
async def consumers_control(
    run_highway: RunHighway, committing_settings: Settings, committing_database: Database, log: Log
) -> AsyncIterator[Control]:
    """Control over a consumer that has one dead letter, and has handled a record before and after it."""
    async with run_highway(Picky()) as running:
        await record_events(running.highway.database, log, "a", "poison", "b")
        await wait_until_caught_up(running.highway.consumers[f"{log.module}.picky"])
        yield control(committing_database, committing_settings, log, Picky())


async def test_status_shows_checkpoint_lag_leader_and_dead_letters(consumers_control: Control, picky: str) -> None:
    (status,) = await consumers_control.status()

    assert (f"{status.module}.{status.consumer}", status.is_in_code, status.dead_letters) == (picky, True, 1)
    assert (status.lag_records, status.lag_seconds) == (0, 0.0)
    assert status.leader
    assert status.xid


async def test_a_consumer_that_has_never_run_is_in_the_status(
    committing_settings: Settings, committing_database: Database, log: Log
) -> None:
    (status,) = await control(committing_database, committing_settings, log, Collector()).status()

    assert (status.consumer, status.xid, status.leader) == ("collector", None, None)


async def test_a_dead_letter_is_replayed_once_its_cause_is_corrected(
    consumers_control: Control, committing_settings: Settings, committing_database: Database, log: Log, picky: str
) -> None:
    (letter,) = await consumers_control.dead_letters(picky)
    failed = await consumers_control.replay(picky)
    corrected = Picky()
    corrected.poison = "nothing"

    replay = await control(committing_database, committing_settings, log, corrected).replay(picky, letter.record_id)

    assert failed.failed == {letter.record_id: "ValueError: I cannot read this"}
    assert (replay.handled, corrected.ids) == ([letter.record_id], [letter.record_id])
    assert await consumers_control.dead_letters() == []


async def test_a_dead_letter_that_is_not_there_is_not_replayed(consumers_control: Control, picky: str) -> None:
    with pytest.raises(NotFoundError, match="has no dead letter"):
        await consumers_control.replay(picky, uuid4())


async def test_an_unknown_consumer_is_refused_with_those_that_are_known(consumers_control: Control, picky: str) -> None:
    for name in (f"{picky}y", "picky", "other.picky"):
        with pytest.raises(NoSuchConsumerError, match=f"known: {picky}"):
            await consumers_control.replay(name)
        with pytest.raises(NoSuchConsumerError):
            await consumers_control.skip(name)


async def test_the_record_that_blocks_a_consumer_is_skipped(
    committing_settings: Settings, committing_database: Database, session: AsyncSession, log: Log, picky: str
) -> None:
    first, _second = await record_events(committing_database, log, "a", "b")
    await session.execute(text(f"INSERT INTO {log.schema}.consumer_checkpoint (consumer) VALUES ('picky')"))
    await session.commit()
    consumers_control = control(committing_database, committing_settings, log, Picky())

    assert await consumers_control.skip(picky) == first

    (status,) = await consumers_control.status()
    (letter,) = await consumers_control.dead_letters(picky)
    assert (status.lag_records, letter.record_id, letter.reason) == (1, first, "skipped by hand")


async def test_with_nothing_to_read_nothing_is_skipped(consumers_control: Control, picky: str) -> None:
    with pytest.raises(NotFoundError, match="has no record to skip"):
        await consumers_control.skip(picky)


async def test_a_reset_makes_a_running_consumer_handle_the_log_again(run_highway: RunHighway, log: Log) -> None:
    collector = Collector()
    async with run_highway(collector) as running:
        consumer = running.highway.consumers[f"{log.module}.collector"]
        ids = await record_events(running.highway.database, log, "a", "b")
        await wait_until_caught_up(consumer)
        consumers_control = control(running.highway.database, running.settings, log, collector)

        assert await consumers_control.reset(consumer.full_name, to="beginning") == BEGINNING
        await wait_until_caught_up(consumer)

        assert await consumers_control.reset(consumer.full_name, to="end") != BEGINNING

    assert collector.ids == ids * 2


async def test_a_consumer_is_forgotten_only_when_the_code_no_longer_has_it(
    consumers_control: Control, committing_settings: Settings, committing_database: Database, log: Log, picky: str
) -> None:
    with pytest.raises(ConflictError, match="still has"):
        await consumers_control.forget(picky)
    without_it = control(committing_database, committing_settings, log)
    (status,) = await without_it.status()

    await without_it.forget(picky)

    assert not status.is_in_code
    assert await without_it.status() == []
    assert await without_it.dead_letters() == []


@pytest.mark.usefixtures("consumers_control")
async def test_the_script_prints_a_table_or_json(
    committing_settings: Settings, picky: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["status"], ["status", "--json"]):
        assert await script.run(script.parse(arguments), committing_settings) == 0
    table, _, document = capsys.readouterr().out.partition("\n{")

    assert f"{picky} (not in the code)  0    -" in table
    assert "ValueError: I cannot read this" in table
    assert "redis: absent" in table
    assert json.loads("{" + document)["consumers"][0]["dead_letters"] == 1


@pytest.mark.usefixtures("consumers_control")
async def test_the_script_forgets_a_consumer(
    committing_settings: Settings, picky: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await script.run(script.parse(["reset", picky, "--to", "end"]), committing_settings) == 0
    assert await script.run(script.parse(["forget", picky, "--json"]), committing_settings) == 0
    assert await script.run(script.parse(["status"]), committing_settings) == 0

    out = capsys.readouterr().out
    assert out.startswith(f"{picky} begins at the end\n{{")
    assert "No module has a consumer yet." in out
