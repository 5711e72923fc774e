"""The service: its application is `src.cos_main:app`."""

import os

# Pydantic imports Logfire's plugin when the first model is defined, which takes a fifth of the start. Set the variable
# to an empty value in the environment if you call `logfire.instrument_pydantic`.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "logfire-plugin")
