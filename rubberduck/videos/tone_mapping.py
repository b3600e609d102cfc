"""Turn HDR pictures into sRGB: tone-mapped, with the colours they were meant to have.

The formulas are the ITU's: BT.2100 for the transfer functions of HDR, BT.2390 for the curve, here
of each colour by itself, BT.2408 for the level of white.

Libraries looked at: FFmpeg's `scale` filter (8.1) needs 3 to 9 seconds to build its table, for each
reading, and its `tonemap` filter needs the `zscale` filter, which PyAV's wheel lacks.
"""

from functools import cache
from math import copysign, exp

from PIL import Image, ImageFilter

PQ, HLG = 16, 18  # transfer functions, as ITU-T H.273 numbers them
BT2020 = 9  # primaries
PEAK, WHITE = 1000.0, 203.0  # cd/m²: the most of the source that is kept apart, and sRGB's white
SIDE = 17  # entries of the table of colours, in each of its three directions
BT2020_TO_BT709 = (
    (1.660491, -0.587641, -0.072850),
    (-0.124550, 1.132900, -0.008350),
    (-0.018151, -0.100579, 1.118730),
)
M1, M2, C1, C2, C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128


def to_srgb(image: Image.Image, transfer: int) -> Image.Image:
    """Return an RGB picture with BT.2020 primaries as sRGB.

    `transfer`: its transfer function. Others than PQ and HLG are not HDR: only the primaries
    change then.
    """
    if transfer in (PQ, HLG):
        image = image.point(curve(transfer) * 3)
    return image.filter(_primaries())


@cache
def curve(transfer: int) -> list[int]:
    """Return what each value of PQ or HLG becomes, 0 to 255."""
    light = pq_to_light if transfer == PQ else _hlg_to_light
    return [round(255 * _to_gamma(tone(light(value / 255)) / WHITE)) for value in range(256)]


def tone(light: float) -> float:
    """Compress 0 to PEAK cd/m² into 0 to WHITE: BT.2390's curve, which leaves dark parts alone."""
    peak = light_to_pq(PEAK)
    signal, most = min(1.0, light_to_pq(light) / peak), light_to_pq(WHITE) / peak
    knee = 1.5 * most - 0.5
    if signal > knee:
        t = (signal - knee) / (1 - knee)
        signal = (
            (2 * t**3 - 3 * t**2 + 1) * knee
            + (t**3 - 2 * t**2 + t) * (1 - knee)
            + (-2 * t**3 + 3 * t**2) * most
        )
    return pq_to_light(signal * peak)


def pq_to_light(signal: float) -> float:
    """Return cd/m² of a PQ signal of 0 to 1."""
    power: float = signal ** (1 / M2)
    light: float = (max(power - C1, 0.0) / (C2 - C3 * power)) ** (1 / M1)
    return 10_000 * light


def light_to_pq(light: float) -> float:
    power: float = (light / 10_000) ** M1
    signal: float = ((C1 + C2 * power) / (1 + C3 * power)) ** M2
    return signal


def _hlg_to_light(signal: float) -> float:
    """Return cd/m² on a screen of 1000, whose system gamma is 1.2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = signal**2 / 3 if signal <= 0.5 else (exp((signal - c) / a) + b) / 12
    light: float = PEAK * scene**1.2
    return light


@cache
def _primaries() -> ImageFilter.Color3DLUT:
    """Return the table from BT.2020's primaries to BT.709's."""

    def convert(*signal: float) -> tuple[float, float, float]:
        light = [_to_linear(part) for part in signal]
        red, green, blue = (
            _to_gamma(sum(share * part for share, part in zip(row, light, strict=True)))
            for row in BT2020_TO_BT709
        )
        return red, green, blue

    return ImageFilter.Color3DLUT.generate(SIDE, convert)


def _to_gamma(light: float) -> float:
    """Return sRGB's signal; beyond 0 and 1 too, so that the table is smooth at its ends."""
    part = abs(light)
    signal: float = 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
    return copysign(signal, light)


def _to_linear(signal: float) -> float:
    light: float = signal / 12.92 if signal <= 0.04045 else ((signal + 0.055) / 1.055) ** 2.4
    return light
