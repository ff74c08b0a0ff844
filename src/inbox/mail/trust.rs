//! Who a mail is from, as far as that is known, and whether a person wrote it.

use super::Mail;

/// Most results that are read of one header.
const MAX_RESULTS: usize = 50;

/// A mail that no person wrote (RFC 3834): nothing answers it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Automatic {
    /// An answer by machine: out of office, received.
    Reply,
    /// Written by a machine, unasked.
    Generated,
    /// To many: a list, an advertisement.
    Bulk,
    /// A report on a delivery.
    Report,
}

/// One result of the receiving server: `dkim=pass header.d=example.cn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `dkim`, `spf`, `dmarc`, in lower case.
    pub method: String,
    /// `pass`, `fail`, `none`, in lower case.
    pub result: String,
    /// `header.d` and the like, in lower case, with their values.
    pub properties: Vec<(String, String)>,
}

/// What one server says of a mail (RFC 8601).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// Its name, in lower case.
    pub server: String,
    /// Its results.
    pub proofs: Vec<Proof>,
}

impl Mail {
    /// Whether the receiving server says that the mail is from the domain of its sender. `None` where it says nothing: its
    /// word stands in the topmost header, whatever a stranger wrote below.
    pub fn is_authentic(&self, server: &str) -> Option<bool> {
        let said = self.authentication.first().filter(|said| said.server.eq_ignore_ascii_case(server))?;
        let domain = self.from.as_deref()?.rsplit_once('@')?.1.to_ascii_lowercase();
        let is_of = |claimed: &str| {
            let claimed = claimed.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
            claimed.contains('.') && (domain == claimed || domain.ends_with(&format!(".{claimed}")))
        };
        let value = |proof: &Proof, names: &[&str]| {
            let mut known = proof.properties.iter().filter(|(name, _)| names.contains(&&**name));
            known.next().map(|(_, value)| value.clone())
        };
        Some(said.proofs.iter().filter(|proof| proof.result == "pass").any(|proof| match proof.method.as_str() {
            "dmarc" => value(proof, &["header.from"]).is_none_or(|from| is_of(&from)),
            "dkim" => value(proof, &["header.d", "header.i"]).is_some_and(|signer| is_of(&signer)),
            _ => false,
        }))
    }
}

/// Reads an `Authentication-Results` header.
pub(super) fn authentication(value: &str) -> Option<Authentication> {
    let value = without_comments(value);
    let mut pieces = value.split(';');
    let server = pieces.next()?.split_ascii_whitespace().next()?.to_ascii_lowercase();
    let mut proofs = Vec::new();
    for piece in pieces.take(MAX_RESULTS) {
        let mut words = piece.split_ascii_whitespace();
        let Some((method, result)) = words.next().and_then(|word| word.split_once('=')) else { continue };
        let method = method.split('/').next().unwrap_or_default();
        let properties = words
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_matches('"').to_owned()))
            .collect();
        proofs.push(Proof { method: method.to_ascii_lowercase(), result: result.to_ascii_lowercase(), properties });
    }
    Some(Authentication { server, proofs })
}

fn without_comments(value: &str) -> String {
    let (mut depth, mut quoted) = (0_u32, false);
    let kept = value.chars().filter(|c| {
        match c {
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                return false;
            }
            _ => {}
        }
        depth == 0
    });
    kept.collect()
}

/// Subjects of answers by machine, of programs that say it nowhere else.
const REPLY_SUBJECTS: [&str; 8] =
    ["自动回复", "自動回復", "自动答复", "automatic reply", "auto reply", "autoreply", "out of office", "外出自动回复"];

