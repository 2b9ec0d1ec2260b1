//! What a pipeline has done so far, in numbers.

/// What a pipeline has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Records that came in; as many went out.
    pub records: u64,
    /// Scores that were written, one a section and record.
    pub scored: u64,
    /// Alarms that began.
    pub alarms: u64,
    /// Points learned while the order of their series is not yet chosen, or its model warms up.
    pub warming_up: u64,
    /// Points that had been learned before, or may have been: not learned again.
    pub repeated: u64,
    /// Values that are there but are no finite numbers.
    pub refused: u64,
    /// Values that are not scored because the time of their record cannot be read.
    pub unreadable_times: u64,
    /// Records of a watched tag that are no records at all.
    pub malformed: u64,
    /// Points whose time lies ahead of the host's clock: not scored.
    pub ahead: u64,
    /// Points since saving failed: their models are in memory only.
    pub unsaved: u64,
    /// Points that came too late for the monitors of their section: scored, not judged. Records whose window was closed:
    /// not counted.
    pub late: u64,
    /// Records that were changed because the host could not have read them back, see [`Pipeline::mend_records`](crate::Pipeline::mend_records).
    pub mended: u64,
    /// Records that were counted in windows, once for each section.
    pub counted: u64,
    /// Windows that were closed and are to be told.
    pub windows: u64,
    /// Windows that were not told because too many waited.
    pub lost_windows: u64,
    /// Lines that were told to be the first of a template never seen before.
    pub new_patterns: u64,
    /// The same, and not told because too many others were on that day.
    pub untold_patterns: u64,
}

#[cfg(feature = "companion")]
impl Counters {
    /// Adds what another pipeline has done.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            records,
            scored,
            alarms,
            warming_up,
            repeated,
            refused,
            unreadable_times,
            malformed,
            ahead,
            unsaved,
            late,
            mended,
            counted,
            windows,
            lost_windows,
            new_patterns,
            untold_patterns,
        } = other;
        self.records += records;
        self.scored += scored;
        self.alarms += alarms;
        self.warming_up += warming_up;
        self.repeated += repeated;
        self.refused += refused;
        self.unreadable_times += unreadable_times;
        self.malformed += malformed;
        self.ahead += ahead;
        self.unsaved += unsaved;
        self.late += late;
        self.mended += mended;
        self.counted += counted;
        self.windows += windows;
        self.lost_windows += lost_windows;
        self.new_patterns += new_patterns;
        self.untold_patterns += untold_patterns;
    }
}
