"""Scores, alarms and anomaly bands of a time series.

The engine is the WebAssembly module of fluent-anomaly's page: the numbers are those of the filter in Fluent Bit and of
the command, bit for bit.
"""

from ._results import Alarm, Bands, Scores
from ._series import Series, bands, score

__version__ = "0.0.0"  # `cargo xtask wheel` writes the version of the repository
__all__ = ["Alarm", "Bands", "Scores", "Series", "bands", "score"]
