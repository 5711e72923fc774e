"""Faults under a steady load: what is acknowledged reaches every consumer, and the service is as fast as before.

    uv run pytest tests/faults -m faults --no-cov

prints the figures; with FAULTS_REPORT=faults.md they are written to a file as well.
"""

from collections import defaultdict
from random import Random

import pytest

from faults import scenarios
from faults.bench import Bench
from faults.report import Verdict
from faults.scenarios import FAULTS, Fault

ANSWER_LIMIT_S = 4.0
REDIS_EXTRA_S = 0.25
FIRST_WRITE_LIMIT_S = 1.0
RECONCILE_LIMIT_S = 5.0
LAG_LIMIT_S = 0.25
POLLED_LAG_LIMIT_S = 1.2  # consumers read the log once a second while messages do not arrive
THROUGHPUT_PERCENT = 95
ROUNDS = 20
SEED = 11
WRONG = {
    "seq": "the log read by seq > last",
    "id": "the log read by id > last",
    "messages": "messages alone, subscriptions cut",
}

type Tables = defaultdict[str, list[Verdict]]


def check(verdict: Verdict, fault: Fault) -> None:
    """Fail if the fault did more than it may."""
    counts = verdict.counts
    assert (counts.lost, counts.duplicated, counts.unexpected) == (0, 0, 0)
    assert counts.acknowledged > 0
    limit_s = verdict.max_before_s + REDIS_EXTRA_S if fault.part == "Redis" else ANSWER_LIMIT_S
    assert verdict.max_s <= limit_s
    assert verdict.first_write_s <= FIRST_WRITE_LIMIT_S
    assert verdict.reconciled_s <= RECONCILE_LIMIT_S
    assert verdict.throughput_percent >= THROUGHPUT_PERCENT
    usual_lag_s = POLLED_LAG_LIMIT_S if fault.part == "Redis" else max(LAG_LIMIT_S, 2 * verdict.lag_before_s)
    assert verdict.lag_after_s <= usual_lag_s


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.scenario.__name__)
async def test_a_fault_loses_nothing_and_leaves_the_service_as_fast_as_before(
    bench: Bench, tables: Tables, fault: Fault
) -> None:
    verdict = await bench.run(fault.name, fault.scenario)

    tables["each fault"].append(verdict)
    check(verdict, fault)


@pytest.mark.faults
async def test_twenty_faults_in_a_row_lose_nothing(bench: Bench, tables: Tables) -> None:
    rows = tables[f"{ROUNDS} faults in a row, drawn with the seed {SEED}"]
    for fault in Random(SEED).choices(FAULTS, k=ROUNDS):  # noqa: S311  # a seed, so that a run can be repeated
        verdict = await bench.run(fault.name, fault.scenario)
        rows.append(verdict)

    assert all(row.counts.acknowledged for row in rows)
    assert [(row.counts.lost, row.counts.duplicated, row.counts.unexpected) for row in rows] == [(0, 0, 0)] * ROUNDS


@pytest.mark.long
async def test_a_few_faults_in_a_row_lose_nothing(bench: Bench, tables: Tables) -> None:
    drawn = [scenarios.postgres_killed, scenarios.effects_locked, scenarios.consumers_killed, scenarios.redis_killed]
    for fault in (fault for fault in FAULTS if fault.scenario in drawn):
        verdict = await bench.run(fault.name, fault.scenario, window_s=0.5)
        tables["a short draw"].append(verdict)
        assert verdict.counts.acknowledged
        assert (verdict.counts.lost, verdict.counts.duplicated, verdict.counts.unexpected) == (0, 0, 0)


@pytest.mark.faults
@pytest.mark.parametrize("wrong", WRONG)
async def test_the_check_finds_what_a_wrong_consumer_loses(bench: Bench, tables: Tables, wrong: str) -> None:
    process = bench.launch_consumers(wrong)
    await process.start()
    try:
        verdict = await bench.run(WRONG[wrong], scenarios.subscriptions_cut, consumers=[wrong])
    finally:
        process.kill()

    tables["wrong consumers"].append(verdict)
    assert verdict.counts.lost > 0
