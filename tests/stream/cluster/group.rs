//! A consumer group, by the rules of the classic protocol.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::error;

pub(super) struct Member {
    pub(super) session: Duration,
    pub(super) rebalance: Duration,
    /// Names of assignors with what the member tells them.
    pub(super) protocols: Vec<(String, Vec<u8>)>,
    pub(super) heard: Instant,
    /// It waits for the next generation.
    pub(super) is_joining: bool,
    pub(super) assignment: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Members are asked to join again, since this moment.
    Joining(Instant),
    /// All have joined, the leader has not yet said who gets what.
    Assigning,
    Stable,
}

pub(super) struct Group {
    pub(super) state: State,
    pub(super) generation: i32,
    pub(super) protocol: String,
    pub(super) leader: String,
    pub(super) members: BTreeMap<String, Member>,
    /// Offsets with their metadata.
    pub(super) offsets: BTreeMap<(String, i32), (i64, Option<String>)>,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            state: State::Stable,
            generation: 0,
            protocol: String::new(),
            leader: String::new(),
            members: BTreeMap::new(),
            offsets: BTreeMap::new(),
        }
    }
}

impl Group {
    pub(super) fn join(&mut self, id: &str, member: Member) {
        self.members.insert(id.to_owned(), member);
        self.rebalance();
    }

    fn rebalance(&mut self) {
        if !matches!(self.state, State::Joining(_)) {
            self.state = State::Joining(Instant::now());
        }
        self.complete();
    }

    /// Begins the next generation, once all members have joined or their time is over.
    fn complete(&mut self) {
        let State::Joining(since) = self.state else { return };
        let longest = self.members.values().map(|member| member.rebalance).max().unwrap_or_default();
        if since.elapsed() >= longest {
            self.members.retain(|_, member| member.is_joining);
        }
        if self.members.values().any(|member| !member.is_joining) {
            return;
        }
        self.generation += 1;
        self.state = State::Assigning;
        let is_known_to_all = |name: &&String| {
            self.members.values().all(|member| member.protocols.iter().any(|(other, _)| other == *name))
        };
        let mut names =
            self.members.values().flat_map(|member| member.protocols.iter().map(|(name, _)| name));
        self.protocol = names.find(is_known_to_all).cloned().unwrap_or_default();
        if !self.members.contains_key(&self.leader) {
            self.leader = self.members.keys().next().cloned().unwrap_or_default();
        }
        for member in self.members.values_mut() {
            member.is_joining = false;
            member.heard = Instant::now();
            member.assignment.clear();
        }
    }

    pub(super) fn assign(&mut self, assignments: Vec<(String, Vec<u8>)>) {
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.state = State::Stable;
    }

    /// Whether a member is one, of this generation.
    pub(super) fn check(&mut self, id: &str, generation: i32) -> Result<(), i16> {
        let member = self.members.get_mut(id).ok_or(error::UNKNOWN_MEMBER_ID)?;
        member.heard = Instant::now();
        if generation == self.generation { Ok(()) } else { Err(error::ILLEGAL_GENERATION) }
    }

    pub(super) fn leave(&mut self, id: &str) -> Result<(), i16> {
        self.members.remove(id).ok_or(error::UNKNOWN_MEMBER_ID)?;
        self.rebalance();
        Ok(())
    }

    /// Members that said nothing for longer than their session are gone.
    pub(super) fn tick(&mut self) {
        let before = self.members.len();
        self.members.retain(|_, member| member.is_joining || member.heard.elapsed() < member.session);
        if self.members.len() < before {
            self.rebalance();
        }
        self.complete();
    }
}
