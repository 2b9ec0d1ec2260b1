//! What all series of a section share.

use crate::codec::CodecError;
use crate::config::ChangeFinderSettings;
use crate::detector::calibrated::CalibratedSpec;
use crate::detector::{MAX_SUMMED_ORDER, Params, ParamsError};

/// The seed's range of orders.
const MAX_CHOSEN_ORDER: usize = MAX_SUMMED_ORDER;

/// What all series of a section share.
#[derive(Debug, Clone)]
pub struct ScoreSpec {
    /// For each order that may occur; a single one when the order is given.
    pub(super) params: Vec<Params>,
    pub(super) fixed: bool,
    /// The scores of a model that warms up are kept back.
    pub(super) warm_up: bool,
    /// Points of a series whose scores are remembered, for sources that send a point again after a failure.
    pub(super) remembered: usize,
    /// The calibrated score beside it, where it is wanted.
    pub(super) calibrated: Option<CalibratedSpec>,
}

impl ScoreSpec {
    /// From a section's settings; `warm_up` keeps back the scores of a model that warms up; `remembered` points are
    /// recognised when they come again.
    ///
    /// # Errors
    /// When the settings were not checked.
    pub fn new(
        settings: &ChangeFinderSettings,
        warm_up: bool,
        remembered: usize,
        calibrated: Option<CalibratedSpec>,
    ) -> Result<Self, ParamsError> {
        let orders = match settings.order {
            Some(order) => order..=order,
            None => 1..=MAX_CHOSEN_ORDER,
        };
        let params = orders.map(|order| settings.params(order)).collect::<Result<_, _>>()?;
        Ok(Self { params, fixed: settings.order.is_some(), warm_up, remembered, calibrated })
    }

    pub(super) fn params(&self, index: u16) -> Result<&Params, CodecError> {
        self.params.get(usize::from(index)).ok_or(CodecError::Invalid { what: "AR order" })
    }
}
