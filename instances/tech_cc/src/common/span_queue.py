"""A bounded queue before one exporter, and the thread that empties it; no request ever waits for either."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import logfire
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = logging.getLogger(__name__)

BATCH_SPANS: Final = 256  # encoding a batch holds the interpreter's lock for some milliseconds
INTERVAL_S: Final = 0.5


class SpanQueue[Ended]:
    """Export what is put in, soon and in batches; what finds no room, or no taker, is dropped and counted.

    Spans are made readable in the thread: that is most of what a span costs.
    """

    def __init__(
        self, exporter: SpanExporter, *, readable: Callable[[Ended], ReadableSpan], limit_spans: int, name: str
    ) -> None:
        self.exporter = exporter
        self.name = name
        self.limit_spans = limit_spans
        self.dropped = 0
        self._readable = readable
        self._waiting: deque[Sequence[Ended]] = deque()
        self._pending_spans = 0  # waiting, or on their way
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._is_closed = False
        self._is_failing = False
        self._has_overflowed = False
        self._has_warned = False
        self._thread: threading.Thread | None = None

    def put(self, spans: Sequence[Ended]) -> None:
        """Queue the spans of a trace, all or none."""
        with self._changed:
            if self._is_closed or self._pending_spans + len(spans) > self.limit_spans:
                self.dropped += len(spans)
                self._has_overflowed = True
                return
            self._waiting.append(spans)
            self._pending_spans += len(spans)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"spans to {self.name}", daemon=True)
                self._thread.start()
        if self._pending_spans >= BATCH_SPANS and not self._wake.is_set():
            self._wake.set()

    def flush(self, *, timeout_s: float) -> bool:
        """Say whether all that was put in is out, after waiting for it a while."""
        self._wake.set()
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending_spans, timeout_s)

    def close(self, *, timeout_s: float) -> None:
        """Let what waits go out, within the time; a collector that does not answer holds up nobody for longer."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
        is_empty = self.flush(timeout_s=timeout_s)
        self.exporter.shutdown()
        if not is_empty:
            log.warning("%d spans did not reach %s before the end.", self._pending_spans, self.name)

    def _run(self) -> None:
        with logfire.suppress_instrumentation():
            while not self._is_closed or self._waiting:
                self._wake.wait(INTERVAL_S)
                self._wake.clear()
                while batch := self._next_batch():
                    self._export(batch)

    def _next_batch(self) -> list[Ended]:
        batch: list[Ended] = []
        with self._changed:
            while self._waiting and len(batch) < BATCH_SPANS:
                batch.extend(self._waiting.popleft())
        return batch

    def _export(self, batch: list[Ended]) -> None:
        try:
            result = self.exporter.export([self._readable(span) for span in batch])
        except Exception:  # exporters are others' code, and this thread is the only one
            log.debug("An exporter failed.", exc_info=True)
            result = SpanExportResult.FAILURE
        self._note(has_failed=result is not SpanExportResult.SUCCESS, spans=len(batch))
        with self._changed:
            self._pending_spans -= len(batch)
            self._changed.notify_all()

    def _note(self, *, has_failed: bool, spans: int) -> None:
        """Count what is lost, and say once that an outage began, once that it is over."""
        if has_failed:
            self.dropped += spans
        if self._has_overflowed and not has_failed and not self._has_warned:
            self._has_warned = True
            log.warning("Traces come faster than %s takes them; what TRACE_QUEUE_SPANS cannot hold is lost.", self.name)
        if has_failed and not self._is_failing:
            log.warning("Traces do not reach %s. They are dropped until it answers; requests do not notice.", self.name)
        if self._is_failing and not has_failed:
            log.warning("Traces reach %s again; %d spans were lost.", self.name, self.dropped)
        self._is_failing = has_failed
