"""Airfoil shapes of five analytic families, each as one closed curve of unit chord.

A shape is an array of points (n, 2) that runs from the trailing edge along the lower side to the leading edge and back
along the upper side; the trailing edge is sharp, lies at (1, 0), and is both the first and the last point.

Sources: NACA 4-digit: Jacobs, Ward & Pinkerton, NACA Report 460 (1933); 5-digit: Jacobs & Pinkerton, NACA Report 537
(1935); modified 4-digit: Stack & von Doenhoff, NACA Report 492 (1934), coefficients as in Ladson et al., NASA TM 4741
(1996); Karman-Trefftz: Karman & Trefftz, Z. Flugtech. 9 (1918); CST: Kulfan, J. Aircraft 45 (2008).
Thicknesses are closed as in NASA's Turbulence Modeling Resource: the profile is extended to where it closes by itself
(x = 1.00893 for the 4-digit thickness) and scaled back to unit chord.
"""

from math import comb, pi

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]  # (n, 2)
POINTS_PER_SIDE = 400
CLOSING = 1.008930411365  # where the 4-digit thickness is zero
FIVE_DIGIT_CAMBER = {10: (0.0580, 361.4), 20: (0.1260, 51.64), 30: (0.2025, 15.957), 40: (0.2900, 6.643)}
AFT_SLOPE = {2: 0.200, 3: 0.234, 4: 0.315, 5: 0.465, 6: 0.700}  # modified 4-digit, by position of thickness in tenths


def naca4(camber: float, position: float, thickness: float) -> Curve:
    """Return a NACA 4-digit shape; camber, its position and thickness in chords (NACA 2412: 0.02, 0.4, 0.12)."""
    return _wrap(lambda x: _parabolic_camber(x, camber, position), lambda x: _four_digit_thickness(x, thickness))


def naca5(line: int, design_lift: float, thickness: float) -> Curve:
    """Return a NACA 5-digit shape; line 10, 20, 30 or 40, design lift coefficient (NACA 23012: 30, 0.3, 0.12)."""
    if line not in FIVE_DIGIT_CAMBER:
        raise ValueError(f"there is no 5-digit camber line {line}: choose one of {sorted(FIVE_DIGIT_CAMBER)}.")
    m, k1 = FIVE_DIGIT_CAMBER[line]
    scale = k1 / 6 * design_lift / 0.3

    def camber(x: Curve) -> tuple[Curve, Curve]:
        front = x < m
        height = np.where(front, x**3 - 3 * m * x**2 + m**2 * (3 - m) * x, m**3 * (1 - x))
        slope = np.where(front, 3 * x**2 - 6 * m * x + m**2 * (3 - m), -(m**3))
        return scale * height, scale * slope

    return _wrap(camber, lambda x: _four_digit_thickness(x, thickness))


def naca4_modified(camber: float, position: float, thickness: float, nose: float, crest: int) -> Curve:
    """Return a modified 4-digit shape; nose index 6 is the normal radius, crest is where it is thickest, in tenths."""
    if crest not in AFT_SLOPE:
        raise ValueError(f"there is no modified 4-digit shape with crest {crest}: choose one of {sorted(AFT_SLOPE)}.")
    top, v, d1 = crest / 10, 1 - crest / 10, AFT_SLOPE[crest]
    d2, d3 = np.linalg.solve([[v**2, v**3], [2 * v, 3 * v**2]], [0.1 - d1 * v, -d1])
    a0 = 0.296904 * nose / 6
    conditions = [[top, top**2, top**3], [1, 2 * top, 3 * top**2], [0, 2, 6 * top]]
    known = [0.1 - a0 * top**0.5, -0.5 * a0 * top**-0.5, 2 * d2 + 6 * d3 * v + 0.25 * a0 * top**-1.5]
    a1, a2, a3 = np.linalg.solve(conditions, known)

    def half_thickness(x: Curve) -> Curve:
        front = a0 * np.sqrt(x) + a1 * x + a2 * x**2 + a3 * x**3
        rear = d1 * (1 - x) + d2 * (1 - x) ** 2 + d3 * (1 - x) ** 3
        return thickness / 0.2 * np.where(x < top, front, rear)

    return _wrap(lambda x: _parabolic_camber(x, camber, position), half_thickness)


