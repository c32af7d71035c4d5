"""Ways in which a file goes wrong, for hypothesis to choose from."""

from hypothesis import strategies as st

from trials import targets

# What readers of YAML, CSV, JSON and safetensors stumble over; each is put somewhere into a valid file.
ODD = [
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b'"',
    b"'",
    b",",
    b"\r",
    b"\n",
    b"\xc2\x85",
    b"{{",
    b"}",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"- " * 1000,
    b"&a [*a, *a]",
    b"*a",
    b"<<: *a",
    b"&a",
    b"!!python/object/apply:os.system [exit]",
    b"!!binary x",
    b"!!bool x",
    b"2020-13-45",
    b'"\\ud800"',
    b'"\\U00110000"',
    b"NaN",
    b"-Infinity",
    b"1e999",
    b".inf",
    b"9" * 5000,
    b"x" * 140_000,
    b"null",
    b"true",
    b"~",
    b"mood,mood",
    b"{text!r}",
    b"{0}",
    b"{text:{label}}",
    b"__import__('os')",
    b"lambda: 0",
    b"shots=((((1,",
    b"{[]: 1}",
]


@st.composite
def damaged(draw: st.DrawFn, target: str) -> bytes:
    """Draw a valid input of a target with some bits flipped, pieces cut out, and odd things put in."""
    raw = bytearray(draw(st.sampled_from(targets.seeds(target))))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(raw) - 1, 0)))
        kind = draw(st.sampled_from(["flip", "cut", "end", "odd", "again"]))
        if kind == "flip" and raw:
            raw[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del raw[place : place + draw(st.integers(1, 40))]
        elif kind == "end":
            del raw[place:]
        elif kind == "odd":
            raw[place:place] = draw(st.sampled_from(ODD) | st.binary(max_size=12))
        else:
            raw[place:place] = raw[place : place + draw(st.integers(1, 200))]
    return bytes(raw)
