"""Every error answer of the service, as application/problem+json (RFC 9457)."""

import json
import logging
import re
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import Mount, compile_path
from starlette.staticfiles import StaticFiles

from src.common.request_id_middleware import HEADER as REQUEST_ID_HEADER

log = logging.getLogger(__name__)

# These replace the one or two words with which Starlette and FastAPI answer.
SENTENCES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "The body could not be read as JSON. Check that it is complete UTF-8 and not too deep.",
    HTTPStatus.NOT_FOUND: "There is no resource at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not support the method. `Allow` lists the supported methods.",
}
TERSE = {"Not Found", "Method Not Allowed", "There was an error parsing the body"}
UNEXPECTED = "The service failed because of a bug. Report the request id; the log has the cause."
STATUSES_WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED}
FAULT_LIMIT = 20
NAME_LIMIT = 100


class RefusalError(Exception):
    """An expected error; the message names the thing, the rule and the next step.

    Each class declares its `problem_type`, the stable name that clients see: `urn:cos:problem:<problem_type>`.
    """

    problem_type: ClassVar[str] = "refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    headers: ClassVar[dict[str, str]] = {}


class NotFoundError(RefusalError):
    problem_type = "not-found"
    status = HTTPStatus.NOT_FOUND


class ConflictError(RefusalError):
    problem_type = "conflict"
    status = HTTPStatus.CONFLICT


class ChangedMeanwhileError(RefusalError):
    """The resource is not in the version that `If-Match` names."""

    problem_type = "changed-meanwhile"
    status = HTTPStatus.PRECONDITION_FAILED


class UnavailableError(RefusalError):
    """A dependency of the service does not answer; the same request may succeed soon."""

    problem_type = "unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class Fault(BaseModel):
    """One invalid part of a request: its place, and the rule that it breaks."""

    at: list[str]
    rule: str


class Problem(BaseModel):
    """The body of every error answer."""

    type: str
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None
    faults: list[Fault] | None = None
    data: Any = None


class ProblemResponse(JSONResponse):
    """A `Problem` as a response."""

    media_type = "application/problem+json"

    def __init__(
        self,
        request: HTTPConnection,
        status: int,
        detail: str,
        *,
        problem_type: str = "",
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        problem = Problem(
            type=f"urn:cos:problem:{problem_type}" if problem_type else "about:blank",
            title=_title(status),
            status=status,
            detail=detail or None,
            request_id=getattr(request.state, "request_id", None),
            **members,
        )
        super().__init__(problem.model_dump(exclude_none=True), status, headers)

    def render(self, content: object) -> bytes:
        """Encode as ASCII, so that a lone surrogate in a field's name does not turn a 422 into a 500."""
        return json.dumps(content, default=str).encode()


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of these statuses, for `responses=` of a route, a router or the application."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        int(status): {"model": Problem, "description": status.phrase, "content": {ProblemResponse.media_type: schema}}
        for status in statuses
    }


