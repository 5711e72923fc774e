"""Expected refusals and their one way out: application/problem+json (RFC 9457)."""

import json
import logging
import re
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from src.common.request_id_middleware import HEADER as REQUEST_ID_HEADER

log = logging.getLogger(__name__)


# What Starlette and FastAPI say in a word or two, as sentences.
SENTENCES = {
    HTTPStatus.BAD_REQUEST: "The body could not be read as JSON. Check that it is complete UTF-8 and not too deep.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address. /docs lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that method. `Allow` names the ones it takes.",
}
FAULT_LIMIT = 20
NAME_LIMIT = 100
TERSE = {"Not Found", "Method Not Allowed", "There was an error parsing the body"}


class RefusalError(Exception):
    """A request that is understood and declined; the message names the thing, the rule and the next step."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    headers: ClassVar[dict[str, str]] = {}


class NotFoundError(RefusalError):
    status = HTTPStatus.NOT_FOUND


class ConflictError(RefusalError):
    status = HTTPStatus.CONFLICT


class UnavailableError(RefusalError):
    """Something that the service needs is away; the same request may succeed soon."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class Fault(BaseModel):
    """One thing wrong with a request: where, and which rule it breaks."""

    at: list[str]
    rule: str


class Problem(BaseModel):
    """The body of every answer from 400 up."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    faults: list[Fault] = []


class ProblemResponse(JSONResponse):
    """A `Problem` on its way out."""

    media_type = "application/problem+json"

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        name: str = "",
        faults: list[Fault] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        problem = Problem(
            type=f"urn:cos:problem:{name}" if name else "about:blank",
            title=status.phrase,
            status=status,
            detail=detail,
            request_id=(headers or {}).get(REQUEST_ID_HEADER),
            faults=faults or [],
        )
        super().__init__(problem.model_dump(exclude_defaults=True), status, headers)

    def render(self, content: object) -> bytes:
        # ASCII: a lone surrogate in a field's name must not turn a 422 into a 500.
        return json.dumps(content).encode()


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI should say of these statuses, for `responses=` of a route, a router or the application."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        int(status): {"model": Problem, "description": status.phrase, "content": {ProblemResponse.media_type: schema}}
        for status in statuses
    }


OF_QUERY = problems(HTTPStatus.UNPROCESSABLE_ENTITY)
OF_PATH = problems(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
OF_BODY = problems(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def add_error_handlers(app: FastAPI) -> None:
    """Answer refusals, malformed requests and our own faults with a status and a sentence."""
    app.add_exception_handler(RefusalError, _decline)
    app.add_exception_handler(RequestValidationError, _explain)
    app.add_exception_handler(HTTPException, _restate)
    app.add_exception_handler(Exception, _apologise)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]  # FastAPI's documented way to change it


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return FastAPI's description, without the plain JSON that it documents beside every problem."""
    description = FastAPI.openapi(app)
    for operations in description["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                if ProblemResponse.media_type in response.get("content", {}):
                    response["content"].pop("application/json", None)
    return description


async def _decline(_request: Request, refusal: Exception) -> ProblemResponse:
    assert isinstance(refusal, RefusalError)
    if isinstance(refusal, UnavailableError):
        log.warning("%s", refusal, exc_info=refusal.__cause__)
    return ProblemResponse(refusal.status, str(refusal), name=_kebab(refusal), headers=refusal.headers)


async def _explain(request: Request, invalid: Exception) -> ProblemResponse:
    # Never echo the input: it may be NaN, a surrogate, or a secret. Field names are input too, and there may be
    # a megabyte of them.
    assert isinstance(invalid, RequestValidationError)
    faults = [
        Fault(at=[str(part)[:NAME_LIMIT] for part in fault["loc"]], rule=fault["msg"])
        for fault in invalid.errors()[:FAULT_LIMIT]
    ]
    body_alone_is_wrong = [fault.at for fault in faults] == [["body"]]
    if body_alone_is_wrong and not _is_json(request.headers.get("content-type", "")):
        detail = "The body is not labelled as JSON. Send it with `Content-Type: application/json`."
        return ProblemResponse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, name="not-json")
    detail = "The request breaks a rule of this route. Mend what `faults` lists; /docs describes the route."
    return ProblemResponse(HTTPStatus.UNPROCESSABLE_ENTITY, detail, name="invalid-request", faults=faults)


async def _restate(request: Request, plain: Exception) -> ProblemResponse:
    assert isinstance(plain, HTTPException)
    status, headers = HTTPStatus(plain.status_code), dict(plain.headers or {})
    detail = SENTENCES.get(status, plain.detail) if plain.detail in TERSE else plain.detail
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    return ProblemResponse(status, detail, headers=headers)


def _methods_of(request: Request) -> set[str]:
    """Return the methods of all routes at the request's path; Starlette itself names those of the first."""
    routes = iter_route_contexts(request.app.routes)
    at_path = (route for route in routes if route.path and compile_path(route.path)[0].match(request.scope["path"]))
    return {method for route in at_path for method in route.methods or ()}


async def _apologise(request: Request, _fault: Exception) -> ProblemResponse:
    # The server re-raises and logs the fault itself; the client learns nothing of it but the request's name. This
    # answer leaves outside of the middleware, which cannot echo the id here.
    detail = "The service failed, not the request. Try again later, and tell its keepers: their log says why."
    request_id = getattr(request.state, "request_id", None)
    headers = {REQUEST_ID_HEADER: request_id} if request_id else None
    return ProblemResponse(HTTPStatus.INTERNAL_SERVER_ERROR, detail, headers=headers)


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return re.fullmatch(r"application/([a-z0-9.-]+\+)?json", media_type) is not None


def _kebab(refusal: RefusalError) -> str:
    """`ModuleNameTakenError` is `module-name-taken` on the wire."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(refusal).__name__.removesuffix("Error")).lower()
