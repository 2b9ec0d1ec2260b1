//! A series under its monitors as bytes, and back.

use super::constant_run::ConstantRun;
use super::{AlertState, BandEngine, Rollup, SeriesEvaluator, SharedBand};
use crate::codec::{CodecError, Reader, Writer};

/// Set in the number of monitors where the run beside a constant follows them, which versions before it did not keep.
const WITH_CONSTANT: u64 = 1 << 32;

impl SeriesEvaluator {
    /// Appends the exact state.
    pub fn save(&self, shared: &SharedBand, w: &mut Writer<'_>) {
        self.rollup.save(w);
        self.cursor.engine.save(w);
        w.varint(self.monitors.len() as u64 | WITH_CONSTANT);
        let mut bytes = Vec::new();
        for (signature, state) in shared.signatures.iter().zip(&self.monitors) {
            bytes.clear();
            state.alert.save(&mut Writer::new(&mut bytes));
            w.u64(*signature);
            w.bytes(&bytes);
        }
        self.cursor.constant.save(w);
        if shared.fallback.is_some() {
            w.u8(u8::from(self.cursor.fallback.is_some()));
            self.cursor.fallback.iter().for_each(|engine| engine.save(w));
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
        let monitors = r.varint("number of monitors")?;
        for _ in 0..monitors & !WITH_CONSTANT {
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
        if monitors & WITH_CONSTANT != 0 {
            evaluator.cursor.constant = ConstantRun::restore(r)?;
        }
        if let Some(spec) = &shared.fallback {
            evaluator.cursor.fallback = match r.u8("fallback")? {
                0 => None,
                1 => Some(Box::new(BandEngine::restore(spec, r)?)),
                _ => return Err(CodecError::Invalid { what: "fallback" }),
            };
        }
        Ok(evaluator)
    }
}
