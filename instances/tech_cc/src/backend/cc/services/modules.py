"""Enter modules in the registry, change and remove their entries; each change is recorded by its own statement."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row

from src.common.errors import ConflictError, NotFoundError
from src.common.schemas import Page, page_of
from src.common.tracing import traced
from src.db.autocommit import AnySession

from .. import crud
from ..identity import MODULE, VERSION
from ..schemas import ModuleCreate, ModulePatch, ModuleRead


class ModuleUnknownError(NotFoundError):
    problem_type: ClassVar[str] = "module-unknown"

    def __init__(self, *, module_id: UUID) -> None:
        super().__init__(f"There is no module {module_id}. List the modules at /{MODULE}/modules.")


class ModuleNameTakenError(ConflictError):
    problem_type: ClassVar[str] = "module-name-taken"

    def __init__(self, *, name: str) -> None:
        super().__init__(f"A module named {name} is registered already. Choose another name, or change that entry.")


@traced(layer="service")
async def register_module(session: AnySession, *, module: ModuleCreate) -> ModuleRead:
    """Return the new entry.

    Raises:
        ModuleNameTakenError: Another entry has the name.
    """
    entry = await crud.insert_module(session, **module.model_dump())
    if entry is None:
        raise ModuleNameTakenError(name=module.name)
    return ModuleRead.model_validate(entry)


async def register_itself(session: AnySession) -> None:
    """Enter this module in its own registry; where the entry is new or has a new version, that is recorded."""
    await crud.register_module(session, name=MODULE, version=VERSION)


@traced(layer="service")
async def list_modules(session: AnySession, *, after: UUID | None, limit: int) -> Page[ModuleRead]:
    """Return a page of the entries, oldest first."""
    entries = await crud.list_modules(session, after=after, limit=limit + 1)
    return page_of([ModuleRead.model_validate(entry) for entry in entries], limit=limit)


@traced(layer="service")
async def get_module(session: AnySession, *, module_id: UUID) -> ModuleRead:
    """Return the entry.

    Raises:
        ModuleUnknownError: No entry has that id.
    """
    return _found(await crud.get_module(session, module_id=module_id), module_id=module_id)


@traced(layer="service")
async def change_module(session: AnySession, *, module_id: UUID, patch: ModulePatch) -> ModuleRead:
    """Return the entry with the fields of the patch that were sent.

    Raises:
        ModuleUnknownError: No entry has that id.
    """
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        return await get_module(session, module_id=module_id)
    return _found(await crud.update_module(session, module_id=module_id, fields=fields), module_id=module_id)


@traced(layer="service")
async def remove_module(session: AnySession, *, module_id: UUID) -> None:
    """Remove the entry from the registry.

    Raises:
        ModuleUnknownError: No entry has that id.
    """
    _found(await crud.delete_module(session, module_id=module_id), module_id=module_id)


def _found(entry: Row[Any] | None, *, module_id: UUID) -> ModuleRead:
    if entry is None:
        raise ModuleUnknownError(module_id=module_id)
    return ModuleRead.model_validate(entry)
