//! What lists prove of a certificate on a path (RFC 5280 section 6.3.3). A
//! revocation that the issuer signed counts in whatever list it stands that can
//! be understood; that a certificate is good takes lists without a flaw that
//! together are about every reason.

use super::budget::Budget;
use super::certificate::Certificate;
use super::crl::{Crl, Points, Reason, Reasons, Revoked, Unusable};
use super::inquiry::{Inquiry, Stop};
use super::remembered::Signed;
use super::signer::{Signer, Status, Verified, What};

/// A certificate, and those above it on its path from its issuer on, the anchor
/// last. It stands at `depth`.
pub(super) struct Asked<'a> {
    pub(super) inquiry: &'a Inquiry<'a>,
    pub(super) certificate: &'a Certificate<'a>,
    pub(super) above: &'a [Signer<'a>],
    pub(super) depth: usize,
}

/// A list that is about the certificate, and whose signature holds.
struct Heard<'a> {
    crl: &'a Crl,
    /// For which reasons it would say that the certificate is revoked.
    reasons: Reasons,
    key: Vec<u8>,
    entry: Option<Revoked>,
    untimely: Option<Unusable>,
}

impl Heard<'_> {
    /// Whether it clears the certificate, as long as its time has not passed.
    fn clears(&self) -> bool {
        self.crl.flaw.is_none() && self.entry.is_none_or(|entry| entry.is(Reason::REMOVED))
    }

    /// Whether this delta brings that list up to date (RFC 5280 sections 5.2.4
    /// and 6.3.3 (c), (h)).
    fn completes(&self, base: &Self) -> bool {
        self.crl.flaw.is_none()
            && self.untimely.is_none()
            && self.crl.delta_to.is_some_and(|from| base.crl.number >= Some(from))
            && base.crl.number < self.crl.number
            && base.crl.scope == self.crl.scope
            && base.key == self.key
    }
}

/// What it costs to look into a list, or to see that it is of no use.
const PER_LIST: usize = 64;

pub(super) fn by_lists<'s>(
    asked: &Asked<'_>,
    verified: &mut Verified<'s>,
    budget: &mut Budget,
) -> Result<Status, Stop> {
    judged(asked, true, verified, budget)
}

