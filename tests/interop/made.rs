//! Certificates that OpenSSL makes without being asked for much: keys that are
//! for RSASSA-PSS alone, certificates of version 1, authorities that serve.

use crate::certificates::{NAME, certificates};
use crate::openssl::{converse, openssl};
use crate::ours::{client, echo, ensure, error, greet, serve};
use crate::program::Program;
use crate::{Case, case};
use handfast::pki::{self, CertificateDer, Profile, Roots, UnixTime, Verifier};
use handfast::wire::SignatureScheme;
use handfast::{ClientConfig, Error, Identity, ServerConfig};
use libtest_mimic::Failed;
use std::fs;
use std::path::PathBuf;

/// What restricts a key, the hash of its signatures, and how it signs handshakes.
#[rustfmt::skip]
const PSS: [(&[&str], &str, SignatureScheme); 4] = [
    (&[], "-sha256", SignatureScheme::RSA_PSS_PSS_SHA256),
    // OpenSSL writes no length of the salt, which means: at least 20 octets.
    (&["rsa_pss_keygen_md:sha256", "rsa_pss_keygen_mgf1_md:sha256"], "-sha256", SignatureScheme::RSA_PSS_PSS_SHA256),
    (&["rsa_pss_keygen_md:sha384", "rsa_pss_keygen_mgf1_md:sha384", "rsa_pss_keygen_saltlen:48"], "-sha384", SignatureScheme::RSA_PSS_PSS_SHA384),
    (&["rsa_pss_keygen_md:sha512", "rsa_pss_keygen_mgf1_md:sha512", "rsa_pss_keygen_saltlen:64"], "-sha512", SignatureScheme::RSA_PSS_PSS_SHA512),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for version in ["-tls1_3", "-tls1_2"] {
        for (place, (restriction, hash, scheme)) in PSS.into_iter().enumerate() {
            let what = format!("{version}, a chain of keys for {scheme} ({} parameters)", restriction.len());
            let make = move |side: &str| {
                Made::chain(&format!("pss-{side}{version}-{place}"), "RSA-PSS", restriction, hash)
            };
            cases.push(case(format!("s_server: {what}"), move || they_serve(&make("s")?, version, scheme)));
            cases.push(case(format!("s_client: {what}"), move || we_serve(&make("c")?, version, scheme)));
        }
        cases.push(case(format!("s_server: {version}, version 1"), move || version_1(version)));
        cases.push(case(format!("s_server: {version}, an authority of its own"), move || {
            authority_that_serves(version)
        }));
    }
    cases
}

/// Files of one case.
struct Made(String);

impl Made {
    fn path(&self, file: &str) -> PathBuf {
        certificates().path(&format!("made-{}-{file}", self.0))
    }

    /// OpenSSL's words, where `@` stands before a file of this case.
    fn run(&self, words: &[&str]) -> Result<(), Failed> {
        let word = |word: &&str| match word.strip_prefix('@') {
            Some(file) => self.path(file).into_os_string(),
            None => word.into(),
        };
        let ran = openssl().args(words.iter().map(word)).output()?;
        ensure!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        Ok(())
    }

    fn key(&self, file: &str, algorithm: &str, options: &[&str]) -> Result<(), Failed> {
        let size = if algorithm == "EC" { "ec_paramgen_curve:P-256" } else { "rsa_keygen_bits:2048" };
        let mut words = vec!["genpkey", "-algorithm", algorithm, "-pkeyopt", size];
        words.extend(options.iter().flat_map(|option| ["-pkeyopt", option]));
        self.run(&[&words[..], &["-out", file]].concat())
    }

    /// An authority, and a certificate of it for the server, by keys of one kind.
    fn chain(name: &str, algorithm: &str, options: &[&str], hash: &str) -> Result<Self, Failed> {
        let made = Self(name.into());
        let signing: &[&str] =
            if algorithm == "RSA-PSS" { &[hash, "-sigopt", "rsa_pss_saltlen:digest"] } else { &[hash] };
        made.key("@root.key", algorithm, options)?;
        made.key("@leaf.key", algorithm, options)?;
        let root =
            ["req", "-x509", "-new", "-key", "@root.key", "-subj", "/CN=made root", "-out", "@root.pem"];
        made.run(&[&root, signing].concat())?;
        made.issue(signing)?;
        Ok(made)
    }

    fn issue(&self, signing: &[&str]) -> Result<(), Failed> {
        fs::write(self.path("ext"), format!("subjectAltName=DNS:{NAME}\nkeyUsage=digitalSignature"))?;
        let subject = format!("/CN={NAME}");
        let request = ["req", "-new", "-key", "@leaf.key", "-subj", &subject, "-out", "@leaf.csr"];
        self.run(&[&request, signing].concat())?;
        let issue = ["x509", "-req", "-in", "@leaf.csr", "-CA", "@root.pem", "-CAkey", "@root.key"];
        let with = ["-CAcreateserial", "-extfile", "@ext", "-out", "@leaf.pem"];
        self.run(&[&issue, &with[..], signing].concat())
    }

