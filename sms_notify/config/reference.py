"""Every key of the file as one row, read from the JSON Schema: whole path, type, default, meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sms_notify.config.load import config_schema

Schema = Mapping[str, Any]
_NAMES = {
    "boolean": "true, false",
    "integer": "number",
    "string": "text",
    "object": "mapping",
    "array": "list",
}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key. `path` is whole, such as `people.NAME.number` or `receivers[].escalate[].after`; `kind` is the gateway's
    `type` that has the key, where several types differ."""

    path: str
    type: str
    default: str
    meaning: str
    kind: str = ""

    @property
    def required(self) -> bool:
        return self.default == "required"


def reference() -> list[KeyRow]:
    """In the order of the file; a route's keys once, for routes lie within routes."""
    schema = config_schema()
    return list(_Walk(schema["$defs"]).keys(schema, "", ()))


def as_markdown(rows: list[KeyRow]) -> str:
    lines = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for row in rows:
        path = f"`{row.path}`" + (f" ({row.kind})" if row.kind else "")
        default = row.default if row.required or not row.default else f"`{row.default}`"
        lines.append(f"| {path} | {row.type} | {default} | {row.meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Walk:
    definitions: Schema

    def keys(self, schema: Schema, path: str, within: tuple[str, ...], kind: str = "") -> Iterator[KeyRow]:
        required = schema.get("required", ())
        for name, field in schema["properties"].items():
            whole = f"{path}.{name}".lstrip(".")
            yield KeyRow(
                whole,
                self._type(field),
                "required" if name in required else _default(field),
                field.get("description", ""),
                kind,
            )
            yield from self._below(field, whole, within)

    def _below(self, field: Schema, path: str, within: tuple[str, ...]) -> Iterator[KeyRow]:
        if "$ref" in field:
            yield from self._named(field["$ref"].rpartition("/")[2], path, within)
        for choice in field.get("anyOf", ()):
            yield from self._below(choice, path, within)
        for kind, choice in field.get("discriminator", {}).get("mapping", {}).items():
            yield from self._named(choice.rpartition("/")[2], path, within, kind)
        if isinstance(field.get("items"), Mapping):
            yield from self._below(field["items"], f"{path}[]", within)
        if isinstance(field.get("additionalProperties"), Mapping):
            yield from self._below(field["additionalProperties"], f"{path}.NAME", within)

    def _named(self, name: str, path: str, within: tuple[str, ...], kind: str = "") -> Iterator[KeyRow]:
        found = self.definitions[name]
        if name not in within and "properties" in found:
            yield from self.keys(found, path, (*within, name), kind)

    def _type(self, field: Schema) -> str:
        if "$ref" in field:
            return self._type(self.definitions[field["$ref"].rpartition("/")[2]])
        if "anyOf" in field:
            return " or ".join(
                dict.fromkeys(self._type(one) for one in field["anyOf"] if one != {"type": "null"})
            )
        if "enum" in field or "const" in field:
            return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
        return self._plain(field)

    def _plain(self, field: Schema) -> str:
        kinds = field.get("type", "object")
        names = [_NAMES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)]
        if "minimum" in field and "maximum" in field:
            names = [f"{field['minimum']} to {field['maximum']}"]
        return " or ".join(names)


def _default(field: Schema) -> str:
    """Empty where nothing stands for it: then the key is off, or inherited, or its own keys have defaults."""
    default = field.get("default")
    if default is None or default in ("", [], {}) or isinstance(default, Mapping):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return ", ".join(map(str, default)) if isinstance(default, list) else str(default)
