from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from src.backend.cc import SLICE
from src.backend.cc.identity import LABEL, MODULE


def test_the_slice_bears_the_names_of_its_identity() -> None:
    assert (SLICE.module, SLICE.label) == (MODULE, LABEL)


def test_everything_of_the_slice_is_under_its_own_prefix() -> None:
    app = FastAPI(openapi_url=None)

    SLICE.mount(app, with_debug=True)

    paths = [context.path for context in iter_route_contexts(app.routes)]
    assert paths
    assert all(path and path.startswith(f"/{MODULE}/") for path in paths)