CHANGE_ERRORS = problems(HTTPStatus.PRECONDITION_FAILED)
QUERY_ERRORS = problems(HTTPStatus.UNPROCESSABLE_ENTITY)
PATH_ERRORS = problems(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
BODY_ERRORS = problems(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception that leaves a route with a problem document."""
    app.add_exception_handler(RefusalError, handle_refusal)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(HTTPException, handle_http_exception)
    app.add_exception_handler(Exception, handle_unexpected_error)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]  # FastAPI's documented way to change it


async def handle_refusal(request: HTTPConnection, refusal: Exception) -> ProblemResponse:
    """Answer with the refusal's status and message; log an outage in one line, with its cause."""
    assert isinstance(refusal, RefusalError)
    if isinstance(refusal, UnavailableError):
        log.warning("%s", describe_outage(refusal))
    return ProblemResponse(
        request, refusal.status, str(refusal), problem_type=refusal.problem_type, headers=refusal.headers
    )


async def handle_validation_error(request: Request, invalid: Exception) -> ProblemResponse:
    """Answer 422 with the place and the rule of each fault, or 415 for a body that is not labelled as JSON."""
    # Never repeat the input: it may be NaN, a surrogate, or a secret. Field names are input too, and may be long.
    assert isinstance(invalid, RequestValidationError)
    faults = [
        Fault(at=[str(part)[:NAME_LIMIT] for part in fault["loc"]], rule=fault["msg"])
        for fault in invalid.errors()[:FAULT_LIMIT]
    ]
    body_alone_is_wrong = [fault.at for fault in faults] == [["body"]]
    if body_alone_is_wrong and not is_json(request.headers.get("content-type", "")):
        detail = "The body is not labelled as JSON. Send it with `Content-Type: application/json`."
        return ProblemResponse(request, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, problem_type="not-json")
    detail = "The request breaks a rule of this route. `faults` lists what to correct."
    detail += " /docs describes the route." if request.app.docs_url else ""
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return ProblemResponse(request, status, detail, problem_type="invalid-request", faults=faults)


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Answer with the exception's own status, headers and detail.

    A detail that is a sentence is the problem's `detail`; any other detail is its `data`.
    """
    assert isinstance(error, HTTPException)
    status, headers, given = error.status_code, dict(error.headers or {}), _given_detail(error)
    if status == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods_at(request)):
        headers["Allow"] = ", ".join(sorted(methods))
    if status < HTTPStatus.OK or status in STATUSES_WITHOUT_BODY:
        return Response(status_code=status, headers=headers)
    if not isinstance(given, str):
        return ProblemResponse(request, status, "", headers=headers, data=given)
    detail = SENTENCES.get(status, given) if given in TERSE else given
    if detail == SENTENCES[HTTPStatus.NOT_FOUND] and request.app.docs_url:
        detail += " /docs lists all addresses."
    return ProblemResponse(request, status, detail, headers=headers)


async def handle_unexpected_error(request: Request, _error: Exception) -> ProblemResponse:
    """Answer 500 without the cause. Starlette raises the error again after this, and the server logs it once."""
    # This response does not pass through the middleware that adds the id's header to all others.
    request_id = getattr(request.state, "request_id", None)
    headers = {REQUEST_ID_HEADER: request_id} if request_id else None
    return ProblemResponse(request, HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED, headers=headers)


def describe_outage(outage: UnavailableError) -> str:
    """Return the message and its first cause in one line; a traceback says nothing more about a lost connection."""
    cause: BaseException = outage
    while cause.__cause__:
        cause = cause.__cause__
    return (
        str(outage) if cause is outage else f"{outage} Cause: {type(cause).__name__}: {str(cause).partition('\n')[0]}"
    )


def is_json(content_type: str) -> bool:
    """Return whether FastAPI reads a body of this type as JSON."""
    media_type = content_type.partition(";")[0].strip().lower()
    return re.fullmatch(r"application/([a-z0-9.-]+\+)?json", media_type) is not None


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return FastAPI's description without the `application/json` that it adds to every problem."""
    description = FastAPI.openapi(app)
    for operations in description["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                if ProblemResponse.media_type in response.get("content", {}):
                    response["content"].pop("application/json", None)
    return description


def _title(status: int) -> str:
    """Return the standard phrase of a status, or the name of its class where it has no phrase."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return {4: "Client Error", 5: "Server Error"}.get(status // 100, "Error")


def _given_detail(error: HTTPException) -> Any:
    """Return the exception's detail; FastAPI allows any JSON value, Starlette declares a string."""
    return error.detail


def _methods_at(request: Request) -> set[str]:
    """Return the methods of all routes at the request's path; Starlette itself returns those of the first route."""
    path = request.scope["path"]
    contexts = iter_route_contexts(request.app.routes)
    at_path = [route for route in contexts if route.path and compile_path(route.path)[0].match(path)]
    methods = {method for route in at_path for method in route.methods or ()}
    mounts = [route for route in request.app.routes if isinstance(route, Mount) and route.path_regex.match(path)]
    if any(isinstance(mount.app, StaticFiles) for mount in mounts):
        methods |= {"GET", "HEAD"}
    return methods
