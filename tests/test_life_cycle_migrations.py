"""Adding a module to a database leaves the tables of all others alone."""

from pathlib import Path

from living.isolation import migrated_beside


def test_a_module_is_migrated_while_the_tables_of_another_are_held(shop: Path) -> None:
    found = migrated_beside(shop, "sales_order_desk", "biz_crm")

    # A migration that had to wait would have given up after the lock time-out of env.py, and failed.
    assert len(found["held"]) >= 2
    assert found["locks_of_others"] == []
