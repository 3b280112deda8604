//! The report as a value that serde serializes: what is shown, nothing else.

use super::report::Report;
use crate::observe::Check;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// `accepted`, `sentence`, `store` (whose root was trusted), `hint`, `rule`, `alert`, `path` (subjects, the leaf
/// first), `checks` and `tree`.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
/// # let now = handfast::pki::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
/// use handfast::pki::{Purpose, Roots, ServerName, Verifier};
/// let name = ServerName::try_from("example.com").unwrap();
/// let chain = [made.cert.der().clone()];
/// let refused = Verifier::web_pki(Roots::new())
///     .verify(&chain, Some(&name), Purpose::Server, now)
///     .unwrap_err();
/// let json = serde_json::to_value(&refused.report)?;
/// assert_eq!(json["accepted"], false);
/// assert_eq!(json["rule"], "Trust");
/// assert_eq!(json["alert"], "unknown_ca");
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_struct("Report", 9)?;
        all.serialize_field("accepted", &self.accepted())?;
        all.serialize_field("sentence", self.sentence())?;
        all.serialize_field("store", &self.store())?;
        all.serialize_field("hint", &self.hint())?;
        all.serialize_field("rule", &self.broken().map(|rule| rule.name()))?;
        all.serialize_field("alert", &self.alert().map(|alert| alert.to_string()))?;
        all.serialize_field("path", &self.path().collect::<Vec<_>>())?;
        all.serialize_field("checks", &self.checks().map(Shown).collect::<Vec<_>>())?;
        all.serialize_field("tree", &self.tree().map(Line).collect::<Vec<_>>())?;
        all.end()
    }
}

struct Shown<'a>(Check<'a>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Check { depth, certificate, rule, section, found, required, passed } = self.0;
        let mut all = serializer.serialize_struct("Check", 7)?;
        all.serialize_field("depth", &depth)?;
        all.serialize_field("certificate", certificate)?;
        all.serialize_field("rule", rule)?;
        all.serialize_field("section", section)?;
        all.serialize_field("found", found)?;
        all.serialize_field("required", required)?;
        all.serialize_field("passed", &passed)?;
        all.end()
    }
}

struct Line<'a>((usize, bool, &'a str));

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (depth, passed, text) = self.0;
        let mut all = serializer.serialize_struct("Line", 3)?;
        all.serialize_field("depth", &depth)?;
        all.serialize_field("passed", &passed)?;
        all.serialize_field("text", text)?;
        all.end()
    }
}
