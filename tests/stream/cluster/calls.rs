//! The calls of the protocol. Each is known in one version, and the versions below it are stated with it, since clients take the
//! highest that both know.

use std::time::{Duration, Instant};

use super::group::{Member, State};
use super::log::{Head, Log};
use super::transactions::Transaction;
use super::wire::{Reader, Writer};
use super::{Cluster, Server, Topic, error};

/// Number, version, and whether that one is flexible.
const CALLS: [(i16, i16, bool); 18] = [
    (PRODUCE, 3, false),
    (FETCH, 4, false),
    (LIST_OFFSETS, 2, false),
    (METADATA, 4, false),
    (OFFSET_COMMIT, 2, false),
    (OFFSET_FETCH, 7, true),
    (FIND_COORDINATOR, 1, false),
    (JOIN_GROUP, 5, false),
    (HEARTBEAT, 3, false),
    (LEAVE_GROUP, 1, false),
    (SYNC_GROUP, 3, false),
    (API_VERSIONS, 3, true),
    (CREATE_TOPICS, 2, false),
    (INIT_PRODUCER_ID, 4, true),
    (ADD_PARTITIONS_TO_TXN, 0, false),
    (ADD_OFFSETS_TO_TXN, 0, false),
    (END_TXN, 1, false),
    (TXN_OFFSET_COMMIT, 3, true),
];
const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const LIST_OFFSETS: i16 = 2;
const METADATA: i16 = 3;
const OFFSET_COMMIT: i16 = 8;
const OFFSET_FETCH: i16 = 9;
const FIND_COORDINATOR: i16 = 10;
const JOIN_GROUP: i16 = 11;
const HEARTBEAT: i16 = 12;
const LEAVE_GROUP: i16 = 13;
const SYNC_GROUP: i16 = 14;
const API_VERSIONS: i16 = 18;
const CREATE_TOPICS: i16 = 19;
const INIT_PRODUCER_ID: i16 = 22;
const ADD_PARTITIONS_TO_TXN: i16 = 24;
const ADD_OFFSETS_TO_TXN: i16 = 25;
pub(super) const END_TXN: i16 = 26;
const TXN_OFFSET_COMMIT: i16 = 28;

/// The only broker.
const NODE: i32 = 1;
/// What a topic takes by default in one batch.
const MOST_BYTES: usize = 1_048_588;
/// Members may take as long as they like to come to an assignment.
const LONG: Duration = Duration::from_secs(3600);

fn code(outcome: Result<(), i16>) -> i16 {
    outcome.err().unwrap_or(error::NONE)
}

impl Server {
    /// Answers a call; false where the client wants no answer.
    pub(super) fn answer(
        &self,
        call: i16,
        version: i16,
        request: &mut Reader<'_>,
        answer: &mut Writer,
    ) -> bool {
        let _client = request.text();
        let known = CALLS.iter().find(|(number, _, _)| *number == call);
        let &(_, known, is_flexible) = known.unwrap_or_else(|| panic!("call {call}"));
        if call == API_VERSIONS && version != known {
            answer.i16(error::UNSUPPORTED_VERSION);
            versions(answer);
            return true;
        }
        assert_eq!(version, known, "the version of call {call}");
        request.is_flexible = is_flexible;
        request.tags();
        // the head of this answer stays as old clients read it
        answer.is_flexible = is_flexible && call != API_VERSIONS;
        answer.tags();
        answer.is_flexible = is_flexible;
        match call {
            PRODUCE => return self.produce(request, answer),
            FETCH => self.fetch(request, answer),
            LIST_OFFSETS => self.list_offsets(request, answer),
            METADATA => self.metadata(request, answer),
            OFFSET_COMMIT => self.offset_commit(request, answer),
            OFFSET_FETCH => self.offset_fetch(request, answer),
            FIND_COORDINATOR => self.find_coordinator(answer),
            JOIN_GROUP => self.join_group(request, answer),
            HEARTBEAT => self.heartbeat(request, answer),
            LEAVE_GROUP => self.leave_group(request, answer),
            SYNC_GROUP => self.sync_group(request, answer),
            CREATE_TOPICS => self.create_topics(request, answer),
            INIT_PRODUCER_ID => self.init_producer_id(request, answer),
            ADD_PARTITIONS_TO_TXN => self.add_partitions_to_txn(request, answer),
            ADD_OFFSETS_TO_TXN => self.add_offsets_to_txn(request, answer),
            END_TXN => self.end_txn(request, answer),
            TXN_OFFSET_COMMIT => self.txn_offset_commit(request, answer),
            _ => {
                answer.i16(error::NONE);
                versions(answer);
                answer.i32(0);
                answer.tags();
            }
        }
        true
    }

