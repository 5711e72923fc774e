from uuid import UUID

import pytest
from httpx2 import AsyncClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.cc.mem0_models import BaseLog, EventLog, PromptTrace

PATH = "/cc/test-log"


async def test_a_test_record_is_one_prompt_and_one_event(client: AsyncClient, mem0_db_session: AsyncSession) -> None:
    answer = await client.post(PATH, json={"message": "Is anybody there?"})

    assert answer.status_code == 200
    record_id = UUID(answer.json()["record_id"])
    prompts = (await mem0_db_session.scalars(select(PromptTrace).where(PromptTrace.base_log_id == record_id))).all()
    events = (await mem0_db_session.scalars(select(EventLog).where(EventLog.base_log_id == record_id))).all()
    assert [(prompt.role, prompt.content) for prompt in prompts] == [("user", "Is anybody there?")]
    assert [(event.event_type, event.payload) for event in events] == [
        ("debug.test_log", {"message": "Is anybody there?"})
    ]


async def test_an_empty_object_will_do(client: AsyncClient) -> None:
    assert (await client.post(PATH, json={})).status_code == 200


async def test_the_answer_and_the_record_name_the_same_ids(client: AsyncClient, mem0_db_session: AsyncSession) -> None:
    answer = (await client.post(PATH, json={})).json()

    base = await mem0_db_session.get_one(BaseLog, UUID(answer["record_id"]))
    assert (base.request_id, base.trace_id) == (answer["request_id"], answer["trace_id"])


@pytest.mark.parametrize("body", [{"message": 1}, {"message": "a\0"}, {"message": "x" * 1001}, {"other": ""}], ids=str)
async def test_a_test_record_that_breaks_a_rule_is_refused(
    client: AsyncClient, mem0_db_session: AsyncSession, body: dict[str, object]
) -> None:
    answer = await client.post(PATH, json=body)

    assert answer.status_code == 422
    assert (await mem0_db_session.scalars(select(BaseLog.id))).all() == []
