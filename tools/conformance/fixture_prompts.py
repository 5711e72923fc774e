"""Prompts, resources and completions that the conformance suite asks for, and the requests of 2025-11-25 about them."""

import base64
import json
from typing import Any

from fixture_tools import PNG, ask, elicited
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    Completion,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)


def describe_prompts_and_resources(server: MCPServer[Any]) -> None:
    """Add what the suite asks for beside tools."""
    server.resource("test://static-text", mime_type="text/plain")(static_text)
    server.resource("test://static-binary", mime_type="image/png")(static_binary)
    server.resource("test://template/{id}/data", mime_type="application/json")(template_data)
    server.resource("test://watched-resource", mime_type="text/plain")(watched_resource)
    for prompt in (
        test_simple_prompt,
        test_prompt_with_arguments,
        test_prompt_with_embedded_resource,
        test_prompt_with_image,
        test_input_required_result_prompt,
    ):
        server.prompt()(prompt)
    untyped: Any = server
    untyped.completion()(complete)
    low_level = untyped._lowlevel_server  # noqa: SLF001  # the SDK has no public way to answer these of 2025-11-25
    low_level.add_request_handler("logging/setLevel", SetLevelRequestParams, acknowledge)
    low_level.add_request_handler("resources/subscribe", SubscribeRequestParams, acknowledge)
    low_level.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, acknowledge)


def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    """An image."""
    return base64.b64decode(PNG)


def template_data(id: str) -> str:  # noqa: A002  # the template's name
    """A document whose address has a parameter."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def watched_resource() -> str:
    """A text that can be subscribed to."""
    return "Watched resource content"


def test_simple_prompt() -> list[UserMessage]:
    """A prompt without arguments."""
    return [said("This is a simple prompt for testing.")]


def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    """A prompt with two arguments."""
    return [said(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]


def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803  # the suite's name
    """A prompt with a resource in it."""
    contents = TextResourceContents(uri=resourceUri, mime_type="text/plain", text="Embedded resource content.")
    return [UserMessage(EmbeddedResource(type="resource", resource=contents)), said("Process it.")]


def test_prompt_with_image() -> list[UserMessage]:
    """A prompt with an image."""
    return [UserMessage(ImageContent(type="image", data=PNG, mime_type="image/png")), said("Analyse it.")]


async def test_input_required_result_prompt(ctx: Context) -> list[UserMessage] | InputRequiredResult:
    """A prompt that asks the user first."""
    answer = (ctx.input_responses or {}).get("user_context")
    if answer is None:
        return InputRequiredResult(input_requests={"user_context": ask("What is the context?", context="string")})
    return [said(f"The context is {elicited(answer, 'context')}.")]


def said(text: str) -> UserMessage:
    """Return a message of the user."""
    return UserMessage(TextContent(type="text", text=text))


async def complete(_ref: object, _argument: object, _context: object) -> Completion:
    """Return no suggestions."""
    return Completion(values=[], total=0, has_more=False)


async def acknowledge(_ctx: object, _params: object) -> EmptyResult:
    """Accept a request without doing anything."""
    return EmptyResult()
