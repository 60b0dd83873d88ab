"""Configuration against its schema, with errors told in one sentence each: file, key, remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from assay.failures import UserError, near_misses

_ABSENT = object()
SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"

_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML that refuses a key given twice, where the plain loader silently keeps the last."""


def _unique_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode, deep: bool = False) -> dict:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            line = key_node.start_mark.line + 1
            raise UserError(f"{loader.name}: line {line}: the key {key!r} is there twice; remove one.")
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def read_yaml(path: Path) -> Any:
    """Read YAML, safely and without repeated keys.

    Raises
    ------
    UserError
        If the file is missing, unreadable, or repeats a key.
    """
    try:
        with open(path) as stream:
            return yaml.load(stream, Loader=_UniqueKeyLoader)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error


def read_schema(name: str) -> dict[str, Any]:
    """A schema of workflow/schemas by its stem, such as ``config``, with the blocks that have files of their own."""
    schema = read_yaml(SCHEMAS / f"{name}.schema.yaml")
    for path in sorted((SCHEMAS / name).glob("*.yaml")):
        schema["properties"][path.stem] = read_yaml(path)
    return schema


def validate(content: Any, schema: Mapping[str, Any], files: Sequence[Path | str]) -> None:
    """Check `content` against `schema`.

    Parameters
    ----------
    content : mapping
        What was read, possibly merged from several files.
    schema : mapping
        JSON schema.
    files : sequence of path
        Where the content came from; the message names the last one that holds the offending key.

    Raises
    ------
    UserError
        For the first error: one sentence with the file, the key and what to do.
    """
    from jsonschema import Draft202012Validator

    errors = sorted(Draft202012Validator(schema).iter_errors(content), key=lambda error: len(error.absolute_path))
    if errors:
        error = errors[0]
        keys, sentence = _explain(error)
        value = error.instance if error.validator not in ("additionalProperties", "required") else _ABSENT
        raise UserError(f"{origin(files, keys, value)}: {sentence}")


def with_defaults(content: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `content` with the schema's defaults where a key is not given."""
    filled = deepcopy(dict(content))
    for key, subschema in schema.get("properties", {}).items():
        if key not in filled and "default" in subschema:
            filled[key] = deepcopy(subschema["default"])
        if subschema.get("type") == "object" and isinstance(filled.get(key), Mapping):
            filled[key] = with_defaults(filled[key], subschema)
        items = subschema.get("items", {})
        if items.get("type") == "object" and isinstance(filled.get(key), list):
            filled[key] = [with_defaults(item, items) for item in filled[key]]
    return filled


def _explain(error) -> tuple[list[str], str]:
    """The keys that lead to what is wrong, and the sentence."""
    keys = [str(part) for part in error.absolute_path]
    where = ".".join(keys) or "top level"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = sorted(str(key) for key in error.instance if key not in known)[0]
        dotted = ".".join([*keys, unknown])
        return [*keys, unknown], f"{dotted}: unknown key{near_misses(unknown, known)}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return keys, f"{where}: the key {missing!r} is missing; add it (config/README.md explains every key)."
    if error.validator == "type":
        wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        names = " or ".join(_TYPE_NAMES.get(name, name) for name in wanted)
        return keys, f"{where}: expected {names}, got {error.instance!r}."
    if error.validator == "enum":
        choices = [str(choice).lower() if isinstance(choice, bool) else choice for choice in error.validator_value]
        return keys, f"{where}: {error.instance!r} is not possible{near_misses(str(error.instance), choices)}"
    if error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        return (
            keys,
            f"{error.instance!r}: a name is made of letters, digits, and . _ + - and begins with one of the first two.",
        )
    if error.validator in ("oneOf", "anyOf"):
        return keys, f"{where}: {error.instance!r} is not possible; config/README.md says what is."
    if error.validator == "contains":
        return keys, f"{where}: must contain {error.validator_value.get('const')!r}, got {error.instance!r}."
    return keys, f"{where}: {error.message}."


def origin(files: Sequence[Path | str], keys: Iterable[str], value: Any = _ABSENT) -> str:
    """The file that holds the keys' path (and there `value`, if given); all of them where none does.

    Where several files were merged, or the command line had a word, this is the one to look into.
    """
    keys = list(keys)
    for path in files:
        try:
            content = read_yaml(Path(path))
        except UserError:
            continue
        for key in keys:
            if isinstance(content, Mapping) and key in content:
                content = content[key]
            elif isinstance(content, list) and key.isdigit() and int(key) < len(content):
                content = content[int(key)]
            else:
                break
        else:
            if value is _ABSENT or content == value:
                return str(path)
    return " + ".join(str(path) for path in files) or "the configuration"