/// What a header makes of a mail: name in lower case, and value.
pub(super) fn automatic(headers: &[(String, String)], subject: &str) -> Option<Automatic> {
    let value =
        |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_lowercase());
    let ends = |c: char| c == ';' || c == '(' || c.is_whitespace();
    let submitted = value("auto-submitted").map(|value| value.split(ends).next().unwrap_or_default().to_owned());
    match submitted.as_deref() {
        Some("auto-replied") => return Some(Automatic::Reply),
        Some("no" | "") | None => {}
        Some(_) => return Some(Automatic::Generated),
    }
    let subject = subject.trim().to_lowercase();
    let says_reply = ["x-autoreply", "x-autorespond", "x-autoresponder", "x-autoreply-from"]
        .iter()
        .any(|name| value(name).is_some_and(|v| v != "no"));
    let precedence = value("precedence").unwrap_or_default();
    if says_reply || precedence == "auto_reply" || REPLY_SUBJECTS.iter().any(|words| subject.starts_with(words)) {
        return Some(Automatic::Reply);
    }
    if matches!(precedence.as_str(), "bulk" | "junk" | "list")
        || value("list-id").is_some()
        || value("list-unsubscribe").is_some()
    {
        return Some(Automatic::Bulk);
    }
    let has_no_return = value("return-path").is_some_and(|path| path == "<>");
    (has_no_return || value("x-auto-response-suppress").is_some_and(|what| what.contains("all")))
        .then_some(Automatic::Generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(from: &str, header: &str) -> Mail {
        Mail {
            from: Some(from.to_owned()),
            authentication: authentication(header).into_iter().collect(),
            ..Mail::default()
        }
    }

    #[test]
    fn only_the_receiving_servers_word_counts() {
        let pass =
            "mx.example.cn (a; b); spf=pass smtp.mailfrom=a@jail.cn; dkim=pass (ok; 2048) header.d=jail.cn header.s=s1";
        for (from, header, said) in [
            ("a@jail.cn", pass, Some(true)),
            ("a@mail.jail.cn", pass, Some(true)),
            ("a@evil-jail.cn", pass, Some(false)),
            ("a@jail.cn", "mx.example.cn 1; dmarc=pass header.from=jail.cn", Some(true)),
            ("a@jail.cn", "mx.example.cn; dmarc=pass header.from=other.cn", Some(false)),
            ("a@jail.cn", "mx.example.cn; dmarc=fail header.from=jail.cn; spf=pass smtp.mailfrom=jail.cn", Some(false)),
            ("a@jail.cn", "mx.example.cn; dkim=pass header.i=@jail.cn", Some(true)),
            ("a@jail.cn", "mx.example.cn; dkim=pass header.d=cn", Some(false)),
            ("a@jail.cn", "mx.example.cn; none", Some(false)),
            ("a@jail.cn", "mx.evil.cn; dkim=pass header.d=jail.cn", None),
            ("a@jail.cn", "", None),
        ] {
            assert_eq!(mail(from, header).is_authentic("MX.example.cn"), said, "{from} {header}");
        }
        let mut forged = mail("a@jail.cn", "mx.example.cn; dkim=fail header.d=jail.cn");
        forged.authentication.extend(authentication(pass));
        assert_eq!(forged.is_authentic("mx.example.cn"), Some(false));
    }

    #[test]
    fn machines_are_known() {
        let of = |name: &str, value: &str, subject: &str| automatic(&[(name.to_owned(), value.to_owned())], subject);
        assert_eq!(of("auto-submitted", "auto-replied (vacation)", ""), Some(Automatic::Reply));
        assert_eq!(of("auto-submitted", "auto-replied; x=y", ""), Some(Automatic::Reply));
        assert_eq!(of("auto-submitted", "no", "考核结果"), None);
        assert_eq!(of("auto-submitted", "auto-generated", ""), Some(Automatic::Generated));
        assert_eq!(of("precedence", "Bulk", ""), Some(Automatic::Bulk));
        assert_eq!(of("return-path", "<>", ""), Some(Automatic::Generated));
        assert_eq!(of("x", "", "自动回复：考核结果"), Some(Automatic::Reply));
        assert_eq!(of("x", "", "Re: 自动回复：考核结果"), None);
    }
}
