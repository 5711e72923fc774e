"""Use each kind of route through the generated client; `tools/client.py` checks the types of this file with it.

python try_client.py http://127.0.0.1:8000 TOKEN
"""

import asyncio
import sys
from http import HTTPStatus
from uuid import UUID, uuid4

from cos_client import AuthenticatedClient, Client
from cos_client.api.cc import (
    delete_module,
    get_health_summary,
    get_module,
    get_modules,
    patch_module,
    post_module,
    post_scratch_note,
    post_test_log,
)
from cos_client.api.health import get_readiness
from cos_client.models import (
    GetModulesSort,
    ModuleCreate,
    ModulePatch,
    ModuleRead,
    PageModuleRead,
    Problem,
    Readiness,
    ScratchNoteCreate,
    ScratchNoteCreateContent,
    ScratchNoteRead,
    SystemHealth,
    TestLog,
    TestLogRead,
)


def try_modules(client: AuthenticatedClient) -> None:
    """Create, read, list, change and delete an entry; see refusals as problems with their fields."""
    body = ModuleCreate(name=f"billing_{uuid4().hex[:12]}", version="1")
    created = post_module.sync(client=client, body=body)
    assert isinstance(created, ModuleRead)
    assert isinstance(created.id, UUID)

    refused = post_module.sync_detailed(client=client, body=body)
    assert refused.status_code == HTTPStatus.CONFLICT
    assert isinstance(refused.parsed, Problem)
    assert body.name in str(refused.parsed.detail)

    found = get_module.sync_detailed(created.id, client=client)
    assert found.parsed == created
    page = get_modules.sync(client=client, limit=1, sort=GetModulesSort.VALUE_1)
    assert isinstance(page, PageModuleRead)
    assert len(page.items) == 1

    change, version = ModulePatch(version="2"), found.headers["etag"]
    changed = patch_module.sync(created.id, client=client, body=change, if_match=version)
    assert isinstance(changed, ModuleRead)
    assert changed.version == "2"
    late = patch_module.sync_detailed(created.id, client=client, body=change, if_match=version)
    assert late.status_code == HTTPStatus.PRECONDITION_FAILED
    assert delete_module.sync_detailed(created.id, client=client).status_code == HTTPStatus.NO_CONTENT
    assert isinstance(get_module.sync(created.id, client=client), Problem)


def try_refusal(client: AuthenticatedClient) -> None:
    """A token that the service does not know is a problem as well."""
    refused = get_modules.sync_detailed(client=client)
    assert refused.status_code == HTTPStatus.UNAUTHORIZED
    assert isinstance(refused.parsed, Problem)


def try_other_routes(client: AuthenticatedClient) -> None:
    """Send free JSON and nothing, and read answers with nested models."""
    content = ScratchNoteCreateContent.from_dict({"seats": [1, 2]})
    note = post_scratch_note.sync(client=client, body=ScratchNoteCreate(content=content))
    assert isinstance(note, ScratchNoteRead)
    assert note.content.to_dict() == {"seats": [1, 2]}
    assert isinstance(get_health_summary.sync(client=client), SystemHealth)
    assert isinstance(post_test_log.sync(client=client, body=TestLog()), TestLogRead)


async def try_open_route(client: Client) -> None:
    """Read without a token, with the asynchronous half of the client."""
    readiness = await get_readiness.asyncio(client=client)
    assert isinstance(readiness, Readiness)
    assert readiness.dependencies["postgres"].status == "up"


if __name__ == "__main__":
    url, token = sys.argv[1:]
    service = AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)
    try_refusal(AuthenticatedClient(base_url=url, token=token[::-1], raise_on_unexpected_status=True))
    try_modules(service)
    try_other_routes(service)
    asyncio.run(try_open_route(Client(base_url=url, raise_on_unexpected_status=True)))
    print("The generated client works.")