/// `anybody`: a signer off the path will do.
fn judged<'s>(
    asked: &Asked<'_>,
    anybody: bool,
    verified: &mut Verified<'s>,
    budget: &mut Budget,
) -> Result<Status, Stop> {
    let Asked { inquiry, certificate, .. } = asked;
    if inquiry.revocation.has_no_lists() {
        return Ok(Status::Unknown("no revocation list was given".into()));
    }
    let points = certificate.extensions.crl_points.unwrap_or(&[]);
    let names = asked.above.iter().map(|signer| signer.subject_bytes.len());
    let own = points.len() + 2 * certificate.issuer_bytes.len();
    budget.spend(names.fold(own, usize::saturating_add))?;
    let issuer = certificate.issuer.folded();
    let points = Points::read(points, &issuer);
    let is_issuer = |signer: &&Signer<'_>| signer.is_issuer_of(certificate, &issuer);
    let issuers: Vec<_> = asked.above.iter().filter(is_issuer).collect();
    let mut unknown: Option<String> = None;
    // The first reason; in words only where it is one.
    let mut useless = |why: &dyn Fn() -> String| {
        unknown.get_or_insert_with(why);
    };
    let mut heard = Vec::new();
    let all = || inquiry.revocation.lists_of(&issuer);
    budget.spend(PER_LIST * all().count())?;
    let any_delta = all().any(|(_, crl)| crl.delta_to.is_some());
    let names = |crl: &Crl| crl.revoked.contains_key(certificate.serial);
    // Those that name the certificate first: the others need a look only where
    // none of them ends it.
    let in_turn = all().filter(|(_, crl)| names(crl)).chain(all().filter(|(_, crl)| !names(crl)));
    for (place, crl) in in_turn {
        let entry = crl.revoked.get(certificate.serial).copied();
        let of_no_use = |why: &dyn std::fmt::Display| {
            format!("the revocation list of {} is of no use: {why}", crl.issuer_text)
        };
        let untimely = crl.untimely(inquiry.now);
        let base = any_delta && matches!(untimely, Some(Unusable::Stale { .. }));
        let flaw = crl.flaw.or(untimely.filter(|_| !base));
        if let Some(why) = crl.mute.or(flaw.filter(|_| entry.is_none())) {
            useless(&|| of_no_use(&why));
            continue;
        }
        let authority = certificate.is_ca();
        let apart = (crl.scope.users_only && authority) || (crl.scope.authorities_only && !authority);
        let Some(reasons) = points.reasons(&crl.scope).filter(|_| !apart) else {
            useless(&|| format!("the revocation list of {} is about other certificates", crl.issuer_text));
            continue;
        };
        let key = match signer(asked, &issuers, (place, crl), entry.is_some(), anybody, verified, budget)? {
            Ok(key) => key,
            Err(why) => {
                useless(&|| of_no_use(&why));
                continue;
            }
        };
        if let Some(entry) = entry.filter(|entry| !entry.is(Reason::HOLD) && !entry.is(Reason::REMOVED)) {
            return Ok(Status::Revoked(format!("its issuer revoked it {}", entry.text())));
        }
        heard.push(Heard { crl, reasons, key, entry, untimely });
        if let Status::Good(said) = weighed(&heard) {
            return Ok(Status::Good(said));
        }
    }
    Ok(match (weighed(&heard), unknown) {
        (Status::Unknown(_), Some(why)) if heard.is_empty() => Status::Unknown(why),
        (status, _) => status,
    })
}

/// What lists without a permanent revocation amount to.
fn weighed(heard: &[Heard<'_>]) -> Status {
    let of_no_use = |list: &Heard<'_>, why: Unusable| {
        format!("the revocation list of {} is of no use: {why}", list.crl.issuer_text)
    };
    let mut why = String::from("no revocation list of its issuer was given");
    // The latest hold, and the latest word that there is none.
    let mut held: Option<(i64, Revoked)> = None;
    let mut free = None;
    let mut covered = Reasons::NONE;
    let (deltas, whole): (Vec<_>, Vec<_>) = heard.iter().partition(|list| list.crl.delta_to.is_some());
    let mut hold = |list: &Heard<'_>| {
        let entry = list.entry.filter(|entry| entry.is(Reason::HOLD));
        let later = |entry: &Revoked| held.is_none_or(|(at, _)| at < list.crl.this_update).then_some(*entry);
        if let Some(entry) = entry.as_ref().and_then(later) {
            held = Some((list.crl.this_update, entry));
        }
    };
    for delta in &deltas {
        hold(delta);
        why = of_no_use(delta, Unusable::Delta);
    }
    for list in &whole {
        let updates = || deltas.iter().filter(|delta| delta.completes(list));
        let lifted = updates().find(|delta| delta.entry.is_some_and(|entry| entry.is(Reason::REMOVED)));
        if lifted.is_none() {
            hold(list);
        }
        let current = match list.untimely {
            None => lifted.or(Some(list)),
            Some(Unusable::Stale { .. }) => lifted.or_else(|| updates().find(|delta| delta.clears())),
            Some(_) => None,
        };
        match (current, list.untimely) {
            (Some(current), _) if list.clears() || lifted.is_some() => {
                covered = covered.or(list.reasons);
                why = format!("the revocation list of {} is about some reasons only", list.crl.issuer_text);
                if list.reasons.has(Reasons::HOLD) {
                    free = free.max(Some(current.crl.this_update));
                }
            }
            (None, Some(untimely)) => why = of_no_use(list, untimely),
            _ => {}
        }
    }
    match (held, whole.first()) {
        // Only a later word ends a hold.
        (Some((at, entry)), _) if free <= Some(at) => {
            Status::Revoked(format!("its issuer revoked it {}", entry.text()))
        }
        (_, Some(list)) if covered.has(Reasons::ALL) => {
            Status::Good(format!("the revocation list of {} does not have it", list.crl.issuer_text))
        }
        _ => Status::Unknown(why),
    }
}

