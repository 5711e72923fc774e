"""The example of docs/consumers.md: a consumer that leaves a note for each module that is registered."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.cc.mem0_models import ScratchNote
from src.highway.cursor import StoredRecord
from src.highway.subscriber import TransactionalSubscriber


class WelcomeNotes(TransactionalSubscriber):
    """Leaves a scratch note for each module that is registered."""

    name = "welcome_notes"

    async def handle(self, record: StoredRecord, session: AsyncSession) -> None:
        """Add the note; it is committed together with the checkpoint."""
        for event in record.events:
            if event.event_type == "module.created":
                expires_at = datetime.now(UTC) + timedelta(days=1)
                session.add(ScratchNote(content={"welcome": event.payload["name"]}, expires_at=expires_at))
