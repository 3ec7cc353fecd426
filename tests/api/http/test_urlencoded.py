"""Form fields decode as in the standard library, in bounded memory."""

import tracemalloc
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrun.api.http import urlencoded
from bitrun.model.errors import RequestError

TEXT = st.lists(st.sampled_from([*"%4aA+ =&xy", "%41", "é"])).map(
    lambda parts: "".join(parts).encode()
)


@given(TEXT, st.sampled_from([3, 4, 5, 7, 1 << 16]))
def test_it_decodes_as_the_standard_library(encoded: bytes, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urlencoded, "_CHUNK", chunk)
        found = urlencoded.parse(encoded, 10_000)
    expected = parse_qsl(
        encoded.decode("utf-8", "surrogateescape"), keep_blank_values=True, errors="surrogateescape"
    )
    assert [(name, value.decode("utf-8", "surrogateescape")) for name, value in found] == expected


@pytest.mark.parametrize("piece", [b"%41", b"%", b"a", b"+", b"=", b"\xff"])
def test_memory_is_a_few_times_the_body(piece: bytes) -> None:
    encoded = b"content=" + piece * (2_000_000 // len(piece))
    tracemalloc.start()
    try:
        urlencoded.parse(encoded, 64)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(encoded) + 4_000_000


def test_the_number_of_fields_is_limited() -> None:
    assert len(urlencoded.parse(b"&".join([b"a=1"] * 64), 64)) == 64
    with pytest.raises(RequestError, match="At most 64 fields are possible"):
        urlencoded.parse(b"&".join([b"a=1"] * 65), 64)
    with pytest.raises(RequestError):
        urlencoded.parse(b"&" * 5_000_000, 64)
