//! The AlgorithmIdentifier of RSASSA-PSS (RFC 4055 section 3.1): a signature's
//! says how it was made, a key's which signatures the key may make.

use super::der::{Der, NotDer, tag};

const ID_RSASSA_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
const ID_MGF1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08";

/// The salt's length where none is written.
const DEFAULT_SALT: u16 = 20;

/// Parameters with a hash that TLS has, and MGF1 with the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pss {
    /// Bits of the hash: 256, 384 or 512.
    pub(super) hash: u16,
    /// Octets of the salt; of a key, the fewest.
    pub(super) salt: u16,
}

impl Pss {
    /// Reads the whole AlgorithmIdentifier. Parameters that are absent leave a
    /// key free; other hashes, SHA-1 as the default among them, are not read.
    pub(super) fn read(algorithm: &[u8]) -> Result<Option<Self>, NotDer> {
        let mut outer = Der::new(algorithm);
        let mut fields = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        if fields.content(tag::OID)? != ID_RSASSA_PSS {
            return Err(NotDer);
        }
        if fields.is_empty() {
            return Ok(None);
        }
        let mut parameters = fields.inside(tag::SEQUENCE)?;
        fields.finish()?;
        let mut inside = parameters.inside(tag::constructed(0))?;
        let hash = hash(&mut inside)?;
        inside.finish()?;
        let mut inside = parameters.inside(tag::constructed(1))?;
        let mut mask = inside.inside(tag::SEQUENCE)?;
        inside.finish()?;
        if mask.content(tag::OID)? != ID_MGF1 || self::hash(&mut mask)? != hash {
            return Err(NotDer);
        }
        mask.finish()?;
        let salt = parameters.optional(tag::constructed(2))?.map_or(Ok(DEFAULT_SALT), salt)?;
        // The trailer has one value, the default, which DER does not write.
        parameters.finish()?;
        Ok(Some(Self { hash, salt }))
    }

    /// Whether the salt is as long as the hash, which it is in TLS (RFC 9846 section 4.3.3).
    pub(super) fn salt_is_hash_long(self) -> bool {
        self.salt == self.hash / 8
    }

    /// Whether a key with these parameters can sign so. Its length is the least:
    /// openssl restricts keys to 20 octets or more, and signs handshakes with 32.
    pub(super) fn allows_salt_of_hash(self) -> bool {
        self.salt <= self.hash / 8
    }
}

/// A hash's AlgorithmIdentifier: the NULL may be there or not (RFC 4055 section 2.1).
fn hash(fields: &mut Der<'_>) -> Result<u16, NotDer> {
    let mut inside = fields.inside(tag::SEQUENCE)?;
    let bits = match inside.content(tag::OID)? {
        b"\x60\x86\x48\x01\x65\x03\x04\x02\x01" => 256,
        b"\x60\x86\x48\x01\x65\x03\x04\x02\x02" => 384,
        b"\x60\x86\x48\x01\x65\x03\x04\x02\x03" => 512,
        _ => return Err(NotDer),
    };
    match inside.optional(tag::NULL)? {
        None | Some([]) => inside.finish().map(|()| bits),
        Some(_) => Err(NotDer),
    }
}

fn salt(inside: &[u8]) -> Result<u16, NotDer> {
    let mut inside = Der::new(inside);
    let octets = match *inside.unsigned()? {
        [octet] => u16::from(octet),
        [high, low] => u16::from_be_bytes([high, low]),
        _ => return Err(NotDer),
    };
    inside.finish()?;
    if octets == DEFAULT_SALT { Err(NotDer) } else { Ok(octets) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::der::tlv;
    use super::*;

    /// An identifier in which the hash, and MGF1's hash, stand with or without NULL.
    pub(crate) fn identifier(hashes: [(u8, bool); 2], rest: &[&[u8]]) -> Vec<u8> {
        let hash = |(last, null): (u8, bool)| {
            let oid = tlv(tag::OID, &[b"\x60\x86\x48\x01\x65\x03\x04\x02", &[last]]);
            tlv(tag::SEQUENCE, &[&oid, if null { &[5, 0] } else { &[] }])
        };
        let mgf1 = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[ID_MGF1]), &hash(hashes[1])]);
        let both = [tlv(0xa0, &[&hash(hashes[0])]), tlv(0xa1, &[&mgf1])].concat();
        let parameters = tlv(tag::SEQUENCE, &[&both, &rest.concat()]);
        tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[ID_RSASSA_PSS]), &parameters])
    }

    #[test]
    fn parameters_have_one_form_but_for_the_null() {
        const SHA256: [(u8, bool); 2] = [(1, true), (1, true)];
        let read = |hashes, rest: &[&[u8]]| Pss::read(&identifier(hashes, rest));
        for (place, hash) in [(1, 256), (2, 384), (3, 512)] {
            for nulls in [[true, true], [true, false], [false, true], [false, false]] {
                let hashes = nulls.map(|null| (place, null));
                let all = read(hashes, &[&[0xa2, 3, 2, 1, 33]]);
                assert_eq!(all, Ok(Some(Pss { hash, salt: 33 })), "{hash} {nulls:?}");
                assert_eq!(read(hashes, &[]), Ok(Some(Pss { hash, salt: 20 })));
            }
        }
        assert_eq!(read(SHA256, &[&[0xa2, 4, 2, 2, 0, 222]]), Ok(Some(Pss { hash: 256, salt: 222 })));
        assert_eq!(Pss::read(&tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[ID_RSASSA_PSS])])), Ok(None));
        // Two hashes; SHA-224; the defaults written; negative; too large; something behind.
        assert_eq!(read([(1, true), (2, true)], &[]), Err(NotDer));
        assert_eq!(read([(4, true), (4, true)], &[]), Err(NotDer));
        for rest in [
            &[0xa2, 3, 2, 1, 20][..],
            &[0xa2, 3, 2, 1, 32, 0xa3, 3, 2, 1, 1],
            &[0xa2, 3, 2, 1, 32, 0xa3, 3, 2, 1, 2],
            &[0xa2, 3, 2, 1, 0x80],
            &[0xa2, 4, 2, 2, 0, 32],
            &[0xa2, 5, 2, 3, 1, 0, 0],
            &[0xa2, 5, 2, 1, 32, 5, 0],
            &[5, 0],
        ] {
            assert_eq!(read(SHA256, &[rest]), Err(NotDer), "{rest:x?}");
        }
        let bare = |inside: &[u8]| tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[ID_RSASSA_PSS]), inside]);
        // NULL is for RSASSA-PKCS1-v1_5; an empty sequence is SHA-1.
        assert_eq!(Pss::read(&bare(&[5, 0])), Err(NotDer));
        assert_eq!(Pss::read(&bare(&[0x30, 0])), Err(NotDer));
        let whole = identifier(SHA256, &[&[0xa2, 3, 2, 1, 32]]);
        for end in 0..whole.len() {
            assert_eq!(Pss::read(&whole[..end]), Err(NotDer));
        }
        assert_eq!(Pss::read(&[&whole[..], &[0]].concat()), Err(NotDer));
        // A NULL with something in it.
        let place = whole.windows(2).position(|pair| pair == [5, 0]).unwrap();
        let mut filled = whole;
        filled[place + 1] = 1;
        assert_eq!(Pss::read(&filled), Err(NotDer));
    }
}