/// The key that signed a list: the issuer's, another one of the issuer's name
/// on the path, or one that somebody on the path certified under that name for
/// signing lists; why there is none, if there is not (RFC 5280 section 6.3.3 (f), (g)).
fn signer<'s>(
    asked: &Asked<'_>,
    issuers: &[&Signer<'_>],
    (place, crl): (usize, &Crl),
    names_it: bool,
    anybody: bool,
    verified: &mut Verified<'s>,
    budget: &mut Budget,
) -> Result<Result<Vec<u8>, &'static str>, Stop> {
    let mut why = "nobody on the path has its issuer's name";
    let (algorithm, message, signature) = (&crl.algorithm, &crl.tbs, &crl.signature);
    let signed_by = |key| Signed { key, algorithm, message, signature };
    // A list that says that another key signed it clears nobody, and costs no
    // signature. Whether it revokes does not depend on what it says of its key.
    let other_key = |signer: &Signer<'_>| match (&crl.authority_key, signer.key_id) {
        (Some(named), Some(own)) => !names_it && **named != *own,
        _ => false,
    };
    for signer in issuers {
        if !signer.may_sign_lists() {
            why = "its issuer's keyUsage does not allow to sign lists (cRLSign)";
            continue;
        }
        if other_key(signer) {
            why = "it names another key of its issuer's";
            continue;
        }
        why = "its signature was not made by its issuer's key";
        if verified.holds(What::List(place), &signed_by(signer.key), budget)? {
            return Ok(Ok(signer.key.identity()));
        }
    }
    if !anybody {
        return Ok(Err(why));
    }
    for beside in verified.list_signers(&crl.issuer) {
        let signer = Signer::of(beside);
        if !other_key(&signer)
            && verified.holds(What::List(place), &signed_by(signer.key), budget)?
            && is_appointed(asked, beside, verified, budget)?
        {
            verified.use_of(beside);
            return Ok(Ok(signer.key.identity()));
        }
    }
    Ok(Err(why))
}

/// Whether a signer of lists off the path leads to the path's own anchor: by one
/// certificate, which somebody on the path issued, and which is held to what
/// the policy says about revocation, too.
fn is_appointed<'s>(
    asked: &Asked<'_>,
    beside: &'s Certificate<'s>,
    verified: &mut Verified<'s>,
    budget: &mut Budget,
) -> Result<bool, Stop> {
    let Asked { inquiry, above, depth, .. } = *asked;
    let (from, to) = beside.validity;
    if !beside.is_sound() || !(from..=to).contains(&inquiry.now) {
        return Ok(false);
    }
    let issuer = beside.issuer.folded();
    for (place, signer) in above.iter().enumerate() {
        budget.spend(signer.subject_bytes.len() + issuer.len())?;
        if !signer.is_issuer_of(beside, &issuer) {
            continue;
        }
        let Certificate { algorithm, tbs: message, signature, .. } = *beside;
        let signed = Signed { key: signer.key, algorithm, message, signature };
        if !verified.holds(What::Certificate(beside.der), &signed, budget)? {
            continue;
        }
        let depth = depth + 1;
        if !inquiry.revocation.looks_at(depth) {
            return Ok(true);
        }
        let above = above.get(place..).unwrap_or(&[]);
        let status = judged(&Asked { inquiry, certificate: beside, above, depth }, false, verified, budget)?;
        let required = inquiry.revocation.requires(depth, || issuer);
        return Ok(match status {
            Status::Good(_) => true,
            Status::Revoked(_) => false,
            Status::Unknown(_) => !required,
        });
    }
    Ok(false)
}
