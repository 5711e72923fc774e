"""Enter modules in the registry, change and remove their entries."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from common.errors import ConflictError, NotFoundError
from common.tracing import traced

from .. import crud
from ..identity import MODULE
from ..models import Module
from ..schemas import ModuleCreate, ModulePatch


class ModuleUnknownError(NotFoundError):
    def __init__(self, *, module_id: UUID) -> None:
        super().__init__(f"There is no module {module_id}. List the modules at /{MODULE}/modules.")


class ModuleNameTakenError(ConflictError):
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
    return _found(await crud.update_module(session, module_id=module_id, **fields), module_id=module_id)


@traced(layer="service")
async def remove_module(session: AsyncSession, *, module_id: UUID) -> None:
    """Take the entry out of the registry.

    Raises:
        ModuleUnknownError: There is none of that id.
    """
    if not await crud.delete_module(session, module_id=module_id):
        raise ModuleUnknownError(module_id=module_id)


def _found(entry: Module | None, *, module_id: UUID) -> Module:
    if entry is None:
        raise ModuleUnknownError(module_id=module_id)
    return entry
