"""SQL of the slice, and nothing else."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from .mem0_models import ScratchNote
from .models import HealthStatus, Module

RELOAD = {"populate_existing": True}  # what a statement returns replaces what the session remembers
WORST_FIRST = case({"unhealthy": 0, "degraded": 1}, value=HealthStatus.status, else_=2)
IS_ALIVE = ScratchNote.expires_at > func.now()


async def insert_module(session: AsyncSession, **columns: Any) -> Module | None:
    """Return the new entry, or None where the name is taken."""
    fresh = insert(Module).values(**columns).on_conflict_do_nothing(index_elements=[Module.name]).returning(Module)
    return (await session.scalars(fresh)).one_or_none()


async def get_module(session: AsyncSession, *, module_id: UUID) -> Module | None:
    """Return the entry."""
    return await session.get(Module, module_id)


async def list_modules(session: AsyncSession, *, after: UUID | None, limit: int) -> Sequence[Module]:
    """Return entries in the order in which they were made, from behind the one of the id `after`."""
    modules = select(Module).order_by(Module.id).limit(limit)
    return (await session.scalars(modules if after is None else modules.where(Module.id > after))).all()


async def update_module(session: AsyncSession, *, module_id: UUID, **columns: Any) -> Module | None:
    """Return the entry with new values in the given columns."""
    changed = update(Module).where(Module.id == module_id).values(**columns).returning(Module)
    return (await session.scalars(changed, execution_options=RELOAD)).one_or_none()


async def delete_module(session: AsyncSession, *, module_id: UUID) -> Module | None:
    """Return the entry that is gone now."""
    gone = delete(Module).where(Module.id == module_id).returning(Module)
    return (await session.scalars(gone)).one_or_none()


async def upsert_health_status(
    session: AsyncSession, *, component: str, status: str, detail: str | None
) -> HealthStatus:
    """Return the component's report, which replaces its last one."""
    report = insert(HealthStatus).values(component=component, status=status, detail=detail)
    newest = report.on_conflict_do_update(
        index_elements=[HealthStatus.component],
        set_={"status": status, "detail": detail, "reported_at": func.now(), "updated_at": func.now()},
    ).returning(HealthStatus)
    return (await session.scalars(newest, execution_options=RELOAD)).one()


async def get_health_status(session: AsyncSession, *, component: str) -> HealthStatus | None:
    """Return what a component last reported."""
    return (await session.scalars(select(HealthStatus).where(HealthStatus.component == component))).one_or_none()


async def get_system_health(session: AsyncSession, *, limit: int) -> Sequence[HealthStatus]:
    """Return the reports of all components, worst first, then by name."""
    reports = select(HealthStatus).order_by(WORST_FIRST, HealthStatus.component).limit(limit)
    return (await session.scalars(reports)).all()


async def delete_health_status(session: AsyncSession, *, component: str) -> bool:
    """Say whether the component had reported anything."""
    gone = delete(HealthStatus).where(HealthStatus.component == component).returning(HealthStatus.id)
    return (await session.scalars(gone)).one_or_none() is not None


async def insert_scratch_note(session: AsyncSession, *, content: dict[str, Any], lifetime: timedelta) -> ScratchNote:
    """Return the new note."""
    fresh = insert(ScratchNote).values(content=content, expires_at=func.now() + lifetime).returning(ScratchNote)
    return (await session.scalars(fresh)).one()


async def get_scratch_note(session: AsyncSession, *, note_id: UUID) -> ScratchNote | None:
    """Return the note unless it has expired."""
    note = select(ScratchNote).where(ScratchNote.id == note_id, IS_ALIVE)
    return (await session.scalars(note)).one_or_none()


async def update_scratch_note(
    session: AsyncSession, *, note_id: UUID, content: dict[str, Any] | None, lifetime: timedelta | None
) -> ScratchNote | None:
    """Return the note with new content, a new lifetime from now, or both, unless it has expired."""
    changed = update(ScratchNote).where(ScratchNote.id == note_id, IS_ALIVE).returning(ScratchNote)
    if content is not None:
        changed = changed.values(content=content)
    if lifetime is not None:
        changed = changed.values(expires_at=func.now() + lifetime)
    return (await session.scalars(changed, execution_options=RELOAD)).one_or_none()


async def list_scratch_notes(session: AsyncSession, *, after: UUID | None, limit: int) -> Sequence[ScratchNote]:
    """Return notes that have not expired, in the order in which they were made, from behind the id `after`."""
    notes = select(ScratchNote).where(IS_ALIVE).order_by(ScratchNote.id).limit(limit)
    return (await session.scalars(notes if after is None else notes.where(ScratchNote.id > after))).all()


async def delete_scratch_note(session: AsyncSession, *, note_id: UUID) -> bool:
    """Say whether there was such a note; an expired one counts as gone."""
    gone = delete(ScratchNote).where(ScratchNote.id == note_id, IS_ALIVE)
    return (await session.scalars(gone.returning(ScratchNote.id))).one_or_none() is not None


async def delete_expired_scratch_notes(session: AsyncSession, *, limit: int) -> int:
    """Return how many expired notes went, oldest first, at most `limit`; two purges at once share the work."""
    expired = select(ScratchNote.id).where(~IS_ALIVE).order_by(ScratchNote.expires_at)
    batch = expired.limit(limit).with_for_update(skip_locked=True)
    gone = delete(ScratchNote).where(ScratchNote.id.in_(batch)).returning(ScratchNote.id)
    return len((await session.scalars(gone)).all())
