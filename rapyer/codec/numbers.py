"""What becomes of numbers in stored JSON."""

from __future__ import annotations

from pydantic_core import to_json

_LEAST_POWER = 308


def as_stored(number: float) -> float:
    """Return the number that the server keeps for one, which may be the next to it.

    Of what it reads it takes the digits as one number and multiplies or divides that by a power of ten; both
    are rounded. So numbers of 16 or 17 digits may change, and those of fewer where the power is beyond 22.

    Args:
        number: A finite number.
    """
    digits, _, power = to_json(abs(number)).decode().partition("e")
    whole, _, fraction = digits.partition(".")
    exponent = int(power or 0) - len(fraction)
    found = float(int(whole + fraction))
    while exponent < -_LEAST_POWER:
        found /= 1e308
        exponent += _LEAST_POWER
    found = found * float(f"1e{exponent}") if exponent >= 0 else found / float(f"1e{-exponent}")
    return -found if number < 0 else found