    fn produce(&self, request: &mut Reader<'_>, answer: &mut Writer) -> bool {
        let name = request.text();
        let wants_answer = request.i16() != 0;
        let _timeout = request.i32();
        let topics = request.by_topic(|request| (request.i32(), request.bytes()));
        let mut cluster = self.cluster();
        answer.by_topic(&topics, |answer, topic, (partition, batch)| {
            let appended = cluster.append(name.as_deref(), topic, *partition, batch);
            answer.i32(*partition);
            answer.i16(appended.err().unwrap_or(error::NONE));
            answer.i64(appended.unwrap_or(-1));
            answer.i64(-1); // time of appending
        });
        answer.i32(0);
        drop(cluster);
        self.changed.notify_all();
        wants_answer
    }

    fn fetch(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let _replica = request.i32();
        let within = Duration::from_millis(request.i32().max(0) as u64);
        let least = request.i32().max(1) as usize;
        let most = request.i32().max(1) as usize;
        let is_committed = request.i8() == 1;
        let topics =
            request.by_topic(|request| (request.i32(), request.i64(), request.i32().max(1) as usize));
        let mut found = Vec::new();
        let mut read = |cluster: &mut Cluster| {
            let (mut bytes, mut has_error) = (0, false);
            found = topics
                .iter()
                .map(|(topic, partitions)| {
                    let of_each = partitions.iter().map(|(partition, from, most_here)| {
                        let left = most.saturating_sub(bytes);
                        let fetched = cluster.fetch(
                            topic,
                            *partition,
                            *from,
                            left.min(*most_here),
                            left > 0,
                            is_committed,
                        );
                        has_error |= fetched.error != error::NONE;
                        bytes += fetched.bytes.len();
                        fetched
                    });
                    (topic.clone(), of_each.collect::<Vec<_>>())
                })
                .collect();
            (bytes >= least || has_error).then_some(())
        };
        self.wait(within, &mut read);
        answer.i32(0);
        answer.by_topic(&found, |answer, _, fetched| {
            answer.i32(fetched.partition);
            answer.i16(fetched.error);
            answer.i64(fetched.end);
            answer.i64(fetched.stable);
            answer.list(fetched.aborted.iter(), |answer, aborted| {
                answer.i64(aborted.producer);
                answer.i64(aborted.first);
            });
            answer.blob(&fetched.bytes);
        });
    }

    fn list_offsets(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let _replica = request.i32();
        let is_committed = request.i8() == 1;
        let topics = request.by_topic(|request| (request.i32(), request.i64()));
        let mut cluster = self.cluster();
        answer.i32(0);
        answer.by_topic(&topics, |answer, topic, (partition, time)| {
            let offset = cluster.log(topic, *partition).map(|log| match time {
                -2 => log.start(),
                _ if is_committed => log.stable(),
                _ => log.end(),
            });
            answer.i32(*partition);
            answer.i16(if offset.is_some() { error::NONE } else { error::UNKNOWN_TOPIC_OR_PARTITION });
            answer.i64(-1);
            answer.i64(offset.unwrap_or(-1));
        });
    }

    fn metadata(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let asked = request.list(Reader::name);
        let cluster = self.cluster();
        let names = asked.unwrap_or_else(|| cluster.topics.keys().cloned().collect());
        let (host, port) = self.address().split_once(':').unwrap();
        answer.i32(0);
        answer.list([NODE].iter(), |answer, node| {
            answer.i32(*node);
            answer.text(host);
            answer.i32(port.parse().unwrap());
            answer.nullable(None);
        });
        answer.nullable(Some("tests"));
        answer.i32(NODE);
        answer.list(names.iter(), |answer, name| {
            let partitions = cluster.topics.get(name).map_or(0, |topic| topic.partitions.len() as i32);
            answer.i16(if partitions > 0 { error::NONE } else { error::UNKNOWN_TOPIC_OR_PARTITION });
            answer.text(name);
            answer.i8(0);
            answer.list((0..partitions as usize).map(|number| number as i32), |answer, number| {
                answer.i16(error::NONE);
                answer.i32(number);
                answer.i32(NODE);
                answer.list([NODE].iter(), |answer, node| answer.i32(*node));
                answer.list([NODE].iter(), |answer, node| answer.i32(*node));
            });
        });
    }

