import os
import subprocess
import sys

import pytest

from databases import PROJECT
from src import cos_main


def test_the_list_of_slices_is_read_without_building_the_application() -> None:
    code = "import sys; from src.cos_main import SLICES; assert SLICES; assert 'fastapi' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


@pytest.mark.long
def test_a_start_without_a_backend_for_traces_imports_no_library_for_them() -> None:
    libraries = "('logfire', 'requests', 'google.protobuf')"
    code = f"import sys; from src.cos_main import app; assert app; assert not set({libraries}) & set(sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LOGFIRE_", "OTEL_"))}

    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, env=environment)


def test_the_application_is_built_once() -> None:
    assert cos_main.app is cos_main.app


def test_a_name_that_the_entry_lacks_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute application"):
        _ = cos_main.application
