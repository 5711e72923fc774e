"""Costs side by side: times differ from machine to machine and from hour to hour, ratios hardly do."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, pstdev

type Work = Callable[[], Awaitable[object]]
type Samples = list[float]
type Compare = Callable[..., dict[str, Samples]]
type Contest = Callable[..., None]
type Judge = Callable[[str, Mapping[str, Samples]], None]

BLOCKS = 5
# A shared machine is never quieter than this.
NOISE_FLOOR = 0.05
NOISES_ALLOWED = 3


async def interleaved(
    works: Mapping[str, Work], *, rounds: int, warm_up: int, pause_s: float = 0
) -> dict[str, Samples]:
    """Return how many seconds each work took, round by round; all take turns, so that they share good and bad times.

    In a pause after each work, what it left to the background is done before the next one begins.
    """
    for work in works.values():
        for _ in range(warm_up):
            await work()
    samples: dict[str, Samples] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            started = time.perf_counter()
            await work()
            samples[name].append(time.perf_counter() - started)
            if pause_s:
                await asyncio.sleep(pause_s)
    return samples


async def contested(
    works: Mapping[str, Work], *, tasks: int, rounds: Mapping[str, int], blocks: int = BLOCKS
) -> tuple[dict[str, Samples], dict[str, Samples]]:
    """Let many tasks work at once, each work in turn and block by block.

    Returns:
        How many seconds a round took on the whole, by block; and how many each round took for itself.
    """
    paces: dict[str, Samples] = {name: [] for name in works}
    latencies: dict[str, Samples] = {name: [] for name in works}
    for _ in range(blocks):
        for name, work in works.items():
            before = len(latencies[name])
            started = time.perf_counter()
            each = max(rounds[name] // tasks, 1)
            await asyncio.gather(*[_keep_on(work, each, latencies[name]) for _ in range(tasks)])
            paces[name].append((time.perf_counter() - started) / (len(latencies[name]) - before))
    return paces, latencies


async def _keep_on(work: Work, rounds: int, samples: Samples) -> None:
    for _ in range(rounds):
        started = time.perf_counter()
        await work()
        samples.append(time.perf_counter() - started)


def p95(samples: Samples) -> float:
    return sorted(samples)[int(len(samples) * 0.95)]


def ratio(samples: Samples, reference: Samples) -> tuple[float, float]:
    """Return the ratio of the medians, and its noise: how far it differs between parts of the run, as a share of it."""
    size = len(samples) // BLOCKS
    parts = [
        median(samples[at : at + size]) / median(reference[at : at + size]) for at in range(0, size * BLOCKS, size)
    ]
    whole = median(samples) / median(reference)
    return whole, pstdev(parts) / whole


class Baseline:
    """The ratios as they were, in a file that is committed; smaller is better."""

    def __init__(self, path: Path, *, is_renewed: bool) -> None:
        self._path = path
        self._is_renewed = is_renewed

    def regression(self, name: str, value: float, *, noise: float) -> str | None:
        """Return a sentence where the ratio is worse than it was by more than both noises explain."""
        stored = json.loads(self._path.read_text()) if self._path.exists() else {}
        if self._is_renewed:
            stored[name] = {"ratio": round(value, 3), "noise": round(noise, 3)}
            self._path.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n")
        known = stored.get(name)
        if known is None or value <= known["ratio"] * (1 + tolerance([noise, known["noise"]])):
            return None
        return f"{name}: {value:.2f} times the reference; it was {known['ratio']:.2f}, noise {known['noise']:.0%}."


def tolerance(noises: Sequence[float]) -> float:
    """Return by which share a ratio may differ from another that was measured at another time."""
    return NOISES_ALLOWED * max(NOISE_FLOOR, *noises)
