//! The series' own point spacing, learned from the times it comes with.

/// Running estimate of the mean spacing of points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clock {
    /// Time of the last point, s.
    pub last_s: f64,
    /// Mean spacing, s; 0 until two different times were seen.
    spacing_s: f64,
    /// Gaps seen, saturating.
    gaps: u32,
}

impl Clock {
    pub(super) fn new(time_s: f64) -> Self {
        Self { last_s: time_s, spacing_s: 0.0, gaps: 0 }
    }

    /// Learns the gap before a point at `time_s`. A gap counts at most ten times the mean: an outage says
    /// nothing about the spacing. Time that stands still counts as a gap of 0, time that runs back not at all.
    pub(super) fn tick(&mut self, time_s: f64) {
        let gap = time_s - self.last_s;
        self.last_s = time_s;
        if !(0.0..=1e12).contains(&gap) {
            return;
        }
        self.gaps = self.gaps.saturating_add(1).min(1000);
        let gap = if self.spacing_s > 0.0 { gap.min(10.0 * self.spacing_s) } else { gap };
        self.spacing_s += (gap - self.spacing_s) / f64::from(self.gaps);
    }

    /// Mean spacing of points, s, at least a millisecond.
    pub(super) fn spacing_s(&self) -> f64 {
        if self.spacing_s > 0.0 { self.spacing_s.max(1e-3) } else { 60.0 }
    }
}
