"""The tools that the conformance suite asks for, as functions of a project's MCP host."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Annotated, Any, Final

from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    ContentBlock,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from src.mcp_host.call import Call

type Asked = CallToolResult | InputRequiredResult

PNG: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
WAV: Final = base64.b64encode(b"RIFF\x04\x00\x00\x00WAVE").decode()
PAUSE_S: Final = 0.05
INPUT_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


async def test_simple_text(call: Call) -> CallToolResult:
    """Return a short text of the suite."""
    return text("This is a simple text response for testing.")


async def test_image_content(call: Call) -> CallToolResult:
    """Return an image of the suite."""
    return CallToolResult(content=[ImageContent(type="image", data=PNG, mime_type="image/png")])


async def test_audio_content(call: Call) -> CallToolResult:
    """Return a sound of the suite."""
    return CallToolResult(content=[AudioContent(type="audio", data=WAV, mime_type="audio/wav")])


async def test_embedded_resource(call: Call) -> CallToolResult:
    """Return a resource inside of a result."""
    return CallToolResult(content=[embedded("test://embedded-resource", "text/plain", "An embedded resource.")])


async def test_multiple_content_types(call: Call) -> CallToolResult:
    """Return a text, an image and a resource."""
    content: list[ContentBlock] = [
        TextContent(type="text", text="Multiple content types test:"),
        ImageContent(type="image", data=PNG, mime_type="image/png"),
        embedded("test://mixed-content-resource", "application/json", '{"test": "data", "value": 123}'),
    ]
    return CallToolResult(content=content)


async def test_tool_with_logging(call: Call) -> CallToolResult:
    """Send three log messages while it runs."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await call.context.info(message)
        await asyncio.sleep(PAUSE_S)
    return text("Logged.")


async def test_tool_with_progress(call: Call) -> CallToolResult:
    """Report its progress while it runs."""
    for progress in (0, 50, 100):
        await call.context.report_progress(progress=progress, total=100)
        await asyncio.sleep(PAUSE_S)
    return text("Done.")


async def test_error_handling(call: Call) -> CallToolResult:
    """Fail as a tool with a bug does."""
    raise RuntimeError("This tool intentionally returns an error for testing")


async def test_reconnection(call: Call) -> CallToolResult:
    """Close its stream while it runs."""
    await call.context.close_sse_stream()
    await asyncio.sleep(PAUSE_S)
    return text("Reconnection test completed")


async def test_x_mcp_header(
    call: Call, region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "none"
) -> CallToolResult:
    """Take a parameter that is repeated in a header."""
    return text(f"region={region}")


async def json_schema_2020_12_tool(call: Call) -> CallToolResult:
    """Have a schema with many keywords of JSON Schema 2020-12."""
    return text("json_schema_2020_12_tool")


async def test_missing_capability(call: Call) -> CallToolResult:
    """Need a client that can sample."""
    capabilities = call.context.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="The client cannot sample.",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return text("The client can sample.")


async def test_trigger_tool_change(call: Call) -> CallToolResult:
    """Say that the list of tools has changed."""
    await call.context.notify_tools_changed()
    return text("Said.")


async def test_trigger_prompt_change(call: Call) -> CallToolResult:
    """Say that the list of prompts has changed."""
    await call.context.notify_prompts_changed()
    return text("Said.")


async def test_input_required_result_elicitation(call: Call) -> Asked:
    """Ask the user for a name."""
    answer = (call.context.input_responses or {}).get("user_name")
    if answer is None:
        return InputRequiredResult(input_requests={"user_name": ask("What is your name?", name="string")})
    return text(f"Hello, {elicited(answer, 'name')}!")


async def test_input_required_result_sampling(call: Call) -> Asked:
    """Ask the client's model a question."""
    answer = (call.context.input_responses or {}).get("capital_question")
    if answer is None:
        return InputRequiredResult(input_requests={"capital_question": sample("What is the capital of France?")})
    return text(f"The model said: {answer.content.text}")


async def test_input_required_result_list_roots(call: Call) -> Asked:
    """Ask the client for its roots."""
    answer = (call.context.input_responses or {}).get("client_roots")
    if answer is None:
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return text(f"The roots are {', '.join(str(root.uri) for root in answer.roots)}.")


