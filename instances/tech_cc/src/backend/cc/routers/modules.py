"""The module registry."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request, Response

from src.common.errors import BODY_ERRORS, PATH_ERRORS, QUERY_ERRORS, problems
from src.common.schemas import Page, PageAfter, PageLimit

from ..deps import MODULE_ACCESS, ChangeSession, ReadSession
from ..schemas import ModuleCreate, ModulePatch, ModuleRead
from ..services import modules

router = APIRouter(prefix="/modules", dependencies=[MODULE_ACCESS])


@router.post("", status_code=HTTPStatus.CREATED, responses={**BODY_ERRORS, **problems(HTTPStatus.CONFLICT)})
async def post_module(module: ModuleCreate, session: ChangeSession, request: Request, response: Response) -> ModuleRead:
    """Register a module; 409 where the name is taken."""
    entry = await modules.register_module(session, module=module)
    response.headers["Location"] = f"{request.url.path}/{entry.id}"
    return entry


@router.get("", responses=QUERY_ERRORS)
async def get_modules(session: ReadSession, limit: PageLimit = 20, after: PageAfter = None) -> Page[ModuleRead]:
    """List modules, oldest first."""
    return await modules.list_modules(session, after=after, limit=limit)


@router.get("/{module_id}", responses=PATH_ERRORS)
async def get_module(module_id: UUID, session: ReadSession) -> ModuleRead:
    """Return one module."""
    return await modules.get_module(session, module_id=module_id)


@router.patch("/{module_id}", responses={**PATH_ERRORS, **BODY_ERRORS})
async def patch_module(module_id: UUID, patch: ModulePatch, session: ChangeSession) -> ModuleRead:
    """Change the fields that are sent."""
    return await modules.change_module(session, module_id=module_id, patch=patch)


@router.delete("/{module_id}", status_code=HTTPStatus.NO_CONTENT, responses=PATH_ERRORS)
async def delete_module(module_id: UUID, session: ChangeSession) -> None:
    """Remove a module from the registry."""
    await modules.remove_module(session, module_id=module_id)
