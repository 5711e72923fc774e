"""The module registry."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from src.common.errors import BODY_ERRORS, CHANGE_ERRORS, PATH_ERRORS, QUERY_ERRORS, problems
from src.common.etags import IfMatch, set_etag
from src.common.schemas import Page

from ..deps import MODULE_ACCESS, ChangeSession, ReadSession
from ..schemas import ModuleCreate, ModulePatch, ModuleQuery, ModuleRead
from ..services import modules

router = APIRouter(prefix="/modules", dependencies=[MODULE_ACCESS])


@router.post("", status_code=HTTPStatus.CREATED, responses={**BODY_ERRORS, **problems(HTTPStatus.CONFLICT)})
async def post_module(module: ModuleCreate, session: ChangeSession, request: Request, response: Response) -> ModuleRead:
    """Register a module; 409 where the name is taken."""
    entry = await modules.register_module(session, module=module)
    response.headers["Location"] = f"{request.url.path}/{entry.id}"
    return set_etag(response, entry)


@router.get("", responses=QUERY_ERRORS)
async def get_modules(session: ReadSession, query: Annotated[ModuleQuery, Query()]) -> Page[ModuleRead]:
    """List modules, oldest first unless `sort` says otherwise."""
    return await modules.list_modules(session, query=query)


@router.get("/{module_id}", responses=PATH_ERRORS)
async def get_module(module_id: UUID, session: ReadSession, response: Response) -> ModuleRead:
    """Return one module."""
    return set_etag(response, await modules.get_module(session, module_id=module_id))


@router.patch("/{module_id}", responses={**PATH_ERRORS, **BODY_ERRORS, **CHANGE_ERRORS})
async def patch_module(
    module_id: UUID, patch: ModulePatch, session: ChangeSession, versions: IfMatch, response: Response
) -> ModuleRead:
    """Change the fields that are sent."""
    entry = await modules.change_module(session, module_id=module_id, patch=patch, versions=versions)
    return set_etag(response, entry)


@router.delete("/{module_id}", status_code=HTTPStatus.NO_CONTENT, responses={**PATH_ERRORS, **CHANGE_ERRORS})
async def delete_module(module_id: UUID, session: ChangeSession, versions: IfMatch) -> None:
    """Remove a module from the registry."""
    await modules.remove_module(session, module_id=module_id, versions=versions)
