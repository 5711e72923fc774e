"""A route for developers, which writes a test record; not mounted in production."""

from fastapi import APIRouter

from src.common.errors import BODY_ERRORS

from ..deps import MODULE_ACCESS, DbSession
from ..schemas import TestLog, TestLogRead
from ..services.debug import write_test_log

router = APIRouter(dependencies=[MODULE_ACCESS])


@router.post("/test-log", responses=BODY_ERRORS)
async def post_test_log(test_log: TestLog, session: DbSession) -> TestLogRead:
    """Write one prompt and one event to L1, and return the ids of the record."""
    return await write_test_log(session, test_log=test_log)
