"""`score`, `bands`, and a series that is asked more than once."""

import numpy as np

from ._engine import Instantiated
from ._results import Alarm, Bands, Scores

_BAND_COLUMNS = ("time", "value", "expected", "lower", "upper", "share", "status")


class Series:
    """Points of a series, asked again and again under other settings."""

    def __init__(self, values, times=None, *, spacing=60):
        """Takes values, and their times in whole seconds since 1970.

        Without times a pandas series brings its own, where its index has dates; else the points stand `spacing` seconds
        apart, from 0 on. A value that is not finite is missing.
        """
        if times is None:
            times = _times_of(values)
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 1:
            raise ValueError(f"values: {values.ndim} dimensions are not allowed; allowed is one")
        if times is None:
            times = np.arange(len(values), dtype=np.float64) * spacing
        self._times = np.ascontiguousarray(_seconds(times), dtype=np.float64)
        if self._times.shape != values.shape:
            raise ValueError(f"{self._times.size} times and {values.size} values: one value for each time")
        self._engine = Instantiated(self._times, values)

    def score(self, alarms="1/week", **change_finder):
        """Scores under a budget of false alarms (`1/day`, `1/week`, `1/month`, `off`).

        ChangeFinder's parameters are r, k, T1, T2, ar and score, as in a section of the configuration; without k the order
        is chosen as the filter chooses it.
        """
        settings = {"alarms": alarms, **change_finder}
        self._engine.ask("evaluate", settings)
        said = self._engine.ask("alarms", settings)
        found = [
            Alarm(a["from"], a["to"], a["size"], a["reason"], a["observed"], a["expected"]) for a in said["alarms"]
        ]
        column = self._engine.column
        anomaly_score = column("anomaly_score")
        if not len(anomaly_score):  # alarms="off"
            anomaly_score = np.full(len(self._times), np.nan)
        return Scores(
            self._times.copy(), anomaly_score, column("outlier"), column("change"), found, said.get("judged_from")
        )

    def bands(self, query=None, **settings):
        """Runs an anomaly monitor: a whole query as Datadog has it, or its arguments one by one (algorithm, deviations,
        direction, interval, seasonality, trigger_window, ...), with the keys of `[monitor.*]` beside them.
        """
        said = self._engine.ask("evaluate", {"query": query, **settings})
        columns = {name: self._engine.column(name) for name in _BAND_COLUMNS}
        anomalous = self._engine.column("anomalous").astype(bool)
        return Bands(
            **columns,
            anomalous=anomalous,
            query=said["query"],
            explanation=said["explanation"],
            summary=said["summary"],
        )


def score(values, times=None, *, spacing=60, alarms="1/week", **change_finder):
    """Scores a series; see `Series.score`."""
    return Series(values, times, spacing=spacing).score(alarms, **change_finder)


def bands(values, query=None, times=None, *, spacing=60, **settings):
    """Runs an anomaly monitor over a series; see `Series.bands`. `spacing` is that of points without times, s."""
    return Series(values, times, spacing=spacing).bands(query, **settings)


def _times_of(values):
    """The dates of a pandas series."""
    index = getattr(values, "index", None)
    dates = getattr(index, "values", None)  # a list has a method of this name
    return dates if getattr(dates, "dtype", np.dtype(float)).kind == "M" else None


def _seconds(times):
    """Dates as seconds; numbers are seconds."""
    times = np.asarray(times)
    return times.astype("datetime64[s]").astype(np.int64) if times.dtype.kind == "M" else times
