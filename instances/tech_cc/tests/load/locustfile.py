"""People who use a running service, as locust sees them; locust is in a dependency group of its own.

$ uv run python scripts/dev.py --no-reload
$ uv run --group load locust -f tests/load/locustfile.py --headless -u 32 -r 32 -t 20s --host http://127.0.0.1:8000
"""
# mypy: ignore-errors
# so that it does not matter to the gate whether locust is installed

from uuid import uuid4

from locust import FastHttpUser, task

from src.project import FIRST_MODULE

ROOT = f"/{FIRST_MODULE}"


class Visitor(FastHttpUser):
    """A client that reads and writes without a pause."""

    @task(4)
    def test_log(self) -> None:
        self.client.post(f"{ROOT}/test-log", json={"message": "Hello, L1."})

    @task(2)
    def list_modules(self) -> None:
        self.client.get(f"{ROOT}/modules?limit=20", name=f"{ROOT}/modules")

    @task(1)
    def life_of_a_module(self) -> None:
        answer = self.client.post(f"{ROOT}/modules", json={"name": f"m{uuid4().hex}", "version": "1"})
        place = answer.headers["location"]
        self.client.patch(place, json={"version": "2"}, name=f"{ROOT}/modules/…")
        self.client.delete(place, name=f"{ROOT}/modules/…")

    @task(1)
    def is_ready(self) -> None:
        self.client.get("/health/ready")
