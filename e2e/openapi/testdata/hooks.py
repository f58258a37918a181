"""What JSON Schema has no words for: 1.0 is no whole number, and Go's first second is no time."""

import schemathesis

WHOLE = {"count", "quantity", "limits"}


def is_usual(value, name=None):
    if isinstance(value, dict):
        return all(is_usual(v, k) for k, v in value.items())
    if isinstance(value, list):
        return all(is_usual(v, name) for v in value)
    if isinstance(value, str):
        return not value.startswith("0001-01-01T")
    return not (name in WHOLE and isinstance(value, float) and value.is_integer())


@schemathesis.hook
def filter_body(context, body):
    return is_usual(body)
