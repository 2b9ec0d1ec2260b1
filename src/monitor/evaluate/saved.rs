//! A series under its monitors as bytes, and back.

use super::{AlertState, BandEngine, Rollup, SeriesEvaluator, SharedBand};
use crate::codec::{CodecError, Reader, Writer};

impl SeriesEvaluator {
    /// Appends the exact state.
    pub fn save(&self, shared: &SharedBand, w: &mut Writer<'_>) {
        self.rollup.save(w);
        self.cursor.engine.save(w);
        w.varint(self.monitors.len() as u64);
        let mut bytes = Vec::new();
        for (signature, state) in shared.signatures.iter().zip(&self.monitors) {
            bytes.clear();
            state.alert.save(&mut Writer::new(&mut bytes));
            w.u64(*signature);
            w.bytes(&bytes);
        }
    }

    /// Reads what [`SeriesEvaluator::save`] wrote for a shared band with the same [`signature`](SharedBand::signature). The state of a
    /// monitor that was changed since, or that is new, begins anew; the band it uses does not.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes end early or hold what cannot be.
    pub fn restore(shared: &SharedBand, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut evaluator = Self::new(shared);
        evaluator.rollup = Rollup::restore(&shared.rollup, r)?;
        evaluator.cursor.engine = BandEngine::restore(&shared.band, r)?;
        for _ in 0..r.varint("number of monitors")? {
            let signature = r.u64("monitor signature")?;
            let bytes = r.bytes("alert state")?;
            let unchanged = shared.signatures.iter().position(|&ours| ours == signature);
            if let Some(at) = unchanged
                && let (Some(monitor), Some(state)) =
                    (shared.monitors.get(at), evaluator.monitors.get_mut(at))
            {
                let mut inner = Reader::new(bytes);
                state.alert = AlertState::restore(monitor, &mut inner)?;
                if !inner.is_empty() {
                    return Err(CodecError::Invalid { what: "length of an alert state" });
                }
            }
        }
        Ok(evaluator)
    }
}