    fn certificate(&self, file: &str) -> Result<CertificateDer<'static>, Failed> {
        Ok(pki::certificates(&fs::read(self.path(file))?)?.remove(0))
    }

    fn verifier(&self, file: &str, profile: Profile) -> Result<Verifier, Failed> {
        let mut roots = Roots::new();
        roots.add(self.certificate(file)?)?;
        Ok(Verifier::web_pki(roots).with_profile(profile))
    }

    /// `s_server` with a certificate of this case, and its port.
    fn s_server(&self, version: &str, certificate: &str, key: &str) -> Result<(Program, u16), Failed> {
        let [certificate, key] = [certificate, key].map(|file| self.path(file));
        let mut command = openssl();
        command.args(["s_server", version, "-accept", "127.0.0.1:0", "-rev", "-cert"]);
        let server = Program::start(command.arg(certificate).arg("-key").arg(key))?;
        let port = server.wait_for_line("ACCEPT ")?.rsplit(':').next().unwrap_or_default().parse()?;
        Ok((server, port))
    }
}

fn they_serve(made: &Made, version: &str, scheme: SignatureScheme) -> Result<(), Failed> {
    let (_server, port) = made.s_server(version, "leaf.pem", "leaf.key")?;
    let verifier = made.verifier("root.pem", Profile::WEBPKI)?;
    let mut stream = client(ClientConfig::new(verifier, UnixTime::now), port)?;
    greet(&mut stream, "hello\n", "olleh\n")?;
    ensure!(stream.info().peer_scheme == Some(scheme), "{:?}", stream.info().peer_scheme);
    Ok(())
}

fn we_serve(made: &Made, version: &str, scheme: SignatureScheme) -> Result<(), Failed> {
    let [leaf, key] = ["leaf.pem", "leaf.key"].map(|file| fs::read(made.path(file)));
    let config = ServerConfig::new(Identity::from_pem(&leaf?, &key?)?, UnixTime::now);
    let served = serve(config, echo)?;
    let mut command = openssl();
    command.args(["s_client", version, "-connect", &format!("127.0.0.1:{}", served.port)]);
    command.args(["-verify_return_error", "-servername", NAME, "-verify_hostname", NAME, "-CAfile"]);
    converse(&mut Program::start(command.arg(made.path("root.pem")))?)?;
    ensure!(served.result()??.own_scheme == Some(scheme), "another scheme");
    Ok(())
}

/// `x509 -req -signkey` without extensions.
fn version_1(version: &str) -> Result<(), Failed> {
    let made = Made(format!("version-1{version}"));
    made.key("@root.key", "EC", &[])?;
    made.key("@leaf.key", "EC", &[])?;
    made.run(&["req", "-new", "-key", "@root.key", "-subj", "/CN=made root", "-out", "@root.csr"])?;
    made.run(&["x509", "-req", "-in", "@root.csr", "-signkey", "@root.key", "-out", "@root.pem"])?;
    made.issue(&[])?;
    let root = made.certificate("root.pem")?;
    ensure!(pki::Certificate::read(&root)?.version() == 1, "OpenSSL makes another version");

    let (_server, port) = made.s_server(version, "leaf.pem", "leaf.key")?;
    let trusting =
        |profile| Ok::<_, Failed>(ClientConfig::new(made.verifier("root.pem", profile)?, UnixTime::now));
    greet(&mut client(trusting(Profile::PRIVATE)?, port)?, "hello\n", "olleh\n")?;
    let found = error(client(trusting(Profile::WEBPKI)?, port)?.handshake())?;
    ensure!(matches!(found, Error::CertificateRefused(_)), "{found}");
    ensure!(found.to_string().contains("it is of version 1; required is version 3"), "{found}");

    // Known beforehand, it serves itself.
    let (_server, port) = made.s_server(version, "root.pem", "root.key")?;
    for verifier in [Verifier::pinned([pki::spki_sha256(&root)?]), Verifier::exactly(root.clone())] {
        greet(&mut client(ClientConfig::new(verifier, UnixTime::now), port)?, "hello\n", "olleh\n")?;
    }
    let other = Verifier::exactly(made.certificate("leaf.pem")?);
    let found = error(client(ClientConfig::new(other, UnixTime::now), port)?.handshake())?;
    ensure!(matches!(found, Error::CertificateRefused(_)), "{found}");
    Ok(())
}

/// `req -x509` writes cA and no keyUsage; one that may only issue serves nobody.
fn authority_that_serves(version: &str) -> Result<(), Failed> {
    for (usage, good) in
        [(None, true), (Some("digitalSignature,keyCertSign"), true), (Some("keyCertSign"), false)]
    {
        if !good && version == "-tls1_2" {
            // There OpenSSL itself does not sign with it.
            continue;
        }
        let made = Made(format!("own{version}-{}", usage.unwrap_or_default()));
        made.key("@own.key", "EC", &[])?;
        let names = format!("subjectAltName=DNS:{NAME}");
        let usage = usage.map(|usage| format!("keyUsage=critical,{usage}"));
        let mut words =
            vec!["req", "-x509", "-new", "-key", "@own.key", "-subj", "/CN=own", "-out", "@own.pem"];
        for extension in [Some(&names), usage.as_ref()].into_iter().flatten() {
            words.extend(["-addext", extension]);
        }
        made.run(&words)?;
        let (_server, port) = made.s_server(version, "own.pem", "own.key")?;
        let verifier = made.verifier("own.pem", Profile::PRIVATE)?;
        let mut stream = client(ClientConfig::new(verifier, UnixTime::now), port)?;
        if good {
            greet(&mut stream, "hello\n", "olleh\n")?;
        } else {
            let found = error(stream.handshake())?;
            ensure!(
                found.to_string().contains("its keyUsage is keyCertSign; required is digitalSignature"),
                "{found}"
            );
        }
    }
    Ok(())
}
