"""Enter modules in the registry, change and remove their entries; each records itself in the same transaction."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from src.common.errors import ConflictError, NotFoundError
from src.common.tracing import traced

from .. import crud
from ..identity import MODULE
from ..models import Module
from ..schemas import ModuleCreate, ModulePatch
from .logging import Event, log_l1


class ModuleUnknownError(NotFoundError):
    problem_type: ClassVar[str] = "module-unknown"

    def __init__(self, *, module_id: UUID) -> None:
        super().__init__(f"There is no module {module_id}. List the modules at /{MODULE}/modules.")


class ModuleNameTakenError(ConflictError):
    problem_type: ClassVar[str] = "module-name-taken"

    def __init__(self, *, name: str) -> None:
        super().__init__(f"A module named {name} is registered already. Choose another name, or change that entry.")


@traced(layer="service")
async def register_module(session: AsyncSession, *, module: ModuleCreate) -> Module:
    """Return the new entry.

    Raises:
        ModuleNameTakenError: Another entry bears the name.
    """
    entry = await crud.insert_module(session, **module.model_dump())
    if entry is None:
        raise ModuleNameTakenError(name=module.name)
    await log_l1(session, Event("module.created", {"id": str(entry.id), **module.model_dump()}))
    return entry


@traced(layer="service")
async def get_module(session: AsyncSession, *, module_id: UUID) -> Module:
    """Return the entry.

    Raises:
        ModuleUnknownError: There is none of that id.
    """
    return _found(await crud.get_module(session, module_id=module_id), module_id=module_id)


@traced(layer="service")
async def change_module(session: AsyncSession, *, module_id: UUID, patch: ModulePatch) -> Module:
    """Return the entry with the fields of the patch that were sent.

    Raises:
        ModuleUnknownError: There is none of that id.
    """
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        return await get_module(session, module_id=module_id)
    entry = _found(await crud.update_module(session, module_id=module_id, **fields), module_id=module_id)
    await log_l1(session, Event("module.updated", {"id": str(entry.id), "name": entry.name, "changed": fields}))
    return entry


@traced(layer="service")
async def remove_module(session: AsyncSession, *, module_id: UUID) -> None:
    """Take the entry out of the registry.

    Raises:
        ModuleUnknownError: There is none of that id.
    """
    entry = _found(await crud.delete_module(session, module_id=module_id), module_id=module_id)
    await log_l1(session, Event("module.deleted", {"id": str(entry.id), "name": entry.name}))


def _found(entry: Module | None, *, module_id: UUID) -> Module:
    if entry is None:
        raise ModuleUnknownError(module_id=module_id)
    return entry
