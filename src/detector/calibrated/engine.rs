//! draft
use super::age::{Moment, Side};
use super::channels::Channels;
use super::clock::Clock;
use super::ladder::Ladder;
use super::spec::Tuning;

/// draft
#[derive(Debug, Clone)]
pub struct Calibrated {
    t: u32,
    clock: Clock,
    channels: Channels,
    sides: [Side; 9],
    seen: [u32; 5],
    ladder: Ladder,
    last_alarm: u32,
}

/// draft
#[derive(Debug, Clone, Copy, Default)]
pub struct Out {
    /// log10 of points
    pub level: f64,
    /// raw
    pub raw: f64,
    /// log10 seconds
    pub seconds: f64,
    /// which side
    pub side: usize,
    /// hold in points
    pub hold: u32,
}

impl Calibrated {
    /// draft
    pub fn new(time_s: f64, x: f64) -> Self {
        Self {
            t: 0,
            clock: Clock::new(time_s),
            channels: Channels::new(x),
            sides: std::array::from_fn(|_| Side::new()),
            seen: [0; 5],
            ladder: Ladder::new(),
            last_alarm: 1 << 31,
        }
    }
    /// draft
    pub fn update(&mut self, k: &Tuning, time_s: f64, value: f64) -> Out {
        let t = self.t;
        if t > 0 {
            self.clock.tick(time_s);
        }
        let spacing = self.clock.spacing_s();
        let hold = if k.p[7] > 0.0 { k.p[7] as u32 } else { (k.hold_s / spacing).clamp(6.0, 1e8) as u32 };
        let o = self.channels.observe(value, t, k);
        if t > 0 && t % k.block == 0 {
            for s in &mut self.sides {
                s.close_blocks(t, k.block);
            }
        }
        let total = 8.0 + k.run_weight;
        let mut best = f64::NEG_INFINITY;
        let mut which = 0;
        let values = [Some(o.x), Some(o.mean), o.activity, o.error];
        for (c, v) in values.into_iter().enumerate() {
            let Some(v) = v else { continue };
            let y = clamp(v);
            let at = Moment { t, seen: self.seen[c], hold };
            self.seen[c] += 1;
            let (a, b) = self.sides.split_at_mut(2 * c + 1);
            let (up, down) = (&mut a[2 * c], &mut b[0]);
            // both sides must see the other's memory from before the point
            let r = up.rarity(y, Some(down), at, 0.0, k);
            let r2 = down.rarity(-y, Some(up), at, 0.0, k);
            for (i, r) in [r, r2].into_iter().enumerate() {
                if let Some(r) = r {
                    let r = r - libm::log10(total);
                    if r > best {
                        best = r;
                        which = 2 * c + i;
                    }
                }
            }
        }
        let at = Moment { t, seen: self.seen[4], hold };
        self.seen[4] += 1;
        if let Some(r) = self.sides[8].rarity(o.run as f32, None, at, 12.0, k) {
            let r = r + libm::log10(k.run_weight / total);
            if r > best {
                best = r;
                which = 8;
            }
        }
        self.t += 1;
        let level = self.ladder.calibrate(t, best.max(0.0), hold);
        Out { level, raw: best, seconds: level + libm::log10(spacing), side: which, hold }
    }
}

fn clamp(v: f64) -> f32 {
    v.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}
