"""Write a test record."""

from sqlalchemy.ext.asyncio import AsyncSession

from src.common.request_id_middleware import current_request_id
from src.common.tracing import current_trace_id, span

from ..schemas import TestLog, TestLogRead
from .logging import Event, Prompt, log_l1


async def write_test_log(session: AsyncSession, *, test_log: TestLog) -> TestLogRead:
    """Return the ids of a record of one prompt and one event."""
    with span("write_test_log", layer="service"):
        prompt = Prompt("user", test_log.message, tokens_in=len(test_log.message.split()), tokens_out=0)
        event = Event("debug.test_log", {"message": test_log.message})
        record_id = await log_l1(session, prompt, event)
        return TestLogRead(record_id=record_id, request_id=current_request_id(), trace_id=current_trace_id())
