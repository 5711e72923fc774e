"""Add modules to the registry, change and remove them; each change is recorded by its own statement."""

from http import HTTPStatus
from typing import ClassVar
from uuid import UUID

from src.common.errors import ChangedMeanwhileError, ConflictError, NotFoundError, RefusalError
from src.common.schemas import Page, page_of
from src.common.tracing import traced
from src.db.autocommit import AnySession

from .. import crud
from ..identity import MODULE, VERSION
from ..schemas import ModuleCreate, ModulePatch, ModuleQuery, ModuleRead


class ModuleUnknownError(NotFoundError):
    problem_type: ClassVar[str] = "module-unknown"

    def __init__(self, *, module_id: UUID) -> None:
        super().__init__(f"There is no module {module_id}. List the modules at /{MODULE}/modules.")


class ModuleChangedError(ChangedMeanwhileError):
    problem_type: ClassVar[str] = "module-changed"

    def __init__(self, *, module_id: UUID) -> None:
        super().__init__(
            f"The module {module_id} was changed since you read it. Read it again, then repeat the change."
        )


class CursorError(RefusalError):
    problem_type: ClassVar[str] = "invalid-cursor"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNPROCESSABLE_ENTITY


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
async def list_modules(session: AnySession, *, query: ModuleQuery) -> Page[ModuleRead]:
    """Return a page of the entries.

    Raises:
        CursorError: `after` does not come from a list with this order.
    """
    by_name = query.sort.endswith("name")
    after = query.after if by_name or query.after is None else _id_of(query.after)
    filters = query.model_dump(include={"name", "version"}, exclude_none=True)
    entries = await crud.list_modules(session, sort=query.sort, after=after, limit=query.limit + 1, filters=filters)
    records = [ModuleRead.model_validate(entry) for entry in entries]
    return page_of(records, limit=query.limit, cursor="name" if by_name else "id")


@traced(layer="service")
async def get_module(session: AnySession, *, module_id: UUID) -> ModuleRead:
    """Return the entry.

    Raises:
        ModuleUnknownError: No entry has that id.
    """
    entry = await crud.get_module(session, module_id=module_id)
    if entry is None:
        raise ModuleUnknownError(module_id=module_id)
    return ModuleRead.model_validate(entry)


@traced(layer="service")
async def change_module(
    session: AnySession, *, module_id: UUID, patch: ModulePatch, versions: crud.Versions = None
) -> ModuleRead:
    """Return the entry with the fields of the patch that were sent.

    Raises:
        ModuleUnknownError: No entry has that id.
        ModuleChangedError: The entry is in none of the versions.
    """
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        entry = await get_module(session, module_id=module_id)
        if versions is not None and entry.updated_at not in versions:
            raise ModuleChangedError(module_id=module_id)
        return entry
    changed = await crud.update_module(session, module_id=module_id, fields=fields, versions=versions)
    if changed is None:
        raise await _reason(session, module_id=module_id, versions=versions)
    return ModuleRead.model_validate(changed)


@traced(layer="service")
async def remove_module(session: AnySession, *, module_id: UUID, versions: crud.Versions = None) -> None:
    """Remove the entry from the registry.

    Raises:
        ModuleUnknownError: No entry has that id.
        ModuleChangedError: The entry is in none of the versions.
    """
    if await crud.delete_module(session, module_id=module_id, versions=versions) is None:
        raise await _reason(session, module_id=module_id, versions=versions)


async def _reason(session: AnySession, *, module_id: UUID, versions: crud.Versions) -> RefusalError:
    """Return why a statement changed nothing: the entry is unknown, or in another version."""
    if versions is None or await crud.get_module(session, module_id=module_id) is None:
        return ModuleUnknownError(module_id=module_id)
    return ModuleChangedError(module_id=module_id)


def _id_of(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError:
        raise CursorError(
            "`after` is not from a list with this `sort`. Send `next_after` of the page before."
        ) from None
