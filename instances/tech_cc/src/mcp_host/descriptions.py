"""What the YAML files beside tools and resources say; the Python files own types, limits and behaviour."""

from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from src.common.startup_errors import StartupError

Prose = Field(min_length=20, max_length=2000)


class DescriptionError(StartupError):
    """A file of an MCP server is missing, cannot be read, or does not fit the file beside it."""


class Description(BaseModel):
    """Common rules of the YAML files: no unknown keys, no coercion."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: str = Field(min_length=3, max_length=80)


class ServerDescription(Description):
    """`server.yml`: what an assistant is told about the server as a whole."""

    instructions: str = Prose


class Hints(BaseModel):
    """What a client may assume before it asks its user; see `ToolAnnotations` of the protocol."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True)

    read_only: bool
    destructive: bool
    idempotent: bool


class ToolDescription(Description):
    """`tools/<name>.yml`. A parameter has its prose as `description`, and its JSON schema as the code has it."""

    description: str = Prose
    scope: Literal["read", "write"]
    hints: Hints
    parameters: dict[str, dict[str, Any]] = {}

    def prose(self, parameter: str) -> str:
        """Return the description of a parameter; empty if there is none."""
        return str(self.parameters.get(parameter, {}).get("description", ""))


class ResourceDescription(Description):
    """`resources/<name>.yml`. The address is `cos://<module>/<path>`."""

    description: str = Prose
    path: str = Field(pattern=r"^[a-z0-9_/-]+$")
    mime_type: str = "application/json"


def folder_of(package: str) -> Path:
    """Return the folder of a package of our own."""
    (folder,) = import_module(package).__path__
    return Path(folder)


def names_in(folder: Path, suffix: str) -> list[str]:
    """Return the stems of the files with this suffix, sorted, without those that begin with an underscore."""
    return sorted(path.stem for path in folder.glob(f"*{suffix}") if not path.stem.startswith("_"))


def read_description[D: Description](path: Path, kind: type[D]) -> D:
    """Return what the file says.

    Raises:
        DescriptionError: There is no such file, or it breaks a rule; the message names file, place and rule.
    """
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError:
        raise DescriptionError(
            f"{_short(path)} is missing. Each Python file has a YAML file of the same name."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise DescriptionError(f"{_short(path)} is not YAML in UTF-8: {' '.join(str(fault).split())}.") from None
    except ValidationError as invalid:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in invalid.errors()
        )
        raise DescriptionError(f"{_short(path)} breaks a rule. {faults}.") from None


def _short(path: Path) -> str:
    return "/".join(path.parts[-3:])
