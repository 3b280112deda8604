//! The verifier beside rustls-webpki, over the same chains in the same run, and
//! beside the bare checks of the same signatures: leaf, intermediate and root,
//! of P-256, of RSA-2048, and of P-256 with a leaf of 27 names; and over pools of
//! one to ten thousand certificates.
//!
//! `cargo bench --bench verifier` prints the ratios before criterion's own lines.

#[path = "support/remembered.rs"]
mod remembered;

use criterion::{BenchmarkId, Criterion};
use handfast::pki::{CertificateDer, Purpose, Roots, ServerName, UnixTime, Verifier};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use std::hint::black_box;
use std::time::{Duration, Instant};
use x509_parser::prelude::FromDer;

/// 2030-01-01.
const NOW: Duration = Duration::from_secs(1_893_456_000);
const HOST: &str = "www.example.com";

/// Leaf and intermediate as sent, and the root.
struct Chain {
    sent: Vec<CertificateDer<'static>>,
    root: CertificateDer<'static>,
    algorithm: &'static dyn VerificationAlgorithm,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    for (kind, text) in [(DnType::CountryName, "US"), (DnType::OrganizationName, "Example Trust Services")] {
        params.distinguished_name.push(kind, text);
    }
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// RSA keys are read, since rcgen makes none with ring.
fn keys(rsa: bool) -> [KeyPair; 3] {
    if !rsa {
        return std::array::from_fn(|_| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
    }
    let key = |der: &[u8]| {
        KeyPair::from_der_and_sign_algo(&der.to_vec().try_into().unwrap(), &PKCS_RSA_SHA256).unwrap()
    };
    [
        key(include_bytes!("../test-vectors/pki/rsa-root.der")),
        key(include_bytes!("../test-vectors/pki/rsa-middle.der")),
        key(include_bytes!("../test-vectors/pki/rsa-leaf.der")),
    ]
}

fn chain(rsa: bool, names: usize) -> Chain {
    let [root, middle, leaf] = keys(rsa);
    let root = CertifiedIssuer::self_signed(authority("Example Root R1"), root).unwrap();
    let middle = CertifiedIssuer::signed_by(authority("Example Server CA 7"), middle, &root).unwrap();
    let names = (1..names).map(|n| format!("alternative-name-{n}.example.com"));
    let mut params =
        CertificateParams::new([HOST.to_owned()].into_iter().chain(names).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, HOST);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let leaf = params.signed_by(&leaf, &middle).unwrap();
    Chain {
        sent: vec![leaf.der().clone(), middle.der().clone()],
        root: root.der().clone(),
        algorithm: if rsa { &RSA_PKCS1_2048_8192_SHA256 } else { &ECDSA_P256_SHA256_ASN1 },
    }
}

/// The bare work: the signatures of leaf and intermediate, with keys taken out before.
fn signatures(chain: &Chain) -> impl Fn() + '_ {
    let all: Vec<_> = chain.sent.iter().chain([&chain.root]).collect();
    let parts: Vec<_> = all
        .windows(2)
        .map(|pair| {
            let (_, child) = x509_parser::certificate::X509Certificate::from_der(pair[0]).unwrap();
            let (_, issuer) = x509_parser::certificate::X509Certificate::from_der(pair[1]).unwrap();
            (
                issuer.public_key().subject_public_key.data.to_vec(),
                child.tbs_certificate.as_ref().to_vec(),
                child.signature_value.data.to_vec(),
            )
        })
        .collect();
    move || {
        for (key, message, signature) in &parts {
            UnparsedPublicKey::new(chain.algorithm, key).verify(message, signature).unwrap();
        }
    }
}