async def test_input_required_result_request_state(call: Call) -> Asked:
    """Ask for a confirmation, and check the state that comes back."""
    return confirm(call)


async def test_input_required_result_tampered_state(call: Call) -> Asked:
    """Ask for a confirmation; the SDK refuses a state that was changed."""
    return confirm(call)


async def test_input_required_result_multiple_inputs(call: Call) -> Asked:
    """Ask the user, the client's model and the client at once."""
    asked: dict[str, Any] = {
        "user_name": ask("What is your name?", name="string"),
        "greeting": sample("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    if asked.keys() <= (call.context.input_responses or {}).keys():
        return text("All is answered.")
    return InputRequiredResult(input_requests=asked, request_state="asked")


async def test_input_required_result_multi_round(call: Call) -> Asked:
    """Ask for a name, then for a colour."""
    answers = call.context.input_responses or {}
    state = json.loads(call.context.request_state or "{}")
    if "step2" in answers and "name" in state:
        return text(f"{state['name']} likes {elicited(answers['step2'], 'color')}.")
    if "step1" in answers:
        known = json.dumps({"name": elicited(answers["step1"], "name")})
        question = ask("Step 2: What is your favorite color?", color="string")
        return InputRequiredResult(input_requests={"step2": question}, request_state=known)
    question = ask("Step 1: What is your name?", name="string")
    return InputRequiredResult(input_requests={"step1": question}, request_state="{}")


async def test_input_required_result_capabilities(call: Call) -> Asked:
    """Ask only what the client can answer."""
    can = call.context.client_capabilities
    asked: dict[str, Any] = {}
    if can is None or can.sampling is not None:
        asked["greeting"] = sample("Say hello")
    if can is None or can.elicitation is not None:
        asked["user_name"] = ask("What is your name?", name="string")
    return InputRequiredResult(input_requests=asked, request_state="asked")


def text(said: str) -> CallToolResult:
    """Return a result of a text."""
    return CallToolResult(content=[TextContent(type="text", text=said)])


def embedded(uri: str, mime_type: str, contents: str) -> EmbeddedResource:
    """Return a resource as a part of a result."""
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=contents))


def ask(question: str, **fields: str) -> ElicitRequest:
    """Return a question to the user, with the types of the fields of the answer."""
    schema = {"type": "object", "properties": {n: {"type": t} for n, t in fields.items()}, "required": [*fields]}
    return ElicitRequest(params=ElicitRequestFormParams(message=question, requested_schema=schema))


def sample(question: str) -> CreateMessageRequest:
    """Return a question to the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=question))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=100))


def elicited(answer: Any, field: str) -> str:
    """Return a field of the user's answer."""
    return str((answer.content or {}).get(field))


def confirm(call: Call) -> Asked:
    """Ask for a confirmation, with a state."""
    if call.context.request_state is None:
        return InputRequiredResult(input_requests={"confirm": ask("Please confirm", ok="boolean")}, request_state="1")
    return text(f"state-ok: {call.context.request_state}")


# The parameters of each tool, and their descriptions.
TOOLS: Final[dict[Callable[..., Any], dict[str, str]]] = {
    test_simple_text: {},
    test_image_content: {},
    test_audio_content: {},
    test_embedded_resource: {},
    test_multiple_content_types: {},
    test_tool_with_logging: {},
    test_tool_with_progress: {},
    test_error_handling: {},
    test_reconnection: {},
    test_x_mcp_header: {"region": "Repeated in the header Mcp-Param-Region."},
    json_schema_2020_12_tool: {},
    test_missing_capability: {},
    test_trigger_tool_change: {},
    test_trigger_prompt_change: {},
    test_input_required_result_elicitation: {},
    test_input_required_result_sampling: {},
    test_input_required_result_list_roots: {},
    test_input_required_result_request_state: {},
    test_input_required_result_tampered_state: {},
    test_input_required_result_multiple_inputs: {},
    test_input_required_result_multi_round: {},
    test_input_required_result_capabilities: {},
}
