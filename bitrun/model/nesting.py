"""How deeply JSON may be nested: what reads and writes it here calls itself for each level."""

import re
from itertools import accumulate

MAX_DEPTH = 200

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_AS_ARRAYS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEPS = {ord("["): 1, ord("]"): -1}
_MAX_PEELED = 16  # levels; few texts have more


def is_too_deep(text: bytes) -> bool:
    """Whether a JSON text has more than MAX_DEPTH arrays and objects in one another."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", text).translate(_AS_ARRAYS, _OTHERS)
    peeled = 0
    while peeled < _MAX_PEELED and b"[]" in brackets:
        brackets = brackets.replace(b"[]", b"")  # the innermost level: far faster than to count
        peeled += 1
    left = max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)
    return peeled + left > MAX_DEPTH
