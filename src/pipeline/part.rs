//! A part of what [`process`](Pipeline::process) does: some of a tag's sections, where others are scored elsewhere.

use super::Pipeline;
use super::router::Visit;
use crate::time::Time;

impl Pipeline {
    /// Scores a record by the sections of one visit. What is wrong with it goes on in `told` from visit to visit; the last
    /// one writes it.
    pub(crate) fn process_visit(
        &mut self,
        tag: &[u8],
        time: Time,
        visit: &Visit,
        record: &mut Vec<u8>,
        told: &mut String,
    ) {
        if visit.has_windows {
            self.counters.records += u64::from(visit.is_first);
            self.count_part(tag, time, record, told);
            return;
        }
        if visit.is_first && visit.is_last {
            return self.process(tag, time, record);
        }
        if visit.is_first {
            self.counters.records += 1;
            self.score_part(tag, time, visit, record);
        } else {
            // `process` counts a record once, and each score beyond the first as a further one
            let before = self.counters.scored;
            self.score_part(tag, time, visit, record);
            self.unscored.further_scores += self.counters.scored - before;
        }
        if visit.is_last {
            self.errors.put_before(told);
            told.clear();
        } else {
            self.errors.take_into(told);
        }
        self.end_record(record);
    }

    /// Windows alone: the sections of single records were visited before.
    fn count_part(&mut self, tag: &[u8], time: Time, record: &mut Vec<u8>, told: &mut String) {
        if self.routed_tag != tag || self.counters.records <= 1 {
            self.find_route(tag);
        }
        self.errors.put_before(told);
        told.clear();
        let route = std::mem::take(&mut self.route);
        self.process_with_windows(time, record);
        self.route = route;
    }

    fn score_part(&mut self, tag: &[u8], time: Time, visit: &Visit, record: &mut Vec<u8>) {
        if self.routed_tag != tag || self.route.is_empty() {
            self.find_route(tag);
        }
        for place in visit.sections.clone() {
            if let Some(&section) = self.route.get(place) {
                self.score(section, time, record);
            }
        }
    }
}
