//! What the bank keeps for each series, and what it is asked.

use crate::codec::{CodecError, Reader, Writer};
use crate::time::Time;

/// One value of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Event time.
    pub time: Time,
    /// As the record states it; models decide what they refuse.
    pub value: f64,
    /// Tells values of one time apart where several sources feed one model; 0 where a series has one source.
    pub source: u32,
}

/// What a bank keeps for each series.
///
/// `update` and `pass` must depend on nothing but the model, the spec and their arguments, or a restart would change scores.
pub(crate) trait Model: Sized {
    /// What all series of a section share.
    type Spec;
    /// What a silent series reports.
    type Silence;

    /// A model that has seen nothing.
    fn new(spec: &Self::Spec) -> Self;
    /// Learns one observation.
    fn update(&mut self, spec: &Self::Spec, observation: Observation);
    /// Whether the source of an observation is the id of a series that [`Bank::name`](super::Bank::name) gave.
    fn has_named_sources(_spec: &Self::Spec) -> bool {
        false
    }
    /// How often silent series are looked after, in seconds of their section's event time; `None`: never.
    fn clock_seconds(_spec: &Self::Spec) -> Option<u32> {
        None
    }
    /// Called once a clock step for each series: its section is at `now`, itself was last `seen` then.
    fn pass(&mut self, _spec: &Self::Spec, _seen: Time, _now: Time, _report: &mut dyn FnMut(Self::Silence)) {}
    /// Whether the models of this spec collect records in windows.
    fn has_windows(_spec: &Self::Spec) -> bool {
        false
    }
    /// Whether a window ends for the clock of its section between these two times, s.
    fn closes_windows(_spec: &Self::Spec, _before_s: i64, _now_s: i64) -> bool {
        false
    }
    /// The clock of its section, before an observation is learned, s.
    fn set_clock(&mut self, _clock_s: i64) {}
    /// Closes the windows that are over at `now_s` and reports those that are to be told: where each begins, whether it
    /// alarms, and what there is to say. The last observation was made at `seen`.
    fn close_windows(
        &mut self,
        _spec: &Self::Spec,
        _seen: Time,
        _now_s: i64,
        _report: &mut dyn FnMut(i64, bool, Box<[u8]>),
    ) {
    }
    /// Learns a line of text. The value by which [`update`](Model::update) does the same; `None`: none does, the line is
    /// read again.
    fn read_line(&mut self, _spec: &Self::Spec, _time: Time, _line: &[u8]) -> Option<f64> {
        None
    }
    /// The clock of its section was wrong, and is set back.
    fn rewind(&mut self, _spec: &Self::Spec, _now_s: i64) {}
    /// Writes everything the next update depends on.
    fn save(&self, spec: &Self::Spec, w: &mut Writer<'_>);
    /// The inverse of [`save`](Model::save).
    ///
    /// # Errors
    /// When the bytes were not written by `save` under this spec.
    fn restore(spec: &Self::Spec, r: &mut Reader<'_>) -> Result<Self, CodecError>;
    /// Writes a report of a silent series that waits for a record.
    #[cfg(feature = "companion")]
    fn save_silence(_silence: &Self::Silence, _w: &mut Writer<'_>) {}
    /// The inverse of [`save_silence`](Model::save_silence).
    ///
    /// # Errors
    /// When the bytes were not written by it.
    #[cfg(feature = "companion")]
    fn restore_silence(_r: &mut Reader<'_>) -> Result<Self::Silence, CodecError> {
        Err(CodecError::Invalid { what: "report of a silent series" })
    }
    /// The most bytes a model takes, inline and on the heap.
    fn memory_bytes(spec: &Self::Spec) -> usize;
}

/// Lets a model learn one observation and takes from it what this caller wants to know.
///
/// A trait and no closure: a closure with several callers is not inlined, and its result goes through memory.
pub(crate) trait Observe<M: Model> {
    /// The result for the caller.
    type Answer;
    /// Does with the model what [`Model::update`] would do.
    fn observe(self, model: &mut M, spec: &M::Spec, observation: Observation) -> Self::Answer;
}

/// Lets a model learn a line of text, as [`Observe`] does a value.
pub(crate) trait ReadLine<M: Model> {
    /// The result for the caller.
    type Answer;
    /// Does with the model what [`Model::read_line`] would do, and returns the same.
    fn read_line(self, model: &mut M, spec: &M::Spec, time: Time, line: &[u8])
    -> (Self::Answer, Option<f64>);
}

/// Recognises a section between runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SectionId {
    /// The name in the configuration file.
    pub name: String,
    /// A checksum over all parameters that the models depend on.
    pub signature: u64,
}

/// A section and what its models share.
#[derive(Debug)]
pub(crate) struct BankSection<M: Model> {
    /// Saved models return only to a section with the same id.
    pub id: SectionId,
    /// Handed to each call of a model.
    pub spec: M::Spec,
}
