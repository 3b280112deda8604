//! OCSP responses (RFC 6960 section 4.2), taken apart. What one proves about a
//! certificate on a path is judged in `stapled`.

use super::certificate::algorithm;
use super::crl::{Reason, Revoked};
use super::dn::Name;
use super::extensions::extension;
use super::time;
use crate::crypto::der::{Der, NotDer, minimal_integer, tag};

/// A BasicOCSPResponse (RFC 6960 section 4.2.1), taken apart.
pub(super) struct OcspResponse<'a> {
    pub(super) tbs: &'a [u8],
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) responder: Responder<'a>,
    pub(super) entries: Vec<OcspEntry<'a>>,
    /// The certificates that came with it, in DER.
    pub(super) certificates: Vec<&'a [u8]>,
}

/// Who signed, by name or by the SHA-1 of the public key.
pub(super) enum Responder<'a> {
    Name(Name<'a>),
    Key(&'a [u8]),
}

/// A SingleResponse.
pub(super) struct OcspEntry<'a> {
    /// The AlgorithmIdentifier's object identifier.
    pub(super) hash: &'a [u8],
    pub(super) issuer_name_hash: &'a [u8],
    pub(super) issuer_key_hash: &'a [u8],
    pub(super) serial: &'a [u8],
    pub(super) status: OcspStatus,
    pub(super) this_update: i64,
    pub(super) next_update: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OcspStatus {
    Good,
    Revoked(Revoked),
    Unknown,
}

/// Entries and certificates that are read: an answer about one certificate has one.
const MOST: usize = 64;

impl<'a> OcspResponse<'a> {
    /// From DER; why it is of no use, if it is not.
    pub(super) fn read(der: &'a [u8]) -> Result<Self, &'static str> {
        const MALFORMED: &str = "it is malformed";
        let malformed = |NotDer| MALFORMED;
        let mut outer = Der::new(der);
        let mut fields = outer.inside(tag::SEQUENCE).map_err(malformed)?;
        outer.finish().map_err(malformed)?;
        if fields.content(0x0a).map_err(malformed)? != [0] {
            return Err("the responder did not answer");
        }
        let bytes = fields.content(tag::constructed(0)).map_err(malformed)?;
        fields.finish().map_err(malformed)?;
        let mut outer = Der::new(bytes);
        let mut bytes = outer.inside(tag::SEQUENCE).map_err(malformed)?;
        outer.finish().map_err(malformed)?;
        if bytes.content(tag::OID) != Ok(b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01") {
            return Err("it is not of the basic kind");
        }
        let basic = bytes.content(tag::OCTET_STRING).map_err(malformed)?;
        bytes.finish().map_err(malformed)?;
        Self::basic(basic).map_err(malformed)?.ok_or("it has a critical extension that is not known here")
    }

    fn basic(der: &'a [u8]) -> Result<Option<Self>, NotDer> {
        let mut outer = Der::new(der);
        let mut fields = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        let tbs = fields.value(tag::SEQUENCE)?;
        let algorithm = algorithm(&mut fields)?;
        let signature = fields.octet_aligned_bits()?;
        let mut certificates = Vec::new();
        if let Some(list) = fields.optional(tag::constructed(0))? {
            let mut outer = Der::new(list);
            let mut list = outer.inside(tag::SEQUENCE)?;
            outer.finish()?;
            while !list.is_empty() && certificates.len() < MOST {
                certificates.push(list.value(tag::SEQUENCE)?.bytes);
            }
        }
        fields.finish()?;

        let mut data = Der::new(tbs.content);
        // The version is 1, the default, which DER does not write.
        let by = data.any()?;
        let mut inside = Der::new(by.content);
        let responder = match by.tag {
            0xa1 => Responder::Name(Name::read(inside.value(tag::SEQUENCE)?.bytes)?),
            0xa2 => Responder::Key(inside.content(tag::OCTET_STRING)?),
            _ => return Err(NotDer),
        };
        inside.finish()?;
        time::read(data.value(tag::GENERALIZED_TIME)?)?;
        let mut list = data.inside(tag::SEQUENCE)?;
        let mut known = extensions_are_known(data.optional(tag::constructed(1))?)?;
        data.finish()?;
        let mut entries = Vec::new();
        while !list.is_empty() && entries.len() < MOST {
            let (entry, extensions_known) = OcspEntry::read(&mut list)?;
            known &= extensions_known;
            entries.push(entry);
        }
        let whole = Self { tbs: tbs.bytes, algorithm, signature, responder, entries, certificates };
        Ok(known.then_some(whole))
    }
}

impl<'a> OcspEntry<'a> {
    fn read(list: &mut Der<'a>) -> Result<(Self, bool), NotDer> {
        let mut fields = list.inside(tag::SEQUENCE)?;
        let mut id = fields.inside(tag::SEQUENCE)?;
        let mut hash = Der::new(algorithm(&mut id)?).inside(tag::SEQUENCE)?;
        let hash = hash.content(tag::OID)?;
        let issuer_name_hash = id.content(tag::OCTET_STRING)?;
        let issuer_key_hash = id.content(tag::OCTET_STRING)?;
        let serial = id.content(tag::INTEGER)?;
        id.finish()?;
        if !minimal_integer(serial) {
            return Err(NotDer);
        }
        let status = fields.any()?;
        let status = match (status.tag, status.content) {
            (0x80, []) => OcspStatus::Good,
            (0x82, []) => OcspStatus::Unknown,
            (0xa1, revoked) => {
                let mut revoked = Der::new(revoked);
                let at = time::read(revoked.value(tag::GENERALIZED_TIME)?)?;
                let reason = revoked.optional(tag::constructed(0))?.map(Reason::read).transpose()?;
                revoked.finish()?;
                OcspStatus::Revoked(Revoked { at, reason })
            }
            _ => return Err(NotDer),
        };
        let this_update = time::read(fields.value(tag::GENERALIZED_TIME)?)?;
        let next_update = match fields.optional(tag::constructed(0))? {
            Some(inside) => {
                let mut inside = Der::new(inside);
                let next = time::read(inside.value(tag::GENERALIZED_TIME)?)?;
                inside.finish()?;
                Some(next)
            }
            None => None,
        };
        let known = extensions_are_known(fields.optional(tag::constructed(1))?)?;
        fields.finish()?;
        let entry =
            Self { hash, issuer_name_hash, issuer_key_hash, serial, status, this_update, next_update };
        Ok((entry, known))
    }
}

/// Whether none of the extensions is critical: none is needed here, not even the
/// nonce (RFC 6960 section 4.4.1), since a stapled response answers no question.
fn extensions_are_known(wrapped: Option<&[u8]>) -> Result<bool, NotDer> {
    let Some(wrapped) = wrapped else { return Ok(true) };
    let mut outer = Der::new(wrapped);
    let mut list = outer.inside(tag::SEQUENCE)?;
    outer.finish()?;
    let mut known = true;
    while !list.is_empty() {
        let (_, critical, _) = extension(&mut list)?;
        known &= !critical;
    }
    Ok(known)
}