fn ours(chain: &Chain) -> impl Fn(&[CertificateDer<'_>]) {
    let mut roots = Roots::new();
    roots.add(chain.root.clone()).unwrap();
    // The others verify each signature each time.
    let verifier = Verifier::web_pki(roots).remember_signatures(false);
    let name = ServerName::try_from(HOST).unwrap();
    let now = UnixTime::since_unix_epoch(NOW);
    move |sent| {
        black_box(verifier.verify(sent, Some(&name), Purpose::Server, now).unwrap());
    }
}

fn theirs(chain: &Chain) -> impl Fn(&[CertificateDer<'_>]) {
    let anchors = [webpki::anchor_from_trusted_cert(&chain.root).unwrap().to_owned()];
    let name = ServerName::try_from(HOST).unwrap();
    let now = UnixTime::since_unix_epoch(NOW);
    move |sent| {
        let leaf = webpki::EndEntityCert::try_from(&sent[0]).unwrap();
        let usage = webpki::KeyUsage::server_auth();
        let all = webpki::ALL_VERIFICATION_ALGS;
        black_box(leaf.verify_for_usage(all, &anchors, &sent[1..], now, usage, None, None).unwrap());
        leaf.verify_is_valid_for_subject_name(&name).unwrap();
    }
}

/// The fastest of many runs of each, which take turns: what the work itself
/// takes. What slows the machine down for a while slows them all.
fn fastest<const N: usize>(work: [&dyn Fn(); N]) -> [Duration; N] {
    let mut best = [Duration::MAX; N];
    for _ in 0..20_000 {
        for (best, work) in best.iter_mut().zip(work) {
            let started = Instant::now();
            work();
            *best = started.elapsed().min(*best);
        }
    }
    best
}

/// The chain's certificates among others, which have other names.
fn pool(chain: &Chain, size: usize) -> Vec<CertificateDer<'static>> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut sent = vec![chain.sent[0].clone()];
    for n in 1..size {
        sent.push(authority(&format!("Another CA {n}")).self_signed(&key).unwrap().der().clone());
    }
    sent.push(chain.sent[1].clone());
    sent
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(30);
    for (name, rsa, names, bar) in
        [("P-256", false, 2, 1.02), ("RSA-2048", true, 2, 1.03), ("P-256, 27 names", false, 27, 1.05)]
    {
        let chain = chain(rsa, names);
        let (bare, ours, theirs) = (signatures(&chain), ours(&chain), theirs(&chain));
        let all: [&dyn Fn(); 3] = [&bare, &|| ours(&chain.sent), &|| theirs(&chain.sent)];
        let [a, b, c] = fastest(all);
        println!(
            "{name}: handfast / rustls-webpki {:.3} (bar: {bar}); leaf {} B, signatures {a:?}, handfast {b:?}, \
             rustls-webpki {c:?}",
            b.as_secs_f64() / c.as_secs_f64(),
            chain.sent[0].len(),
        );
        remembered::report(name, &chain.sent, &chain.root);
        let mut group = criterion.benchmark_group(name);
        group.bench_function("signatures", |bench| bench.iter(&bare));
        group.bench_function("handfast", |bench| bench.iter(|| ours(&chain.sent)));
        group.bench_function("rustls-webpki", |bench| bench.iter(|| theirs(&chain.sent)));
        group.finish();
    }
    let chain = chain(false, 27);
    let ours = ours(&chain);
    let [bare] = fastest([&signatures(&chain)]);
    let mut group = criterion.benchmark_group("pool");
    group.sample_size(10);
    for size in [1, 10, 100, 1000, 10_000] {
        let sent = pool(&chain, size);
        let runs = (0..20).map(|_| {
            let started = Instant::now();
            ours(&sent);
            started.elapsed()
        });
        let took = runs.min().unwrap();
        let above = took.saturating_sub(bare);
        println!("pool of {size}: {took:?}, above the signatures {:?} a certificate", above / size as u32);
        group.bench_with_input(BenchmarkId::from_parameter(size), &sent, |bench, sent| {
            bench.iter(|| ours(sent))
        });
    }
    group.finish();
}
