"""The parts of a record, and the checks that they pass before they are written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from src.common.access.caller import current_subject
from src.common.errors import RefusalError
from src.common.json_limits import check_text, encode_document
from src.common.request_id_middleware import current_request_id
from src.common.tracing import current_trace_id

ENTRY_LIMIT: Final = 100
CONTENT_LIMIT_BYTES: Final = 1024 * 1024
TOKENS_MAX: Final = 2**31 - 1
ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
EVENT_TYPE: Final = re.compile(r"(?=.{1,100}\Z)[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")


class UnstorableRecordError(RefusalError):
    """The record breaks a rule of the log; nothing of it was written."""

    problem_type: ClassVar[str] = "unstorable-record"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True, slots=True)
class Log:
    """The log of one module, and the schema that contains its tables."""

    module: str
    schema: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A message to a language model, or from it."""

    role: str
    content: str
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event, such as `module.created`, with its details."""

    event_type: str
    payload: dict[str, Any] = field(default_factory=dict)


type Entry = Prompt | Event


@dataclass(frozen=True, slots=True)
class Record:
    """Checked entries, with their request, trace and caller; the values are in the order of the tables' columns."""

    base: tuple[UUID, str, str | None, str | None, str | None]
    prompts: Sequence[tuple[UUID, int, str, str, int | None, int | None]]
    events: Sequence[tuple[UUID, int, str, str]]

    @property
    def id(self) -> UUID:
        return self.base[0]

    @property
    def event_type(self) -> str:
        """The type of the first event; `prompt` if the record has no event."""
        return self.events[0][2] if self.events else "prompt"


def new_record(log: Log, entries: Sequence[Entry]) -> Record:
    """Return a record of these entries, with the ids of the current request and trace, and the subject of its caller.

    Raises:
        UnstorableRecordError: An entry breaks a rule; the message names the entry, the rule and the next step.
    """
    if not 1 <= len(entries) <= ENTRY_LIMIT:
        raise UnstorableRecordError(f"A record has 1 to {ENTRY_LIMIT} entries, not {len(entries)}. Split it.")
    record_id = uuid7()
    prompts, events = [], []
    for position, entry in enumerate(entries):
        if isinstance(entry, Prompt):
            prompts.append((record_id, position, *_prompt_columns(entry)))
        else:
            events.append((record_id, position, *_event_columns(entry)))
    base = (record_id, log.module, current_request_id(), current_trace_id(), current_subject())
    return Record(base, prompts, events)


def _prompt_columns(prompt: Prompt) -> tuple[str, str, int | None, int | None]:
    if not ROLE.fullmatch(prompt.role):
        raise UnstorableRecordError("The role of a prompt is a word like assistant: a-z first, then a-z, 0-9 and _.")
    for tokens in (prompt.tokens_in, prompt.tokens_out):
        if tokens is not None and not 0 <= tokens <= TOKENS_MAX:
            raise UnstorableRecordError(f"The tokens of a prompt are 0 to {TOKENS_MAX}, or None if unknown.")
    try:
        check_text(prompt.content, limit_bytes=CONTENT_LIMIT_BYTES)
    except ValueError as fault:
        raise UnstorableRecordError(f"The content of a prompt {fault}. Correct it, or leave it out.") from None
    return prompt.role, prompt.content, prompt.tokens_in, prompt.tokens_out


def checked_event_type(event_type: str) -> str:
    """Return the type of an event.

    Raises:
        UnstorableRecordError: It breaks the rule for its form.
    """
    if not EVENT_TYPE.fullmatch(event_type):
        raise UnstorableRecordError("The type of an event looks like module.created and has at most 100 characters.")
    return event_type


def _event_columns(event: Event) -> tuple[str, str]:
    event_type = checked_event_type(event.event_type)
    try:
        return event_type, encode_document(event.payload).decode()
    except ValueError as fault:
        raise UnstorableRecordError(
            f"The payload of {event.event_type} {fault}. Correct it, or leave it out."
        ) from None
