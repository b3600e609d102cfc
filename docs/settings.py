"""Writes docs/settings.md and .env.example from the settings class: `python -m docs.settings`."""

from typing import Any

from rubberduck.core.settings import PREFIX, ROOT, Settings

PAGE, EXAMPLE = ROOT / "docs" / "settings.md", ROOT / ".env.example"
BEGIN, END = "<!-- settings -->\n", "<!-- end -->\n"
HEAD = "| Variable | Default | Values | Meaning |\n|---|---|---|---|\n"


def table() -> str:
    """Return one Markdown row for each setting: name, default, accepted values, description."""
    properties = Settings.model_json_schema()["properties"]
    rows = []
    for name, field in Settings.model_fields.items():
        default = _default(field.default)
        values = _values(properties[name])
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {values} | {field.description} |\n")
    return HEAD + "".join(rows)


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{value:d}`"
    if isinstance(value, tuple):
        value = ",".join(map(str, value)) or None
    return "none" if value is None else f"`{value}`"


def _values(schema: dict[str, Any]) -> str:
    """Return the accepted values, from the JSON Schema of one setting.

    >>> _values({"type": "integer", "minimum": 1, "maximum": 3650}), _values({"enum": ["a", "b"]})
    ('1 to 3,650', '`a`, `b`')
    >>> _values({"anyOf": [{"type": "string", "minLength": 16}, {"type": "null"}]})
    'at least 16 characters'
    """
    schema = schema.get("anyOf", [schema])[0]
    if schema.get("type") == "boolean":
        return "`0`, `1`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "maximum" in schema:
        return f"{schema['minimum']:,} to {schema['maximum']:,}"
    if "minimum" in schema:
        return f"{schema['minimum']:,} or more"
    if "minLength" in schema:
        least = schema["minLength"]
        return f"at least {least} character{'s' if least > 1 else ''}"
    return {"path": "a folder", "file-path": "a file"}.get(schema.get("format", ""), "text")


def page() -> str:
    """Return docs/settings.md with a fresh table between its two marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def example() -> str:
    """Return .env.example: its first lines, and each setting with its default, commented out."""
    before, _, _ = EXAMPLE.read_text().partition("\n# DUCK_")
    lines = (
        f"# {PREFIX}{name.upper()}={_in_file(field.default)}\n"
        for name, field in Settings.model_fields.items()
    )
    return before + "\n" + "".join(lines)


def _in_file(value: object) -> str:
    """Return a default as a line of .env has it.

    >>> _in_file(True), _in_file(("a", "b")), _in_file(None), _in_file("openid email")
    ('1', 'a,b', '', '"openid email"')
    """
    if isinstance(value, bool):
        return f"{value:d}"
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    text = "" if value is None else str(value)
    return f'"{text}"' if " " in text else text


if __name__ == "__main__":
    PAGE.write_text(page())
    EXAMPLE.write_text(example())
