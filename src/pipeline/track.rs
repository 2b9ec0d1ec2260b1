//! What the bank keeps for a series: ChangeFinder, or the points from which its order will be chosen.

use crate::bank::{Model, Observation};
use crate::codec::{CodecError, Reader, Writer};
use crate::config::ChangeFinderSettings;
use crate::detector::{
    ChangeFinder, Finite, MAX_ORDER, NotLearnable, Params, ParamsError, Scores, select_order,
};
use crate::time::Time;

/// The seed chooses the order from the last day ...
const WARM_UP_NANOS: u64 = 24 * 3600 * 1_000_000_000;
/// ... which is 1440 points at one minute; no series is made to wait for more.
const WARM_UP_POINTS: usize = 1500;
/// The seed's range of orders.
const MAX_CHOSEN_ORDER: usize = 50;

/// What all series of a section share.
#[derive(Debug, Clone)]
pub struct TrackSpec {
    /// For each order that may occur; a single one when the order is given.
    params: Vec<Params>,
    fixed: bool,
}

impl TrackSpec {
    /// From a section's settings.
    ///
    /// # Errors
    /// When the settings were not checked.
    pub fn new(settings: &ChangeFinderSettings) -> Result<Self, ParamsError> {
        let orders = match settings.order {
            Some(order) => order..=order,
            None => 1..=MAX_CHOSEN_ORDER.min(MAX_ORDER),
        };
        let params = orders.map(|order| settings.params(order)).collect::<Result<_, _>>()?;
        Ok(Self { params, fixed: settings.order.is_some() })
    }

    fn params(&self, index: u16) -> Result<&Params, CodecError> {
        self.params.get(usize::from(index)).ok_or(CodecError::Invalid { what: "AR order" })
    }
}

/// What one observation yields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Scored and learned.
    Scored(Scores),
    /// Learned; the order is not yet chosen.
    WarmingUp,
    /// Neither scored nor learned.
    Refused(Refusal),
}

/// Why a number was not learned.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The number itself.
    #[error(transparent)]
    NotLearnable(#[from] NotLearnable),
    /// The number in this series.
    #[error(transparent)]
    Overflow(#[from] crate::detector::Overflow),
}

/// One series.
#[derive(Debug, Clone)]
pub enum Track {
    /// Points are collected until the order can be chosen.
    WarmUp {
        /// Event time of the first one.
        since: Time,
        /// In order of arrival, at most [`WARM_UP_POINTS`].
        values: Vec<f64>,
    },
    /// The order is known.
    Ready {
        /// Index into the parameters of the section.
        params: u16,
        /// The detector.
        detector: ChangeFinder,
    },
}

impl Track {
    fn score(&mut self, spec: &TrackSpec, observation: Observation) -> Result<Verdict, Refusal> {
        let x = Finite::try_from(observation.value)?;
        match self {
            Track::Ready { params, detector } => match spec.params.get(usize::from(*params)) {
                Some(params) => Ok(Verdict::Scored(detector.update(params, x)?)),
                None => Ok(Verdict::WarmingUp), // `new` and `restore` keep the index in range
            },
            Track::WarmUp { since, values } => {
                if values.is_empty() {
                    *since = observation.time;
                }
                values.push(x.get());
                let waited = observation.time.nanos().abs_diff(since.nanos());
                if waited < WARM_UP_NANOS && values.len() < WARM_UP_POINTS {
                    return Ok(Verdict::WarmingUp);
                }
                let values = std::mem::take(values);
                Ok(self.choose(spec, &values))
            }
        }
    }

    /// Chooses the order, then learns the warm-up as if the order had been known; the scores are the last point's.
    fn choose(&mut self, spec: &TrackSpec, values: &[f64]) -> Verdict {
        let index = select_order(values, spec.params.len()).order.saturating_sub(1);
        let Some(params) = spec.params.get(index) else { return Verdict::WarmingUp };
        let mut detector = ChangeFinder::new(params);
        let mut verdict = Verdict::WarmingUp;
        for x in values.iter().filter_map(|&value| Finite::new(value)) {
            if let Ok(scores) = detector.update(params, x) {
                verdict = Verdict::Scored(scores);
            }
        }
        *self = Track::Ready { params: index as u16, detector };
        verdict
    }
}

const WARM_UP: u8 = 0;
const READY: u8 = 1;

impl Model for Track {
    type Spec = TrackSpec;
    type Output = Verdict;

    fn new(spec: &TrackSpec) -> Self {
        match spec.params.first() {
            Some(params) if spec.fixed => Track::Ready { params: 0, detector: ChangeFinder::new(params) },
            _ => Track::WarmUp { since: Time::default(), values: Vec::new() },
        }
    }

    fn update(&mut self, spec: &TrackSpec, observation: Observation) -> Verdict {
        self.score(spec, observation).unwrap_or_else(Verdict::Refused)
    }

    fn save(&self, w: &mut Writer<'_>) {
        match self {
            Track::WarmUp { since, values } => {
                w.u8(WARM_UP);
                w.i64(since.nanos());
                w.varint(values.len() as u64);
                w.f64s(values);
            }
            Track::Ready { params, detector } => {
                w.u8(READY);
                w.varint(u64::from(*params));
                detector.save(w);
            }
        }
    }

    fn restore(spec: &TrackSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        match r.u8("track kind")? {
            WARM_UP => {
                let since = Time::from_nanos(r.i64("start of the warm-up")?);
                let count = r.varint("warm-up points")?;
                if count >= WARM_UP_POINTS as u64 {
                    return Err(CodecError::Invalid { what: "number of warm-up points" });
                }
                let mut values = vec![0.0; count as usize];
                r.f64s(&mut values, "warm-up points")?;
                if values.iter().any(|&value| Finite::new(value).is_none()) {
                    return Err(CodecError::Invalid { what: "warm-up point" });
                }
                Ok(Track::WarmUp { since, values })
            }
            READY => {
                let index = u16::try_from(r.varint("AR order")?)
                    .map_err(|_| CodecError::Invalid { what: "AR order" })?;
                let detector = ChangeFinder::restore(spec.params(index)?, r)?;
                Ok(Track::Ready { params: index, detector })
            }
            _ => Err(CodecError::Invalid { what: "track kind" }),
        }
    }

    /// While warming up the points, afterwards the detector: the larger of both.
    fn memory_bytes(spec: &TrackSpec) -> usize {
        let detector = |params: &Params| {
            size_of::<Self>() - size_of::<ChangeFinder>() + ChangeFinder::memory_bytes(params)
        };
        let ready = spec.params.last().map_or(0, detector);
        if spec.fixed { ready } else { ready.max(size_of::<Self>() + 2 * WARM_UP_POINTS * size_of::<f64>()) }
    }
}
