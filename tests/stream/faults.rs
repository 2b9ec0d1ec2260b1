//! A cluster that fails: librdkafka's own mock of one, and the one of the tests.

use std::thread;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::broker::{Broker, assert_exactly_once};
use crate::exactly_once::{SECTIONS, config, topics};

#[test]
fn refusals_that_a_cluster_gives_in_ordinary_life_cost_no_record() {
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS as BUSY,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS as LOADING,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR as NOT_COORDINATOR,
    };
    let cluster = MockCluster::new(3).unwrap();
    let broker = Broker::at(cluster.bootstrap_servers());
    let [from, to] = ["from", "to"].map(|name| broker.name(name));
    for topic in [&from, &to] {
        cluster.create_topic(topic, 2, 3).unwrap();
    }
    let text = config(&broker, "checkpoint_folder: checkpoints\nkafka.reconnect.backoff.max.ms: 500\n");
    let writer = broker.writer();
    writer.records(&from, 2, 0..200);
    let mut member = broker.member(&text, "a.1");
    // its answers about offsets of transactions are empty
    broker.wait_written(&to, 2, 200);
    // each of these is one that the cluster gives in ordinary life
    cluster.request_errors(RDKafkaApiKey::AddPartitionsToTxn, &[BUSY, NOT_COORDINATOR]);
    cluster.request_errors(RDKafkaApiKey::AddOffsetsToTxn, &[LOADING]);
    cluster.request_errors(RDKafkaApiKey::TxnOffsetCommit, &[LOADING, NOT_COORDINATOR]);
    cluster.request_errors(RDKafkaApiKey::EndTxn, &[LOADING]);
    writer.records(&from, 2, 200..400);
    broker.wait_written(&to, 2, 400);
    assert!(member.stop().success(), "{}", member.stderr());
    assert_eq!(assert_exactly_once(&broker, SECTIONS, &from, &to, 2), 400);
}

#[test]
fn a_broker_that_goes_away_and_comes_back_costs_no_record_and_repeats_none() {
    let broker = Broker::own();
    let server = broker.server();
    let [group, from, to] = topics(&broker, 3);
    let text = config(&broker, "kafka.reconnect.backoff.max.ms: 200\n");
    let writer = broker.writer();
    let mut member = broker.member(&text, "a.1");
    let mut count = 0;
    for round in 0..4 {
        writer.records(&from, 3, count..count + 300);
        count += 300;
        // in the middle of other steps of a transaction each time
        broker.wait_committed(&group, &from, 3, count - 290 + 40 * round);
        server.go_away();
        thread::sleep(Duration::from_millis(300));
        server.come_back();
    }
    broker.wait_committed(&group, &from, 3, count);
    assert!(member.stop().success(), "{}", member.stderr());
    assert_eq!(assert_exactly_once(&broker, SECTIONS, &from, &to, 3) as i64, count);
}

#[test]
fn a_member_without_a_name_that_is_killed_leaves_a_transaction_that_the_cluster_aborts() {
    let broker = Broker::own();
    let server = broker.server();
    let [group, from, to] = topics(&broker, 2);
    let text =
        config(&broker, "").replace("checkpoint: 1s", "checkpoint: 1h\nkafka.transaction.timeout.ms: 3000");
    let writer = broker.writer();
    writer.records(&from, 2, 0..200);
    let mut member = broker.member(&text, "first.1");
    broker.wait_committed(&group, &from, 2, 200);
    // ends are asked for and never come: the transaction stays open, with records in the output
    server.lose_ends(true);
    writer.records(&from, 2, 200..400);
    member.wait_for("open transaction", || server.has_open_transaction(&to));
    member.signal("KILL");
    member.wait();
    server.lose_ends(false);
    // another name: nobody ends what the first one left but the cluster
    let mut other = broker.member(&text, "second.1");
    broker.wait_committed(&group, &from, 2, 400);
    assert!(other.stop().success(), "{}", other.stderr());
    assert!(server.counts().aborted > 0);
    assert_eq!(assert_exactly_once(&broker, SECTIONS, &from, &to, 2), 400);
}

#[test]
fn input_that_the_retention_has_dropped_is_told_and_the_models_go_on_from_the_checkpoint() {
    let broker = Broker::own();
    let server = broker.server();
    let [group, from, to] = topics(&broker, 1);
    let text = config(&broker, "").replace("checkpoint: 1s", "checkpoint: 1h");
    let writer = broker.writer();
    writer.records(&from, 1, 0..100);
    let mut member = broker.member(&text, "a.1");
    broker.wait_committed(&group, &from, 1, 100);
    assert!(member.stop().success(), "{}", member.stderr());
    writer.records(&from, 1, 100..200);
    server.drop_before(&from, 0, 150);
    let mut member = broker.member(&text, "a.2");
    broker.wait_committed(&group, &from, 1, 200);
    assert!(member.stop().success(), "{}", member.stderr());
    let told = member.stderr();
    assert!(told.contains("the topic does not hold offsets 100 to 149 any more"), "{told}");
    let texts: Vec<String> = broker.read(&to, 1)[0].iter().map(|seen| seen.text()).collect();
    assert_eq!(texts.len(), 150);
    assert!(texts[100].contains("\"n\":150") && texts[100].contains("\"score_outlier\""), "{}", texts[100]);
}