    fn find_coordinator(&self, answer: &mut Writer) {
        let (host, port) = self.address().split_once(':').unwrap();
        answer.i32(0);
        answer.i16(error::NONE);
        answer.nullable(None);
        answer.i32(NODE);
        answer.text(host);
        answer.i32(port.parse().unwrap());
    }

    fn create_topics(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let topics = request.list(|request| {
            let (name, partitions, _replicas) = (request.name(), request.i32(), request.i16());
            request.list(|request| (request.i32(), request.list(Reader::i32)));
            let properties = request.list(|request| (request.name(), request.text())).unwrap_or_default();
            let most = properties.into_iter().find(|(name, _)| name == "max.message.bytes");
            (name, partitions, most.and_then(|(_, value)| value?.parse().ok()).unwrap_or(MOST_BYTES))
        });
        let mut cluster = self.cluster();
        answer.i32(0);
        answer.list(topics.unwrap_or_default().into_iter(), |answer, (name, partitions, most_bytes)| {
            answer.text(&name);
            let is_new = !cluster.topics.contains_key(&name);
            answer.i16(if is_new { error::NONE } else { error::TOPIC_ALREADY_EXISTS });
            answer.nullable(None);
            if is_new {
                let partitions = (0..partitions).map(|_| Log::default()).collect();
                cluster.topics.insert(name, Topic { partitions, most_bytes });
            }
        });
    }

    fn init_producer_id(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let name = request.text();
        let timeout = Duration::from_millis(request.i32().max(0) as u64);
        let known = (request.i64(), request.i16());
        let mut cluster = self.cluster();
        let begun = match name {
            Some(name) => cluster.begin_producer(&name, timeout, known),
            None => Ok((cluster.next_producer(), 0)),
        };
        drop(cluster);
        self.changed.notify_all();
        answer.i32(0);
        answer.i16(begun.err().unwrap_or(error::NONE));
        let (producer, epoch) = begun.unwrap_or((-1, -1));
        answer.i64(producer);
        answer.i16(epoch);
        answer.tags();
    }

    fn add_partitions_to_txn(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let (name, producer, epoch) = (request.name(), request.i64(), request.i16());
        let topics = request.by_topic(Reader::i32);
        let mut cluster = self.cluster();
        answer.i32(0);
        answer.by_topic(&topics, |answer, topic, partition| {
            let added = cluster.transaction(&name, producer, epoch).map(|transaction| {
                transaction.open();
                transaction.partitions.insert((topic.to_owned(), *partition));
            });
            answer.i32(*partition);
            answer.i16(code(added));
        });
    }

    fn add_offsets_to_txn(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let (name, producer, epoch) = (request.name(), request.i64(), request.i16());
        let added = self.cluster().transaction(&name, producer, epoch).map(Transaction::open);
        answer.i32(0);
        answer.i16(code(added));
    }

    fn end_txn(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let (name, producer, epoch) = (request.name(), request.i64(), request.i16());
        let ended = self.cluster().end_asked(&name, producer, epoch, request.is_true());
        self.changed.notify_all();
        answer.i32(0);
        answer.i16(code(ended));
    }

