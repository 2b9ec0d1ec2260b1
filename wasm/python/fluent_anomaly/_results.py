"""What the engine says of a series."""

from dataclasses import dataclass
from typing import List, Optional

import numpy as np


@dataclass(frozen=True)
class Alarm:
    """An alarm, from its first to its last alarming point."""

    start: float  # s since 1970
    end: float  # s since 1970
    size: float  # of its largest point, in usual deviations
    reason: str  # what happened: spike, level, ...
    observed: float
    expected: float


@dataclass(frozen=True)
class Scores:
    """Scores, one a point; NaN while a model warms up, and for values that are none."""

    time: np.ndarray  # s since 1970
    anomaly_score: np.ndarray  # calibrated, 0 to 1
    outlier: np.ndarray  # ChangeFinder's first score
    change: np.ndarray  # ChangeFinder's second score
    alarms: List[Alarm]
    judged_from: Optional[float]  # the first point with an anomaly_score, s since 1970

    @property
    def is_alarm(self):
        """Whether a point lies within an alarm."""
        inside = np.zeros(len(self.time), dtype=bool)
        for alarm in self.alarms:
            inside |= (self.time >= alarm.start) & (self.time <= alarm.end)
        return inside


@dataclass(frozen=True)
class Bands:
    """What a monitor says: a row for each point that counts, and for each change in a silence. NaN: nothing to say."""

    time: np.ndarray  # s since 1970
    value: np.ndarray  # of the point's bucket so far
    expected: np.ndarray  # most likely value
    lower: np.ndarray  # least value that is no anomaly
    upper: np.ndarray  # largest value that is no anomaly
    share: np.ndarray  # of anomalous points in the trigger window, 0 to 1
    anomalous: np.ndarray  # whether the value is anomalous in the monitor's direction
    status: np.ndarray  # 0 OK, 1 WARN, 2 ALERT, 3 NO DATA, 4 not judged yet
    query: str
    explanation: List[str]  # what will be alerted on, in plain words
    summary: dict  # points, judged, anomalous, alerts, warnings, late
