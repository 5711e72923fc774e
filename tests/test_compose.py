"""The compose files start what the README says, and open nothing to other machines."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from render import INSTANCE, ROOT

PROFILED = "docker-compose.mem0g.yml"


def services() -> dict[str, Any]:
    """Return the services of a project's compose files, as the first file includes the second."""
    main = yaml.safe_load((INSTANCE / "docker-compose.yml").read_text())
    included = [yaml.safe_load((INSTANCE / name).read_text())["services"] for name in main["include"]]
    services: dict[str, Any] = main["services"]
    return services | {name: service for each in included for name, service in each.items()}


def test_the_repository_includes_the_reference() -> None:
    [included] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["include"]

    assert Path(ROOT / included) == INSTANCE / "docker-compose.yml"


def test_the_services_of_the_readme_are_there() -> None:
    assert services().keys() == {"postgres_dev", "redis", "neo4j", "migrate", "cos_backend"}


def test_the_graph_starts_only_by_name_or_profile() -> None:
    assert [name for name, service in services().items() if "profiles" in service] == ["neo4j"]


def test_the_service_starts_after_the_migrations() -> None:
    assert services()["cos_backend"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", sorted(services().keys() - {"migrate"}))
def test_a_server_has_a_health_check_and_time_to_stop(name: str) -> None:
    service = services()[name]

    assert service["healthcheck"]["test"][0] == "CMD"
    assert name == "redis" or "stop_grace_period" in service  # Valkey keeps nothing, so it stops at once


@pytest.mark.parametrize(("name", "port"), [("postgres_dev", "5433"), ("redis", "6379"), ("cos_backend", "8000")])
def test_a_port_is_open_on_this_machine_only(name: str, port: str) -> None:
    assert services()[name]["ports"][0].startswith(f"127.0.0.1:{port}:")


def test_the_image_runs_as_production_and_not_as_root() -> None:
    final = (INSTANCE / "Dockerfile").read_text().rpartition("FROM ")[2]

    assert "ENV ENVIRONMENT=production" in final
    assert "USER 10001" in final


def test_the_image_gets_no_secret_and_no_tests() -> None:
    rules = (INSTANCE / ".dockerignore").read_text().splitlines()

    assert rules[1] == "*"
    assert not [rule for rule in rules if rule.startswith(("!.env", "!tests", "!.git"))]
