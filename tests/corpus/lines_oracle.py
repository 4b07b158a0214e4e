"""Lines as bytes.split tells them, with their places."""

import itertools

MARK = b"\xef\xbb\xbf"


def lines_of(raw: bytes) -> list[tuple[int, bytes]]:
    """(place, line) of every line that holds more than white space, without its end and without
    the mark at a file's beginning."""
    parts = raw.split(b"\n")
    places = itertools.accumulate((len(part) + 1 for part in parts[:-1]), initial=0)
    told = [
        (place, part if place else part.removeprefix(MARK))
        for place, part in zip(places, parts, strict=True)
    ]
    return [(place, part) for place, part in told if part.strip()]
