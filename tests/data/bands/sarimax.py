"""One-step errors of fitted SARIMAX models on the series of tests/engine/bands_oracles.rs.

    pip install statsmodels==0.15.0
    python tests/data/bands/sarimax.py > tests/data/bands/sarimax.json

The generator is that of tests/common/series.rs and tests/engine/bands_oracles.rs, number by number.
"""

import json
import math
import warnings

import numpy as np
from statsmodels.tsa.statespace.sarimax import SARIMAX

MASK = (1 << 64) - 1


class Rng:
    """SplitMix64 with Box-Muller."""

    def __init__(self, seed):
        self.state = (seed * 0x9E3779B97F4A7C15 & MASK) ^ 0x5851F42D4C957F2D
        self.spare = None

    def next_u64(self):
        self.state = self.state + 0x9E3779B97F4A7C15 & MASK
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        return z ^ z >> 31

    def uniform(self):
        return ((self.next_u64() >> 11) + 0.5) / (1 << 53)

    def normal(self):
        if self.spare is not None:
            spare, self.spare = self.spare, None
            return spare
        radius = math.sqrt(-2.0 * math.log(self.uniform()))
        angle = math.tau * self.uniform()
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)


def wave(t, m, harmonic):
    return math.sin(math.tau * harmonic * (t % m) / m)


def series_a(seed):
    """Hourly season of one-minute points: two harmonics, independent noise."""
    rng = Rng(seed)
    return [10.0 * wave(t, 60, 1) + 4.0 * wave(t, 60, 2) + 0.5 * rng.normal() for t in range(600)]


def series_b(seed):
    """Daily season of hourly points: growth, office hours, autoregressive noise."""
    rng = Rng(seed)
    x = 0.0
    values = []
    for t in range(480):
        x = 0.7 * x + 0.5 * rng.normal()
        office = 5.0 if 8 <= t % 24 < 18 else 0.0
        values.append(10.0 * wave(t, 24, 1) + office + 2.0 * t / 24 + x)
    return values


def mae(values, m, order, seasonal, judged):
    """Fits on the six seasons before the last `judged`, filters on, judges those."""
    values = np.array(values)
    end = len(values) - judged * m
    # a season more, which the seasonal difference uses up
    start = end - 7 * m
    fitted = SARIMAX(
        values[start:end], order=order, seasonal_order=(*seasonal, m), simple_differencing=False
    ).fit(disp=False, maxiter=60)
    result = fitted.append(values[end:])
    forecast = result.predict(start=end - start, end=len(values) - start - 1)
    return float(np.mean(np.abs(forecast - values[end:])))


def main():
    warnings.simplefilter("ignore")
    out = {
        "head": {"a": series_a(0)[:5], "b": series_b(0)[:5]},
        "tail": {"a": series_a(5)[-1], "b": series_b(5)[-1]},
        "a": [mae(series_a(seed), 60, (1, 0, 0), (0, 1, 1), 2) for seed in range(6)],
        "b": [mae(series_b(seed), 24, (1, 0, 1), (0, 1, 1), 4) for seed in range(6)],
    }
    print(json.dumps(out, indent=1))


main()
