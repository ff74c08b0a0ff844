//! Leases, packets, answers.

use super::support::{Draft, at, on_both, result, results, seal, take};
use crate::store::{PacketFile, Store};

async fn queued(store: &Store) -> i64 {
    take(store, "one", 0, &results([result(1)])).await;
    seal(store, &Draft { granted: vec![1], minutes: 5, ..Draft::default() }).await;
    store.due_deliveries(at(6)).await.unwrap()[0].id
}

fn packet(text: &str) -> Vec<PacketFile> {
    let file = |name: &str| PacketFile { name: name.to_owned(), bytes: text.as_bytes().to_vec() };
    vec![file("材料.zip"), file("manifest.json")]
}

#[tokio::test]
async fn of_two_senders_one_gets_the_lease() {
    on_both(async |world| {
        let (one, two) = (world.open().await, world.open().await);
        let id = queued(&one).await;
        let leases = tokio::join!(one.lease_delivery(id, at(20), at(10)), two.lease_delivery(id, at(20), at(10)));
        let leases = [leases.0.unwrap(), leases.1.unwrap()];
        let held: Vec<_> = leases.iter().flatten().collect();
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].attempt, held[0].delivery.resend), (1, false));
        assert!(one.due_deliveries(at(15)).await.unwrap().is_empty());

        let doubtful = one.due_deliveries(at(21)).await.unwrap();
        assert!(doubtful[0].resend, "the lease ran out: in doubt");
        let second = two.lease_delivery(id, at(40), at(21)).await.unwrap().unwrap();
        assert_eq!((second.attempt, second.delivery.resend), (2, true));
        assert!(!one.finish_delivery(held[0], "晚了", None, at(22)).await.unwrap(), "the first lost its lease");
        assert!(two.finish_delivery(&second, "已投递", None, at(23)).await.unwrap());
        assert!(two.due_deliveries(at(99)).await.unwrap().is_empty());
        let all = two.deliveries().await.unwrap();
        assert_eq!((all[0].state.as_str(), all[0].answer.as_deref()), ("done", Some("已投递")));
        assert!(one.audit_verify(None, None).await.unwrap().faults.is_empty());
        one.close().await;
        two.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_postponed_delivery_waits_and_a_refused_one_is_set_aside() {
    on_both(async |world| {
        let store = world.open().await;
        let id = queued(&store).await;
        let facts = store.stamp().await.unwrap().facts_version;
        let lease = store.lease_delivery(id, at(20), at(10)).await.unwrap().unwrap();
        assert!(store.postpone_delivery(&lease, "稍后", None, at(30), at(11)).await.unwrap());
        assert!(store.due_deliveries(at(29)).await.unwrap().is_empty());
        let lease = store.lease_delivery(id, at(50), at(30)).await.unwrap().unwrap();
        assert!(!lease.delivery.resend, "the first attempt ended with an answer");
        assert!(store.set_delivery_aside(&lease, "拒收", at(31)).await.unwrap());
        assert_eq!(store.status().await.unwrap().deliveries["aside"], 1);
        assert_eq!(store.stamp().await.unwrap().facts_version, facts, "deliveries are no facts");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_first_packet_stays() {
    on_both(async |world| {
        let store = world.open().await;
        let id = queued(&store).await;
        assert_eq!(store.packet(id).await.unwrap(), None);
        assert_eq!(store.store_packet(id, packet("first"), at(7)).await.unwrap(), packet("first"));
        assert_eq!(store.store_packet(id, packet("second"), at(8)).await.unwrap(), packet("first"));
        assert_eq!(store.packet(id).await.unwrap(), Some(packet("first")));
        assert!(store.due_deliveries(at(9)).await.unwrap()[0].packed);
        store.close().await;
    })
    .await;
}
