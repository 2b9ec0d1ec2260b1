//! Scores -> fields of a record.

use crate::config::Section;
use crate::detector::Scores;
use crate::record::{Field, Output};

/// What the filter adds when it has something to tell that is no score.
pub const ERROR_FIELD: &str = "anomaly_error";

const METRIC_OUTLIER: usize = 0;
const SCORE_OUTLIER: usize = 1;
const METRIC_CHANGE: usize = 2;
const SCORE_CHANGE: usize = 3;

/// The fields that a section's scores may fill, in the order in which they are written.
#[must_use]
pub fn outputs(section: &Section) -> Vec<Output> {
    let [outlier, change] = section.metric_names();
    let constants = [Some(outlier), None, Some(change), None];
    section
        .annotation_names()
        .into_iter()
        .zip(constants)
        .map(|(name, constant)| Output { name, constant })
        .collect()
}

/// ChangeFinder's scores under the seed's names.
#[must_use]
pub fn score_fields(scores: Scores) -> [(usize, Field<'static>); 4] {
    [
        (METRIC_OUTLIER, Field::Constant),
        (SCORE_OUTLIER, Field::Number(scores.outlier)),
        (METRIC_CHANGE, Field::Constant),
        (SCORE_CHANGE, Field::Number(scores.change)),
    ]
}
