"""A resource: a Python function that returns a document, described by the YAML file of the same name."""

import logging
from typing import Any, Final

from mcp.server.mcpserver.exceptions import ResourceError
from mcp.server.mcpserver.resources import FunctionResource, Resource
from pydantic import BaseModel

from src.common.errors import RefusalError, UnavailableError, describe_outage
from src.mcp_host.call import ModuleHost, reading
from src.mcp_host.descriptions import ResourceDescription, folder_of, names_in, read_description
from src.mcp_host.tools import function_of

SCHEME: Final = "cos"

log = logging.getLogger(__name__)


def load_resources(host: ModuleHost) -> list[Resource]:
    """Return the resources of a module.

    Raises:
        DescriptionError: A file is missing, or a description is wrong.
    """
    package = f"{host.package}.resources"
    return [load_resource(host, package, name) for name in names_in(folder_of(package), ".py")]


def load_resource(host: ModuleHost, package: str, name: str) -> Resource:
    """Return the resource of this name: the function `name` in `name.py`, described by `name.yml`."""
    described = read_description(folder_of(package) / f"{name}.yml", ResourceDescription)
    function = function_of(package, name)

    async def read() -> Any:
        try:
            async with reading(host) as call:
                document = await function(call)
        except RefusalError as refusal:
            if isinstance(refusal, UnavailableError):
                log.warning("%s", describe_outage(refusal))
            raise ResourceError(str(refusal)) from None
        return document.model_dump_json(by_alias=True) if isinstance(document, BaseModel) else document

    return FunctionResource(
        fn=read,
        uri=uri_of(host.module, described),
        name=name,
        title=described.title,
        description=described.description.strip(),
        mime_type=described.mime_type,
    )


def uri_of(module: str, described: ResourceDescription) -> str:
    """Return the address of a resource, such as `cos://seats/schema`."""
    return f"{SCHEME}://{module}/{described.path}"
