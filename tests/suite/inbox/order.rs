//! Every file and mail delivered one to five times, by folder and by mail, in any order that keeps each correction after
//! what it corrects: the same state.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use shenling::forms::grid::Limits;
use shenling::forms::letters::{Frame, LetterTemplates};
use shenling::forms::reading::FormSpecs;
use shenling::settings::{self, mailbox::units};
use shenling::stages::collect::{Desk, Manner, Post, run_post, take_file};
use shenling::store::{MailHeader, MailPlace, NewMail, NewPart, Store, Vault, sha256_hex};

use super::{CLERK, PRISON, mail, row};
use crate::mail::set;
use crate::support::{Folder, results_csv};

/// Orders that are tried.
const SEEDS: u64 = 40;
/// Most deliveries of each file.
const MOST: u64 = 5;

/// Numbers that are the same for the same seed (Knuth's constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Files: what each says, and which one it corrects.
fn files() -> Vec<(Vec<u8>, Option<usize>)> {
    let csv = |rows: &[String]| results_csv(rows).into_bytes();
    let good = "2026-04-10";
    vec![
        (csv(&[row(1, good), row(2, good), row(3, "10/4/26")]), None),
        // The fault is mended, and a score was wrong too.
        (csv(&[row(1, good), row(2, good).replace(",80,75,", ",81,75,"), row(3, good)]), Some(0)),
        (csv(&[row(5, good), row(6, good)]), None),
        (csv(&[row(6, good).replace(",80,75,", ",60,75,")]), Some(2)),
        // A correction of a correction.
        (csv(&[row(2, good).replace(",80,75,", ",82,75,")]), Some(1)),
    ]
}

/// Which file is delivered, one after the other.
fn order(dice: &mut Dice, files: &[(Vec<u8>, Option<usize>)]) -> Vec<usize> {
    let mut left: Vec<u64> = files.iter().map(|_| 1 + dice.below(MOST)).collect();
    let mut order: Vec<usize> = Vec::new();
    while left.iter().any(|n| *n > 0) {
        let may = |at: &usize| left[*at] > 0 && files[*at].1.is_none_or(|first| order.contains(&first));
        let ready: Vec<usize> = (0..files.len()).filter(may).collect();
        let at = ready[usize::try_from(dice.below(ready.len() as u64)).unwrap()];
        left[at] -= 1;
        order.push(at);
    }
    order
}

struct World {
    folder: Folder,
    desk: Desk,
    post: Post,
}

fn world() -> World {
    let folder = Folder::new();
    set(
        &folder,
        &format!("name = \"{PRISON}\"\nid = \"\"\nlead = false\nemail = []"),
        &format!("name = \"{PRISON}\"\nid = \"\"\nlead = false\nemail = [\"{CLERK}\"]"),
    );
    let loaded = settings::load(&folder.config(), &settings::Environment::new()).unwrap();
    let frame = Frame { programme: String::new(), office: String::new(), dated_on: String::new() };
    let post = Post {
        server: Err("no server".to_owned()),
        units: units(&loaded.settings, &loaded.catalogue),
        settings: loaded.settings,
        templates: LetterTemplates::embedded().unwrap(),
        frame,
        password: Arc::new(|_| None),
        next: Arc::new(|_| Box::pin(async { Vec::new() })),
    };
    let limits = Limits { max_file_bytes: 1 << 20, max_unzipped_bytes: 1 << 24, max_sheets: 9, max_rows: 9_999 };
    let (catalogue, specs) = (Arc::new(loaded.catalogue), Arc::new(FormSpecs::embedded().clone()));
    World { folder, desk: Desk { catalogue, specs, limits }, post }
}

/// Keeps a mail as if it had just been fetched, and has it worked on.
async fn arrive(world: &World, store: &Store, uid: u32, id: &str, bytes: &[u8], now: DateTime<Utc>) {
    let raw = mail(CLERK, id, "考核结果", &[("r.csv", bytes)]);
    let header = MailHeader { sender: CLERK.to_owned(), message_id: id.to_owned(), ..MailHeader::default() };
    let parts = [NewPart { name: "r.csv".to_owned(), sha256: sha256_hex(bytes) }];
    let place = MailPlace { account: "a".to_owned(), validity: 1, uid };
    let new = NewMail {
        place: &place,
        header: &header,
        raw: &raw,
        bytes: raw.len() as u64,
        parts: &parts,
        unit: Some(PRISON),
    };
    store.keep_mail(&new, now).await.unwrap();
    let said = run_post(store, &world.desk, &world.post, now).await.unwrap_err().to_string();
    assert!(said.contains("no server"), "{said}");
}

/// The state that counts: every live result, by what it says.
async fn state(store: &Store) -> Vec<String> {
    let register = store.load_register().await.unwrap();
    let mut rows: Vec<String> =
        register.results.iter().map(|known| serde_json::to_string(&*known.row).unwrap()).collect();
    rows.sort();
    rows
}

async fn run(world: &World, order: &[usize], dice: &mut Dice, by_mail: bool) -> (Vec<String>, usize, usize) {
    let path = world.folder.work().join(format!("order-{}.db", dice.below(u64::MAX)));
    let store = Store::open(&format!("sqlite:{}", path.display()), Vault::from_key(&[7; 32]).unwrap()).await.unwrap();
    let begin: DateTime<Utc> = "2026-11-20T01:00:00Z".parse().unwrap();
    let (mut mails, files) = (std::collections::BTreeSet::new(), files());
    for (n, at) in (1_u32..).zip(order) {
        let now = begin + TimeDelta::minutes(n.into());
        let bytes = &files[*at].0;
        if by_mail && dice.below(3) > 0 {
            // Some are the same mail once more, in another place.
            let id = format!("{at}.{}@jail", dice.below(3));
            arrive(world, &store, n, &id, bytes, now).await;
            mails.insert(id);
        } else {
            let name = format!("{n}.csv");
            take_file(&store, &world.desk, &name, bytes.clone(), &Manner::default(), now).await.unwrap();
        }
    }
    let state = state(&store).await;
    let answered = store.deliveries().await.unwrap().len();
    assert!(store.audit_verify(None, None).await.unwrap().faults.is_empty());
    store.close().await;
    (state, mails.len(), answered)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_does_not_depend_on_how_often_and_in_which_order_things_arrive() {
    let (world, files) = (world(), files());
    let once: Vec<usize> = (0..files.len()).collect();
    let (wanted, ..) = run(&world, &once, &mut Dice(0), false).await;
    assert_eq!(wanted.len(), 5, "{wanted:#?}");
    assert!(wanted.iter().any(|row| row.contains("\"score_theory\":820")), "{wanted:#?}");
    for seed in 1..=SEEDS {
        let mut dice = Dice(seed);
        let order = order(&mut dice, &files);
        let (found, mails, answered) = run(&world, &order, &mut dice, true).await;
        assert_eq!(found, wanted, "seed {seed}: {order:?}");
        // One answer to each mail; the cap of a day is not reached.
        assert_eq!(answered, mails, "seed {seed}: {order:?}");
    }
}
