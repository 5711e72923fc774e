"""Wake the consumers of a module when a record of it was committed, in this process or in another."""

import asyncio
from collections import defaultdict

from src.common.pubsub import RedisPubSub, received
from src.highway.announcer import Recorded, channel_of


class Wakeups:
    """One subscription of the process, shared by its consumers; each has an event that a message sets."""

    def __init__(self, pubsub: RedisPubSub) -> None:
        self._pubsub = pubsub
        self._events: defaultdict[str, list[asyncio.Event]] = defaultdict(list)

    def register(self, module: str) -> asyncio.Event:
        """Return a new event that is set when a record of the module was committed."""
        event = asyncio.Event()
        self._events[module].append(event)
        return event

    def wake(self, module: str) -> None:
        """Set the events of a module."""
        for event in self._events.get(module, ()):
            event.set()

    def wake_all(self) -> None:
        """Set all events: what was published before a subscription is lost, and the log has it."""
        for module in self._events:
            self.wake(module)

    async def run(self) -> None:
        """Set events as messages arrive, until cancelled; without Redis or without a consumer, end at once."""
        modules = {channel_of(module): module for module in self._events}
        if not modules or not self._pubsub.is_configured:
            return
        async for channel, message in self._pubsub.listen(list(modules), Recorded, on_subscribed=self.wake_all):
            if message.module == modules[channel]:
                self.wake(message.module)
            else:
                received.add(outcome="of another module")
