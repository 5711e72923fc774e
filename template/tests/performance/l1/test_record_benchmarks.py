"""What a record costs, whole and committed, beside the plain driver and beside the ORM."""

import pytest

from ratios import Compare, Contest, Work

pytestmark = [pytest.mark.benchmark, pytest.mark.database]

RECORDS = {"ORM": 250, "driver pool": 1000, "writer": 2000}  # a block; each takes some tenths of a second


def test_one_record(compare: Compare, by_driver: Work, by_writer: Work, by_log_l1: Work, by_orm: Work) -> None:
    works = {"driver": by_driver, "writer": by_writer, "log_l1 and commit": by_log_l1, "ORM": by_orm}

    compare("one record", works)


@pytest.mark.parametrize("tasks", [1, 10, 50, 200])
def test_records_of_many_tasks(
    tasks: int, contest: Contest, by_writer: Work, by_driver_pool: Work, by_orm: Work
) -> None:
    works = {"ORM": by_orm, "driver pool": by_driver_pool, "writer": by_writer}

    contest(f"{tasks} tasks", works, tasks=tasks, rounds=RECORDS)
