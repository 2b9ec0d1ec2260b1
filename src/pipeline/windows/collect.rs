//! From a record to its windows.

use super::Counted;
use super::shared_scan::{SectionInputs, SharedScan};
use crate::bank::Observation;
use crate::pipeline::Pipeline;
use crate::pipeline::section::time_of;
use crate::pipeline::series_model::Counting;
use crate::record::{Found, Value};
use crate::time::Time;

/// Events so much older than the last one for which the host's clock was read ask it again, s.
const OLD_S: i64 = 60;

impl Pipeline {
    /// As [`process`](Pipeline::process), once the tag's sections are known, where some section has windows.
    #[inline(never)] // stack
    pub(in crate::pipeline) fn process_with_windows(&mut self, time: Time, record: &mut Vec<u8>) {
        if self.is_metrics_record() {
            return self.pass(record);
        }
        self.keep_pace(time);
        let Some(windows) = &self.windows else { return };
        let (scan, is_routed) = (windows.scan, windows.is_routed());
        if let Some(scan) = scan {
            self.collect(scan, time, record);
            if !self.seen_lines.is_empty() {
                self.mark_lines(record);
            }
        }
        if !self.route.is_empty() {
            self.score_all(time, record);
        } else if !is_routed {
            self.pass(record);
        } else if scan.is_none() {
            self.mend_unscored(record);
        }
        if self.bank.has_windows() {
            self.carry_window(record);
        }
        self.end_record(record);
    }

    /// Reads the host's clock, once for each second of the events.
    #[inline(always)] // speed
    fn keep_pace(&mut self, time: Time) {
        let (time_s, asked_s) = (time.seconds(), self.bank.asked_s());
        if time_s > asked_s || time_s < asked_s.saturating_sub(OLD_S) {
            self.ask_host(time_s);
        }
    }

    #[inline(never)] // stack
    fn ask_host(&mut self, time_s: i64) {
        let is_tick = self.windows.as_ref().is_some_and(|windows| windows.is_tick);
        match self.time_bound.now() {
            Some(now) => self.bank.tick(now.seconds(), time_s),
            // without a clock, a tick is the time of day
            None if is_tick => self.bank.tick(time_s, time_s),
            None => {}
        }
    }

    /// Counts a record in the windows of all sections that want it.
    #[inline(never)] // stack
    fn collect(&mut self, scan: usize, time: Time, record: &mut Vec<u8>) {
        // apart from the pipeline meanwhile: nothing in between needs it
        let Some(mut windows) = self.windows.take() else { return };
        if let Some(shared) = windows.scans.get_mut(scan)
            && (shared.scan_sound(record) || self.mend_counted(shared, record))
        {
            let SharedScan { inputs, found, .. } = shared;
            for inputs in inputs {
                self.collect_for(inputs, found, time, record);
            }
        }
        self.windows = Some(windows);
    }

    /// Counts a record in the windows of one section.
    #[inline(always)] // speed
    fn collect_for(&mut self, inputs: &SectionInputs, found: &Found, mut time: Time, record: &[u8]) {
        let at = inputs.at;
        if let Some(input) = inputs.time {
            match found.number(record, input).and_then(Time::from_seconds_f64) {
                Some(read) => time = read,
                None => match self.read_odd_time(at, found.value(record, input)) {
                    Some(read) => time = read,
                    None => return,
                },
            }
        }
        if let Some(ahead_s) = self.time_bound.seconds_ahead(time) {
            return self.refuse_time(at, time, ahead_s);
        }
        if !inputs.counts(record, found, &mut self.encoded) {
            return self.bank.advance(at, time.seconds());
        }
        if inputs.is_patterns {
            return self.collect_line(inputs, found, time, record);
        }
        let (value, tail) = match inputs.measure(record, found, &mut self.encoded) {
            Some(measured) => measured,
            None => match self.measure_odd(inputs, found, time, record) {
                Some(value) => (value, 0),
                None => return,
            },
        };
        let is_whole = inputs.key(record, found, &mut self.key);
        self.count_observation(at, Observation { time, value, source: tail }, is_whole);
    }

    /// Counts an observation in a window of the series `self.key`. `is_whole`: the record has all fields of the key.
    #[inline(always)] // speed
    pub(super) fn count_observation(&mut self, at: u16, observation: Observation, is_whole: bool) {
        if !is_whole && !self.shares_without_key(at) {
            return self.bank.advance(at, observation.time.seconds());
        }
        match self.bank.count(at, &self.key, observation, Counting).flatten() {
            Some(Counted::Yes) => self.counters.counted += 1,
            Some(Counted::Late) => self.tell_closed(at),
            Some(Counted::Ahead) => self.counters.ahead += 1,
            None => {}
        }
    }

    /// Counts a record that lacks a field of the key; whether it shares a series with the others that do.
    #[cold]
    #[inline(never)] // stack
    fn shares_without_key(&self, at: u16) -> bool {
        let Some(section) = self.sections.get(usize::from(at)) else { return false };
        section.without_key.set(section.without_key.get() + 1);
        section.shares_without_by
    }

    /// A time that is no number of seconds.
    #[cold]
    #[inline(never)] // stack
    fn read_odd_time(&mut self, at: u16, given: Option<Value<'_>>) -> Option<Time> {
        if let Some(time) = given.and_then(time_of) {
            return Some(time);
        }
        self.counters.unreadable_times += 1;
        let section = self.sections.get(usize::from(at))?;
        let error = section.explain_time(given);
        self.tell_time(&error);
        None
    }

    /// What is measured, where it stands in a text. `None` where it is missing or no number, which is told.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn measure_odd(
        &mut self,
        inputs: &SectionInputs,
        found: &Found,
        time: Time,
        record: &[u8],
    ) -> Option<f64> {
        let given = inputs.field.and_then(|input| found.value(record, input));
        let what = match given {
            None | Some(Value::Null) => None,
            Some(value) => match inputs.number_in(value) {
                Ok(number) => return Some(number),
                Err(what) => Some(what),
            },
        };
        self.bank.advance(inputs.at, time.seconds());
        match what {
            None => self.unscored.missing(inputs.at, record, given.is_some()),
            Some(what) => {
                self.counters.refused += 1;
                self.unscored.not_a_number(inputs.at, what);
            }
        }
        None
    }

    /// Counts a record whose window is closed, and tells of it now and then.
    #[cold]
    #[inline(never)] // stack
    fn tell_closed(&mut self, at: u16) {
        self.counters.late += 1;
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return };
        if let Some(count) = section.late.count(self.time_bound.now()) {
            let message = section.explain_closed(count);
            self.log.push(message);
        }
    }

    /// Mends a record that sections are to count; false if it is no record.
    #[cold]
    #[inline(never)] // stack
    fn mend_counted(&mut self, shared: &mut SharedScan, record: &mut Vec<u8>) -> bool {
        self.mend_unscored(record);
        let is_record = shared.scan(record);
        if !is_record && let Some(inputs) = shared.inputs.first() {
            self.counters.malformed += 1;
            self.unscored.malformed(inputs.at, record);
        }
        is_record
    }
}
