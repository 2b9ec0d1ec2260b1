"""The wheel as others use it: run by a Python that has it installed.

FLUENT_ANOMALY names the command, for the comparison of bits; without it that test is skipped.
"""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

import fluent_anomaly as fa

HERE = Path(__file__).resolve().parent
COMMAND = os.environ.get("FLUENT_ANOMALY")
QUERY = (
    "avg(last_75m):anomalies(avg:v{*}, 'agile', 3, direction='both', alert_window='last_15m', interval=60, "
    "count_default_zero='true', seasonality='hourly') >= 0.5"
)
START = 1_700_000_000 // 3600 * 3600
TIMES = START + 60 * np.arange(2000)
VALUES = np.array([(n * 7919 % 101) / 7 + 20 * np.sin(n / 60 * 2 * np.pi) for n in range(2000)])
VALUES[1500:1520] = 100


class Wheel(unittest.TestCase):
    def test_what_the_readme_shows_runs(self):
        text = (HERE.parent / "README.md").read_text()
        names = {}
        for block in re.findall(r"```python\n(.*?)```", text, re.S):
            exec(block, names)
        self.assertEqual([alarm.reason for alarm in names["scores"].alarms], ["spike"])
        self.assertEqual(len(names["bands"].lower), 3 * 1440)
        self.assertTrue(names["bands"].anomalous[4000])

    def test_a_score_stands_for_each_point_and_is_nan_during_warm_up(self):
        scores = fa.score(VALUES, TIMES, k=4)
        for name in ("time", "anomaly_score", "outlier", "change", "is_alarm"):
            self.assertEqual(len(getattr(scores, name)), len(VALUES), name)
        first = np.flatnonzero(np.isfinite(scores.outlier))[0]
        self.assertEqual(first, 4 + 50 + 10 + 5)  # k + 1/r + T1 + T2
        self.assertTrue(np.isfinite(scores.outlier[first:]).all())

    def test_times_come_from_dates_seconds_or_spacing(self):
        dates = TIMES.astype("datetime64[s]").astype("datetime64[ns]")
        expected = fa.score(VALUES, TIMES, k=4)
        for got in (fa.score(VALUES, dates, k=4), fa.score(list(VALUES), list(map(float, TIMES)), k=4)):
            np.testing.assert_array_equal(got.time, expected.time)
            np.testing.assert_array_equal(got.anomaly_score, expected.anomaly_score)
        np.testing.assert_array_equal(fa.score([1, 2, 3], spacing=10).time, [0, 10, 20])

    def test_a_series_of_pandas_brings_its_dates(self):
        try:
            import pandas
        except ImportError:
            self.skipTest("pandas is not installed")
        index = pandas.to_datetime(TIMES, unit="s")
        np.testing.assert_array_equal(fa.score(pandas.Series(VALUES, index=index), k=4).time, TIMES)

    def test_missing_values_no_points_and_no_budget_are_allowed(self):
        values = VALUES.copy()
        values[700] = np.nan
        self.assertTrue(np.isnan(fa.score(values, TIMES, k=4).outlier[700]))
        self.assertEqual(len(fa.score([]).outlier), 0)
        off = fa.score(VALUES, TIMES, alarms="off", k=4)
        self.assertTrue(np.isnan(off.anomaly_score).all())
        self.assertEqual(off.alarms, [])

    def test_what_is_wrong_is_told_in_the_words_of_the_command(self):
        for call, words in (
            (lambda: fa.score(VALUES, r=2), "r: "),
            (lambda: fa.score(VALUES, alarms="2/minute"), "alarms: "),
            (lambda: fa.score(VALUES, colour="red"), "colour: unknown key"),
            (lambda: fa.bands(VALUES, "avg"), "query: expected"),
            (lambda: fa.bands(VALUES, deviations=-1), "deviations: "),
            (lambda: fa.score([1, 2], [1]), "1 times and 2 values"),
            (lambda: fa.score([1], [0.5]), "time of point 0: 0.5 is not allowed"),
            (lambda: fa.score([[1]]), "2 dimensions"),
        ):
            with self.assertRaises(ValueError) as raised:
                call()
            self.assertIn(words, str(raised.exception))

    @unittest.skipUnless(COMMAND, "FLUENT_ANOMALY=/path/of/fluent-anomaly is not set")
    def test_the_numbers_are_those_of_the_command_bit_for_bit(self):
        scores, bands = fa.score(VALUES, TIMES, alarms="1/day", k=4), fa.bands(VALUES, QUERY, TIMES)
        starts = []
        compared = {"anomaly_score": 0, "score_outlier": 0, "lower": 0}
        for n, record in enumerate(filtered()):
            for field, column in (
                ("score_outlier", scores.outlier),
                ("score_change", scores.change),
                ("anomaly_score", scores.anomaly_score),
            ):
                compared[field] = compared.get(field, 0) + self.equal(record, field, column[n])
            if record.get("alarm") == "start":
                starts.append(record["time"])
            for field in ("expected", "lower", "upper"):
                compared[field] = compared.get(field, 0) + self.equal(record["anomaly"], field, getattr(bands, field)[n])
        self.assertGreater(min(compared.values()), 1000, compared)
        self.assertEqual([alarm.start for alarm in scores.alarms], starts)
        self.assertTrue(starts and bands.anomalous[1500:1520].any())

    def equal(self, record, field, value):
        if field in record:
            self.assertEqual(record[field], value, (field, record))
            return 1
        return 0


def filtered():
    """The points as records, through the command."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "f.ini")
        config.write_text(
            "[filter]\nstate: off\nalarms: 1/day\n[series.x]\nmatch: *\nvalue: $v\nk: 4\n"
            f"[monitor.m]\non: x\nquery: {QUERY}\n"
        )
        lines = "".join(
            json.dumps({"time": int(time), "v": value}) + "\n" for time, value in zip(TIMES, VALUES.tolist())
        )
        said = subprocess.run(
            [COMMAND, "filter", "--config", config, "--time-key", "time"],
            input=lines,
            capture_output=True,
            text=True,
            check=True,
        )
        return [json.loads(line) for line in said.stdout.splitlines()]


if __name__ == "__main__":
    unittest.main()