    fn txn_offset_commit(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let (name, group, producer, epoch) = (request.name(), request.name(), request.i64(), request.i16());
        let (generation, member, _instance) = (request.i32(), request.name(), request.text());
        let topics = request.by_topic(|request| {
            let (partition, offset, _epoch, metadata) =
                (request.i32(), request.i64(), request.i32(), request.text());
            request.tags();
            (partition, (offset, metadata))
        });
        let mut cluster = self.cluster();
        let is_member = match generation {
            ..0 => Ok(()),
            _ => cluster.groups.entry(group.clone()).or_default().check(&member, generation),
        };
        let outcome = is_member.and_then(|()| {
            let transaction = cluster.transaction(&name, producer, epoch)?;
            if transaction.began.is_none() {
                return Err(error::INVALID_TXN_STATE);
            }
            for (topic, partitions) in &topics {
                for (partition, offset) in partitions {
                    transaction.offsets.insert((group.clone(), topic.clone(), *partition), offset.clone());
                }
            }
            Ok(())
        });
        answer.i32(0);
        answer.by_topic(&topics, |answer, _, (partition, _)| {
            answer.i32(*partition);
            answer.i16(code(outcome));
            answer.tags();
        });
        answer.tags();
    }

    fn offset_commit(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let (group, generation, member, _retention) =
            (request.name(), request.i32(), request.name(), request.i64());
        let topics = request.by_topic(|request| (request.i32(), (request.i64(), request.text())));
        let mut cluster = self.cluster();
        let group = cluster.groups.entry(group).or_default();
        let outcome = if generation < 0 { Ok(()) } else { group.check(&member, generation) };
        answer.by_topic(&topics, |answer, topic, (partition, offset)| {
            if outcome.is_ok() {
                group.offsets.insert((topic.to_owned(), *partition), offset.clone());
            }
            answer.i32(*partition);
            answer.i16(code(outcome));
        });
    }

    fn offset_fetch(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let group = request.name();
        let topics = request.by_topic(Reader::i32);
        let is_stable_wanted = request.is_true();
        let cluster = self.cluster();
        let offsets = cluster.groups.get(&group).map(|group| &group.offsets);
        answer.i32(0);
        answer.by_topic(&topics, |answer, topic, partition| {
            let found = offsets.and_then(|offsets| offsets.get(&(topic.to_owned(), *partition)));
            let is_kept_back = is_stable_wanted && cluster.is_unstable(&group, topic, *partition);
            answer.i32(*partition);
            answer.i64(found.filter(|_| !is_kept_back).map_or(-1, |(offset, _)| *offset));
            answer.i32(-1);
            answer.nullable(Some(found.and_then(|(_, metadata)| metadata.as_deref()).unwrap_or_default()));
            answer.i16(if is_kept_back { error::UNSTABLE_OFFSET_COMMIT } else { error::NONE });
            answer.tags();
        });
        answer.i16(error::NONE);
        answer.tags();
    }

    fn join_group(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let group = request.name();
        let [session, rebalance] =
            [request.i32(), request.i32()].map(|ms| Duration::from_millis(ms.max(0) as u64));
        let (mut id, _instance, _kind) = (request.name(), request.text(), request.name());
        let protocols =
            request.list(|request| (request.name(), request.bytes().to_vec())).unwrap_or_default();
        let mut cluster = self.cluster();
        if id.is_empty() {
            cluster.members += 1;
            id = format!("member-{}", cluster.members);
        }
        let (heard, assignment) = (Instant::now(), Vec::new());
        let member = Member { session, rebalance, protocols, heard, is_joining: true, assignment };
        cluster.groups.entry(group.clone()).or_default().join(&id, member);
        drop(cluster);
        self.changed.notify_all();
        let joined = self.wait(LONG, |cluster| {
            let group = cluster.groups.get(&group)?;
            let Some(member) = group.members.get(&id) else { return Some(None) };
            let data = |(other, member): (&String, &Member)| {
                let data = member.protocols.iter().find(|(name, _)| *name == group.protocol);
                (other.clone(), data.map(|(_, data)| data.clone()).unwrap_or_default())
            };
            let members: Vec<_> =
                if id == group.leader { group.members.iter().map(data).collect() } else { Vec::new() };
            (!member.is_joining)
                .then(|| Some((group.generation, group.protocol.clone(), group.leader.clone(), members)))
        });
        answer.i32(0);
        let joined = joined.flatten();
        answer.i16(if joined.is_some() { error::NONE } else { error::UNKNOWN_MEMBER_ID });
        let (generation, protocol, leader, members) = joined.unwrap_or_default();
        answer.i32(generation);
        answer.text(&protocol);
        answer.text(&leader);
        answer.text(&id);
        answer.list(members.into_iter(), |answer, (id, data)| {
            answer.text(&id);
            answer.nullable(None);
            answer.blob(&data);
        });
    }

