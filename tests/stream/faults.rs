//! A cluster that fails: librdkafka's own mock of one.

use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::broker::{Broker, assert_exactly_once};
use crate::exactly_once::{SECTIONS, config};

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
