//! Topics that get partitions while a member reads them.

use super::member::Member;
use super::topics;

impl Member<'_> {
    /// Asks how many partitions the topics have, as the group gives out new ones: keys move to them, which is told. What is
    /// not answered stays as it was.
    pub(super) fn look_at_partitions(&mut self) {
        let count = |topic: &str| topics::partitions(&self.consumer, topic).ok().flatten();
        let Some(to_partitions) = count(&self.settings.to) else { return };
        for input in &mut self.inputs.0 {
            let Some(partitions) = count(&input.topic) else { continue };
            if let Some(before) = input.set_partitions(partitions, to_partitions) {
                self.log.say(&format!(
                    "{}: the topic has {partitions} partitions and had {before}: series whose keys moved begin anew",
                    input.topic
                ));
            }
        }
    }
}
