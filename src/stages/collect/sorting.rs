//! What kind of mail a mail is: whom it is from, whether a person wrote it, what it brought. Pure.

use crate::inbox::mail::{Automatic, Mail};
use crate::store::{MailFate, ReceivedMail};

/// The word in a subject that asks for a trial.
pub(super) const TRIAL: &str = "试检";

/// What mails are held against.
pub(super) struct Rules<'a> {
    /// The address that our letters come from.
    pub own: &'a str,
    /// Name under which the receiving server vouches for senders; empty = not asked.
    pub authenticated: &'a str,
    /// Largest mail that is fetched.
    pub max_mail_bytes: u64,
}

/// What a mail is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Sorted {
    /// Nothing answers it.
    Ends(MailFate),
    /// Not opened; politely answered, at most once a day.
    Refused(MailFate),
    /// From a unit, and too large to be fetched.
    TooLarge,
    /// From a unit, with attachments of which none could be opened.
    Unopened,
    /// From a unit, without any attachment.
    Nothing,
    /// A report on a letter of ours.
    Report,
    /// From a unit, with files.
    Files {
        /// Nothing is to be kept (试检).
        trial: bool,
    },
}

/// Sorts a mail. `opened` is the mail taken apart, if that went.
pub(super) fn sort(mail: &ReceivedMail, opened: Option<&Mail>, rules: &Rules<'_>) -> Sorted {
    let Some(opened) = opened else { return Sorted::Ends(MailFate::Unreadable) };
    if opened.report.is_some() {
        return Sorted::Report;
    }
    let Some(from) = opened.from.as_deref() else { return Sorted::Ends(MailFate::Stranger) };
    if from.eq_ignore_ascii_case(rules.own) {
        return Sorted::Ends(MailFate::Automatic);
    }
    let has_files = !opened.enclosures.is_empty() || !opened.unopened.is_empty();
    if let Some(automatic) = opened.automatic.filter(|_| !mail.let_in) {
        let is_reply = matches!(automatic, Automatic::Reply | Automatic::Report);
        return Sorted::Ends(match (mail.unit.is_some(), has_files) {
            (true, true) => MailFate::MachineFiles,
            (true, false) => MailFate::Automatic,
            (false, false) if is_reply => MailFate::Automatic,
            // What a provider announces may matter to the administrator.
            (false, _) => MailFate::Stranger,
        });
    }
    if mail.unit.is_none() {
        return Sorted::Refused(MailFate::Stranger);
    }
    let vouched = rules.authenticated.is_empty() || opened.is_authentic(rules.authenticated) == Some(true);
    if !vouched && !mail.let_in {
        return Sorted::Refused(MailFate::Unproven);
    }
    if mail.bytes > rules.max_mail_bytes {
        return Sorted::TooLarge;
    }
    match (opened.enclosures.is_empty(), opened.unopened.is_empty()) {
        (true, true) => Sorted::Nothing,
        (true, false) => Sorted::Unopened,
        (false, _) => Sorted::Files { trial: opened.subject.contains(TRIAL) },
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::inbox::mail::{Authentication, Enclosure, Proof, Report, Unopened, Why};
    use crate::store::MailHeader;

    fn mail(unit: Option<&str>) -> ReceivedMail {
        ReceivedMail {
            id: 1,
            received_at: DateTime::UNIX_EPOCH,
            bytes: 1_000,
            header: MailHeader::default(),
            unit: unit.map(str::to_owned),
            fate: None,
            let_in: false,
        }
    }

    fn opened() -> Mail {
        Mail { from: Some("clerk@jail.cn".to_owned()), ..Mail::default() }
    }

    fn with_file(mail: Mail) -> Mail {
        let file = Enclosure { name: "a.xlsx".to_owned(), within: Vec::new(), archives: Vec::new(), bytes: vec![1] };
        Mail { enclosures: vec![file], ..mail }
    }

    const RULES: Rules<'_> = Rules { own: "shenling@x.cn", authenticated: "", max_mail_bytes: 1_000 };

    #[test]
    fn a_unit_is_served_and_everybody_else_is_not_opened() {
        let (unit, stranger) = (mail(Some("甲")), mail(None));
        let trial = Mail { subject: "转发：试检 考核结果".to_owned(), ..with_file(opened()) };
        let unopened = Unopened { name: "a.rar".to_owned(), why: Why::Archive };
        let only_unopened = Mail { unopened: vec![unopened], ..opened() };
        for (mail, opened, is) in [
            (&unit, &with_file(opened()), Sorted::Files { trial: false }),
            (&unit, &trial, Sorted::Files { trial: true }),
            (&unit, &opened(), Sorted::Nothing),
            (&unit, &only_unopened, Sorted::Unopened),
            (&stranger, &with_file(opened()), Sorted::Refused(MailFate::Stranger)),
            (&stranger, &trial, Sorted::Refused(MailFate::Stranger)),
            (&stranger, &Mail { from: None, ..opened() }, Sorted::Ends(MailFate::Stranger)),
        ] {
            assert_eq!(sort(mail, Some(opened), &RULES), is);
        }
        let large = ReceivedMail { bytes: 1_001, ..mail(Some("甲")) };
        assert_eq!(sort(&large, Some(&opened()), &RULES), Sorted::TooLarge);
        assert_eq!(
            sort(&ReceivedMail { unit: None, ..large }, Some(&opened()), &RULES),
            Sorted::Refused(MailFate::Stranger)
        );
        assert_eq!(sort(&unit, None, &RULES), Sorted::Ends(MailFate::Unreadable));
    }

    #[test]
    fn no_machine_is_answered() {
        let by = |automatic, files: bool| {
            let machine = Mail { automatic: Some(automatic), ..opened() };
            if files { with_file(machine) } else { machine }
        };
        for (unit, automatic, files, fate) in [
            (Some("甲"), Automatic::Reply, false, MailFate::Automatic),
            (Some("甲"), Automatic::Bulk, false, MailFate::Automatic),
            (Some("甲"), Automatic::Generated, true, MailFate::MachineFiles),
            (None, Automatic::Reply, false, MailFate::Automatic),
            (None, Automatic::Generated, false, MailFate::Stranger),
            (None, Automatic::Reply, true, MailFate::Stranger),
        ] {
            assert_eq!(sort(&mail(unit), Some(&by(automatic, files)), &RULES), Sorted::Ends(fate), "{automatic:?}");
        }
        let let_in = ReceivedMail { let_in: true, ..mail(Some("甲")) };
        let files = Sorted::Files { trial: false };
        assert_eq!(sort(&let_in, Some(&by(Automatic::Generated, true)), &RULES), files, "a person said so");
        let own = with_file(Mail { from: Some("Shenling@x.cn".to_owned()), ..opened() });
        assert_eq!(sort(&mail(Some("甲")), Some(&own), &RULES), Sorted::Ends(MailFate::Automatic));
        let report = Mail { report: Some(Report::default()), automatic: Some(Automatic::Report), ..opened() };
        assert_eq!(sort(&mail(None), Some(&report), &RULES), Sorted::Report);
    }

    #[test]
    fn where_the_server_vouches_for_senders_its_word_is_needed() {
        let rules = Rules { authenticated: "mx.x.cn", ..RULES };
        let said = |result: &str| {
            let properties = vec![("header.d".to_owned(), "jail.cn".to_owned())];
            let proof = Proof { method: "dkim".to_owned(), result: result.to_owned(), properties };
            let said = Authentication { server: "mx.x.cn".to_owned(), proofs: vec![proof] };
            with_file(Mail { authentication: vec![said], ..opened() })
        };
        let unit = mail(Some("甲"));
        assert_eq!(sort(&unit, Some(&said("pass")), &rules), Sorted::Files { trial: false });
        for unproven in [said("fail"), with_file(opened())] {
            assert_eq!(sort(&unit, Some(&unproven), &rules), Sorted::Refused(MailFate::Unproven));
            let let_in = ReceivedMail { let_in: true, ..unit.clone() };
            assert_eq!(sort(&let_in, Some(&unproven), &rules), Sorted::Files { trial: false });
        }
    }
}
