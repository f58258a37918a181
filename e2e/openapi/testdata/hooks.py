"""What the service's JSON says otherwise than JSON Schema: 1.0 is no whole number."""

import schemathesis

WHOLE = {"count", "quantity", "limits"}


def is_written_whole(value, name=None):
    if isinstance(value, dict):
        return all(is_written_whole(v, k) for k, v in value.items())
    if isinstance(value, list):
        return all(is_written_whole(v, name) for v in value)
    return not (name in WHOLE and isinstance(value, float) and value.is_integer())


@schemathesis.hook
def filter_body(context, body):
    return is_written_whole(body)