def karman_trefftz(offset: float, camber: float, edge_angle: float) -> Curve:
    """Return the conformal image of a circle around (-offset, camber) through 1; edge angle in degrees, 0: cusp."""
    centre = complex(-offset, camber)
    power = 2 - edge_angle / 180
    start = np.angle(1 - centre)
    angles = start - np.linspace(0, 2 * pi, 2 * POINTS_PER_SIDE + 1)[1:-1]
    circle = centre + abs(1 - centre) * np.exp(1j * angles)
    # The ratio winds once around the origin, so its angle has to be unwrapped before it is raised to the power.
    ratio = (circle - 1) / (circle + 1)
    raised = np.abs(ratio) ** power * np.exp(1j * power * np.unwrap(np.angle(ratio)))
    z = power * (1 + raised) / (1 - raised)
    z = np.concatenate([[power], z, [power]])
    nose = z[np.argmax(np.abs(z - power))]
    z = (z - nose) / (power - nose)
    curve = np.stack([z.real, z.imag], axis=1)
    return curve if _area(curve) < 0 else curve[::-1]


def cst(thickness_weights: list[float], camber_weights: list[float]) -> Curve:
    """Return a class-shape-transformation shape: sqrt(x) (1 - x) times Bernstein polynomials with these weights."""

    def polynomial(x: Curve, weights: list[float]) -> Curve:
        degree = len(weights) - 1
        return sum(w * comb(degree, i) * x**i * (1 - x) ** (degree - i) for i, w in enumerate(weights))

    x = _cosine_spacing()
    shape = np.sqrt(x) * (1 - x)
    half, middle = shape * polynomial(x, thickness_weights), shape * polynomial(x, camber_weights)
    return _join(np.stack([x, middle - half], axis=1), np.stack([x, middle + half], axis=1))


FAMILIES = {f.__name__: f for f in (naca4, naca5, naca4_modified, karman_trefftz, cst)}


def zero_lift_angle(curve: Curve) -> float:
    """Return the angle of zero lift in degrees by thin-airfoil theory (Glauert 1926), from the curve's mean line."""
    nose = int(np.argmin(curve[:, 0]))
    lower, upper = curve[nose::-1], curve[nose:]
    theta = (np.arange(200) + 0.5) * pi / 200
    edges = 0.5 * (1 - np.cos(np.arange(201) * pi / 200))
    mean_line = 0.5 * (np.interp(edges, *lower.T) + np.interp(edges, *upper.T))
    slope = np.diff(mean_line) / np.diff(edges)
    return float(np.degrees(-np.mean(slope * (np.cos(theta) - 1))))


def max_thickness(curve: Curve) -> float:
    """Return the largest distance in y between upper and lower side, in chords."""
    nose = int(np.argmin(curve[:, 0]))
    x = np.linspace(0.01, 0.99, 197)
    return float(np.max(np.interp(x, *curve[nose:].T) - np.interp(x, *curve[nose::-1].T)))


def _cosine_spacing() -> Curve:
    return 0.5 * (1 - np.cos(np.linspace(0, pi, POINTS_PER_SIDE + 1)))


def _four_digit_thickness(x: Curve, thickness: float) -> Curve:
    s = CLOSING * x
    polynomial = 0.2969 * np.sqrt(s) - 0.1260 * s - 0.3516 * s**2 + 0.2843 * s**3 - 0.1015 * s**4
    return 5 * thickness / CLOSING * polynomial


def _parabolic_camber(x: Curve, camber: float, position: float) -> tuple[Curve, Curve]:
    if camber == 0:
        return np.zeros_like(x), np.zeros_like(x)
    p = position
    scale = np.where(x < p, camber / p**2, camber / (1 - p) ** 2)
    return scale * np.where(x < p, 2 * p * x - x**2, 1 - 2 * p + 2 * p * x - x**2), scale * 2 * (p - x)


def _wrap(camber, half_thickness) -> Curve:
    """Lay the thickness at right angles to the camber line, as the NACA reports do."""
    x = _cosine_spacing()
    (height, slope), half = camber(x), half_thickness(x)
    half[-1] = 0.0
    sine, cosine = slope / np.hypot(1, slope), 1 / np.hypot(1, slope)
    lower = np.stack([x + half * sine, height - half * cosine], axis=1)
    upper = np.stack([x - half * sine, height + half * cosine], axis=1)
    return _join(lower, upper)


def _join(lower: Curve, upper: Curve) -> Curve:
    return np.concatenate([lower[::-1], upper[1:]])


def _area(curve: Curve) -> float:
    x, y = curve.T
    return 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
