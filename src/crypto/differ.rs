//! What has several sources: each of them accepts what the others make, refuses
//! what they refuse, and gives the same.

use super::source::{Entropy, Operation, Source};

mod agreement;
#[cfg(feature = "post-quantum")]
mod kem;
mod signatures;

/// Those of `sources` that are there. Where ring alone is, what it refuses is tested.
fn there(operation: Operation, sources: &[Source]) -> Vec<Source> {
    sources.iter().copied().filter(|source| source.is_there(operation)).collect()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    Entropy::system().fill(&mut bytes).unwrap();
    bytes
}

/// Big-endian `a + b`, as long as `a`, what is carried out of it lost.
fn plus(a: &[u8], b: u8) -> Vec<u8> {
    let mut sum = a.to_vec();
    let mut carry = u16::from(b);
    for byte in sum.iter_mut().rev() {
        carry += u16::from(*byte);
        *byte = carry as u8;
        carry >>= 8;
    }
    sum
}

/// Big-endian `a - b`, both of the same length.
fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let not: Vec<u8> = b.iter().map(|byte| !byte).collect();
    let mut carry = 1;
    let mut difference = vec![0; a.len()];
    for at in (0..a.len()).rev() {
        carry += u16::from(a[at]) + u16::from(not[at]);
        difference[at] = carry as u8;
        carry >>= 8;
    }
    difference
}
