//! For the tests with RFC 8448's trace alone: its certificates have RSA keys of
//! 1024 bits, which ring does not verify with. RSASSA-PSS-VERIFY with SHA-256
//! (RFC 8017 sections 8.1.2 and 9.1.2), one bit at a time.

use super::der::{Der, tag};
use super::verify::{KeyKind, SubjectPublicKeyInfo};
use crate::wire::codepoints::SignatureScheme;
use ring::digest::{SHA256, digest};

const LIMBS: usize = 17;
type Number = [u64; LIMBS];

pub(super) fn takes(scheme: SignatureScheme, key: SubjectPublicKeyInfo<'_>) -> bool {
    scheme == SignatureScheme::RSA_PSS_RSAE_SHA256 && key.kind() == Some(KeyKind::Rsa { bits: 1024 })
}

pub(super) fn verify(key: SubjectPublicKeyInfo<'_>, message: &[u8], signature: &[u8]) -> Option<()> {
    let mut public = Der::new(key.key).inside(tag::SEQUENCE).ok()?;
    let modulus = number(public.unsigned().ok()?)?;
    let exponent = public.unsigned().ok()?;
    let signature = number(signature).filter(|signature| less(signature, &modulus))?;
    let mut power = number(&[1])?;
    for octet in exponent {
        for bit in (0..8).rev() {
            power = multiply(&power, &power, &modulus);
            if octet >> bit & 1 == 1 {
                power = multiply(&power, &signature, &modulus);
            }
        }
    }
    let encoded: Vec<u8> = power[..16].iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();

    // EMSA-PSS-VERIFY: maskedDB (95 octets), H (32), 0xbc; 1023 bits in all.
    let (masked, rest) = encoded.split_at(95);
    let (hash, trailer) = rest.split_at(32);
    if trailer != [0xbc] || masked[0] & 0x80 != 0 {
        return None;
    }
    let mask = (0u32..3)
        .flat_map(|counter| digest(&SHA256, &[hash, &counter.to_be_bytes()].concat()).as_ref().to_vec());
    let mut block: Vec<u8> = masked.iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect();
    block[0] &= 0x7f;
    let (padding, salt) = block.split_at(63);
    if padding[..62].iter().any(|&octet| octet != 0) || padding[62] != 1 {
        return None;
    }
    let digested = digest(&SHA256, message);
    let expected = digest(&SHA256, &[&[0; 8], digested.as_ref(), salt].concat());
    (expected.as_ref() == hash).then_some(())
}

/// A number of at most 1024 bits, its lowest limb first; the last limb is room
/// to double it in.
fn number(bytes: &[u8]) -> Option<Number> {
    let mut number = [0; LIMBS];
    for (place, &octet) in bytes.iter().rev().enumerate() {
        *number[..16].get_mut(place / 8)? |= u64::from(octet) << (place % 8 * 8);
    }
    Some(number)
}

fn less(a: &Number, b: &Number) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn add(a: &Number, b: &Number, modulus: &Number) -> Number {
    let mut sum = [0; LIMBS];
    let mut carry = 0u128;
    for place in 0..LIMBS {
        carry += u128::from(a[place]) + u128::from(b[place]);
        sum[place] = carry as u64;
        carry >>= 64;
    }
    if less(&sum, modulus) {
        return sum;
    }
    let mut borrow = 0i128;
    for place in 0..LIMBS {
        borrow += i128::from(sum[place]) - i128::from(modulus[place]);
        sum[place] = borrow as u64;
        borrow >>= 64;
    }
    sum
}

fn multiply(a: &Number, b: &Number, modulus: &Number) -> Number {
    let mut product = [0; LIMBS];
    for limb in b.iter().rev() {
        for bit in (0..64).rev() {
            product = add(&product, &product, modulus);
            if limb >> bit & 1 == 1 {
                product = add(&product, a, modulus);
            }
        }
    }
    product
}

mod tests {
    use super::*;
    use crate::crypto::verify::verify_tls13;

    /// A key and signature made with OpenSSL 3.0.
    #[test]
    fn verifies_a_signature_of_another_implementation() {
        let public = hex::decode(PUBLIC).unwrap();
        let mut signature = hex::decode(SIGNATURE).unwrap();
        let key = SubjectPublicKeyInfo {
            algorithm: b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00",
            key: &public,
        };
        let scheme = SignatureScheme::RSA_PSS_RSAE_SHA256;
        assert_eq!(verify_tls13(scheme, key, b"handshake", &signature), Ok(()));
        assert!(verify_tls13(scheme, key, b"Handshake", &signature).is_err());
        signature[100] ^= 1;
        assert!(verify_tls13(scheme, key, b"handshake", &signature).is_err());
    }

    const PUBLIC: &str = "\
        30818902818100bb642c6d2964184d653889224c456ac48ecea12c19434e983f681faa9ba3459fa6057b\
        b38a035eae35d61c9857af98ab545bc379222e0e7de9f101ffc286167d76ab53411914a3aba9376d8e74\
        40020550b0143f6630010c3a0e7993645b024985bba89d483bc37b1d0cc4e35b8d866658cb544a5df857\
        e8629b65fd0dd442950203010001";
    const SIGNATURE: &str = "\
        249b96685eb35dd663ca6fc95489f15ed7dbdf533426ff3881a5e0cdb5c66b0cff8f56e43fbd5ba2117d\
        fa7007f90a44ce76221567d85543dc93537a1d22938876baa4c344425850517ca8c765c1e640672ea98b\
        d60933cbb050346449ef0aef5c9a5eabb31caee9937f1a5a99b89a9efea4cbe83d39803331ba7b2dacf9\
        54d3";
}
