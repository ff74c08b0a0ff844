//! A server that says by itself that a mail has come (IDLE): it is taken at once, whatever the schedule says.

use rustix::process::Signal;

use super::{CLERK, mail, office, results};
use crate::daemon::{Running, command, log, set, until};

#[test]
fn a_mail_is_taken_as_soon_as_the_server_tells_of_it() {
    let Some((letterbox, _peer, folder)) = office() else { return };
    set(&folder, &[("collect", "0 3 * * *"), ("calculate", ""), ("claim", ""), ("remind", ""), ("compile", "")]);
    set(&folder, &[("digest", ""), ("deliver", ""), ("mailbox", "0 3 29 2 *")]);
    let mut daemon = Running(command(&folder).spawn().unwrap());
    until("the start", || log(&folder).contains("started duties").then_some(()));
    for round in 1..=2 {
        letterbox.put(&mail(CLERK, &format!("news-{round}"), "结果", &[("r.csv", &results(round..round + 1, None))]));
        until("the rows", || {
            let taken = folder.json(0, &["status"])["assessments"].as_u64();
            taken.filter(|taken| *taken == u64::from(round) && letterbox.waiting() == 0)
        });
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0), "{}", log(&folder));
    folder.expect(0, &["audit", "verify"]);
}