    fn sync_group(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let (group, generation, id, _instance) =
            (request.name(), request.i32(), request.name(), request.text());
        let assignments =
            request.list(|request| (request.name(), request.bytes().to_vec())).unwrap_or_default();
        let mut cluster = self.cluster();
        let found = cluster.groups.entry(group.clone()).or_default();
        if found.leader == id && found.generation == generation && found.state == State::Assigning {
            found.assign(assignments);
        }
        drop(cluster);
        self.changed.notify_all();
        let assigned = self.wait(LONG, |cluster| {
            let group = cluster.groups.get_mut(&group)?;
            if let Err(error) = group.check(&id, generation) {
                return Some(Err(error));
            }
            match group.state {
                State::Joining(_) => Some(Err(error::REBALANCE_IN_PROGRESS)),
                State::Assigning => None,
                State::Stable => Some(Ok(group.members[&id].assignment.clone())),
            }
        });
        let assigned = assigned.unwrap_or(Err(error::UNKNOWN_MEMBER_ID));
        answer.i32(0);
        answer.i16(assigned.as_ref().err().copied().unwrap_or(error::NONE));
        answer.blob(&assigned.unwrap_or_default());
    }

    fn heartbeat(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let (group, generation, id) = (request.name(), request.i32(), request.name());
        let mut cluster = self.cluster();
        let group = cluster.groups.entry(group).or_default();
        let outcome = group.check(&id, generation).and(match group.state {
            State::Joining(_) => Err(error::REBALANCE_IN_PROGRESS),
            State::Assigning | State::Stable => Ok(()),
        });
        answer.i32(0);
        answer.i16(code(outcome));
    }

    fn leave_group(&self, request: &mut Reader<'_>, answer: &mut Writer) {
        let (group, id) = (request.name(), request.name());
        let outcome = self.cluster().groups.entry(group).or_default().leave(&id);
        self.changed.notify_all();
        answer.i32(0);
        answer.i16(code(outcome));
    }
}

fn versions(answer: &mut Writer) {
    answer.list(CALLS.iter(), |answer, (call, latest, _)| {
        answer.i16(*call);
        answer.i16(0);
        answer.i16(*latest);
        answer.tags();
    });
}

impl Transaction {
    fn open(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }
}

/// What a reader is given of one partition.
#[derive(Default)]
struct Fetched {
    partition: i32,
    error: i16,
    end: i64,
    stable: i64,
    bytes: Vec<u8>,
    aborted: Vec<super::log::Aborted>,
}

impl Cluster {
    fn append(&mut self, name: Option<&str>, topic: &str, partition: i32, batch: &[u8]) -> Result<i64, i16> {
        let head = Head::read(batch);
        if head.is_transactional {
            let transaction = self.transaction(name.unwrap_or_default(), head.producer, head.epoch)?;
            if !transaction.partitions.contains(&(topic.to_owned(), partition)) {
                return Err(error::INVALID_TXN_STATE);
            }
        }
        let most = self.topics.get(topic).map_or(usize::MAX, |topic| topic.most_bytes);
        if batch.len() > most {
            return Err(error::MESSAGE_TOO_LARGE);
        }
        self.log(topic, partition).ok_or(error::UNKNOWN_TOPIC_OR_PARTITION)?.append(&head, batch)
    }

    fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        from: i64,
        most: usize,
        has_room: bool,
        is_committed: bool,
    ) -> Fetched {
        let is_held = self.held.as_deref() == Some(topic);
        let Some(log) = self.log(topic, partition) else {
            return Fetched { partition, error: error::UNKNOWN_TOPIC_OR_PARTITION, ..Fetched::default() };
        };
        let (end, stable) = (log.end(), log.stable());
        if from < log.start() || from > end {
            return Fetched {
                partition,
                error: error::OFFSET_OUT_OF_RANGE,
                end,
                stable,
                ..Fetched::default()
            };
        }
        let (bytes, aborted) =
            if has_room && !is_held { log.read(from, most, is_committed) } else { Default::default() };
        Fetched { partition, error: error::NONE, end, stable, bytes, aborted }
    }
}
