"""The graph over HTTP: nodes, neighbours, the story of a request, counts. Nothing here changes it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field

from src.common.errors import PATH_ERRORS, problems
from src.common.schemas import StorableText
from src.graph.base import NOT_CONFIGURED, GraphUnavailableError
from src.graph.models import RECORD_ID_LIMIT
from src.graph.queries import (
    DEPTH_LIMIT,
    LIMIT,
    STORY_LIMIT,
    Counts,
    GraphNode,
    GraphQueries,
    Neighbourhood,
    NodePage,
    Story,
)

REFUSALS = problems(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE)
router = APIRouter(prefix="/graph", tags=["graph"], responses=REFUSALS)


def get_graph_queries(request: Request) -> GraphQueries:
    """Return the graph's queries, as a dependency.

    Raises:
        GraphUnavailableError: No graph is configured.
    """
    queries: GraphQueries | None = getattr(request.app.state, "graph_queries", None)
    if queries is None:
        raise GraphUnavailableError(NOT_CONFIGURED)
    return queries


Queries = Annotated[GraphQueries, Depends(get_graph_queries)]
Id = Annotated[StorableText, Field(min_length=1, max_length=RECORD_ID_LIMIT)]
Type = Annotated[StorableText, Path(max_length=63, description="A type of nodes, such as Event.")]
RecordId = Annotated[Id, Path(description="The node's `rec_id`.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT, description="Nodes at most.")]
Module = Annotated[Id | None, Query(description="The label of a module, such as `domain_module`; default: all.")]
After = Annotated[
    Annotated[StorableText, Field(max_length=RECORD_ID_LIMIT)], Query(description="`next_after` of the page before.")
]


@router.get("/counts")
async def get_counts(queries: Queries) -> Counts:
    """Return the number of nodes by type and by module."""
    return await queries.counts()


@router.get("/nodes/{type_}", responses=PATH_ERRORS)
async def get_nodes(
    type_: Type, queries: Queries, module: Module = None, after: After = "", limit: Limit = 20
) -> NodePage:
    """List the nodes of a type, in all modules or in one."""
    return await queries.nodes(type_, module=module, after=after, limit=limit)


@router.get("/nodes/{type_}/{rec_id}", responses=PATH_ERRORS)
async def get_node(type_: Type, rec_id: RecordId, queries: Queries) -> GraphNode:
    """Return one node."""
    return await queries.node(type_, rec_id)


@router.get("/nodes/{type_}/{rec_id}/neighbours", responses=PATH_ERRORS)
async def get_neighbours(
    type_: Type,
    rec_id: RecordId,
    queries: Queries,
    depth: Annotated[int, Query(ge=1, le=DEPTH_LIMIT, description="Steps away at most.")] = 1,
    limit: Limit = 20,
) -> Neighbourhood:
    """Return the nodes around a node, nearest first."""
    return await queries.neighbours(type_, rec_id, depth=depth, limit=limit)


@router.get("/requests/{request_id}", responses=PATH_ERRORS)
async def get_story(
    request_id: Annotated[Id, Path(description="The request's id, as `X-Request-ID` has it.")],
    queries: Queries,
    limit: Annotated[int, Query(ge=1, le=STORY_LIMIT)] = 100,
) -> Story:
    """Return what happened in a request, in all modules, oldest first."""
    return await queries.story(request_id, limit=limit)


@router.get("/modules-of/{id_}", responses=PATH_ERRORS)
async def get_modules_of(
    id_: Annotated[Id, Path(description="The id of a request or of an entity.")], queries: Queries
) -> dict[str, int]:
    """Return which modules recorded something in a request or about an entity, and how many entries."""
    return await queries.modules_of(id_)
