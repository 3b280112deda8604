//! The certificates of a run: made afresh, in a directory of its own.

use handfast::pki::{Roots, UnixTime, Verifier};
use handfast::{ClientConfig, Identity, ServerConfig};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The name in all certificates but those of the other server.
pub(crate) const NAME: &str = "server.test";
/// The name of the other server.
pub(crate) const OTHER: &str = "other.test";

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Rsa, Self::P256, Self::P384, Self::Ed25519];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Ed25519 => "ed25519",
        }
    }

    fn key(self) -> KeyPair {
        match self {
            Self::Rsa => KeyPair::from_pem(include_str!("../../test-vectors/keys/rsa-2048.pkcs8.pem")),
            Self::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::Ed25519 => KeyPair::from_pem(ED25519),
        }
        .expect("a key")
    }
}

/// The private key of RFC 8410 section 10.3: what this run could generate is in
/// PKCS#8's second version, which OpenSSL does not read.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";

/// The files of one certificate.
pub(crate) struct Files {
    /// The certificate alone.
    pub(crate) leaf: PathBuf,
    /// The certificate and its intermediate.
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Files {
    pub(crate) fn identity(&self) -> Identity {
        let read = |path: &Path| fs::read(path).expect("a file of this run");
        Identity::from_pem(&read(&self.chain), &read(&self.key)).expect("an identity")
    }
}

/// What a certificate is like.
struct Wanted {
    file: String,
    key: KeyPair,
    name: &'static str,
    usage: ExtendedKeyUsagePurpose,
    /// Years of its validity.
    years: (i32, i32),
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// All certificates of a run.
pub(crate) struct Certificates {
    directory: PathBuf,
    intermediate: Authority,
}

/// The certificates of this run; the first caller makes them.
pub(crate) fn certificates() -> &'static Certificates {
    static MADE: OnceLock<Certificates> = OnceLock::new();
    MADE.get_or_init(Certificates::make)
}

impl Certificates {
    fn make() -> Self {
        let directory =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory for the certificates");
        let root = authority("handfast test root", None);
        let stranger = authority("handfast test stranger", None);
        let made = Self { directory, intermediate: authority("handfast test intermediate", Some(&root)) };
        made.write("root.pem", &root.pem);
        made.write("intermediate.pem", &made.intermediate.pem);

        for kind in Kind::ALL {
            made.server_with(kind.name(), kind.key());
            let client = server(&format!("client-{}", kind.name()), kind.key());
            let usage = ExtendedKeyUsagePurpose::ClientAuth;
            made.leaf(Wanted { usage, ..client }, &made.intermediate, true);
        }
        let server = |file| server(file, Kind::P256.key());
        made.leaf(Wanted { name: OTHER, ..server("other") }, &root, false);
        made.leaf(Wanted { years: (2020, 2021), ..server("expired") }, &made.intermediate, true);
        made.leaf(Wanted { years: (3999, 4000), ..server("not-yet-valid") }, &made.intermediate, true);
        made.leaf(server("stranger"), &stranger, true);
        made.leaf(server("no-intermediate"), &made.intermediate, false);
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        made.leaf(Wanted { usage, ..server("wrong-usage") }, &made.intermediate, true);
        made
    }

    /// A server's certificate in this file, for a key of the caller's.
    pub(crate) fn server_with(&self, file: &str, key: KeyPair) {
        self.leaf(server(file, key), &self.intermediate, true);
    }

    fn leaf(&self, wanted: Wanted, authority: &Authority, with_issuer: bool) {
        let mut params = CertificateParams::new([wanted.name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, wanted.name);
        params.not_before = date_time_ymd(wanted.years.0, 1, 1);
        params.not_after = date_time_ymd(wanted.years.1, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if wanted.key.is_compatible(&rcgen::PKCS_RSA_SHA256) {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![wanted.usage];
        params.use_authority_key_identifier_extension = true;
        let pem = params.signed_by(&wanted.key, &authority.issuer).expect("a certificate").pem();
        let issuer = if with_issuer { authority.pem.as_str() } else { "" };
        self.write(&format!("{}.pem", wanted.file), &pem);
        self.write(&format!("{}.chain.pem", wanted.file), &format!("{pem}{issuer}"));
        self.write(&format!("{}.key", wanted.file), &wanted.key.serialize_pem());
    }

    fn write(&self, file: &str, content: &str) {
        fs::write(self.directory.join(file), content).expect("room for a file");
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    pub(crate) fn files(&self, name: &str) -> Files {
        let path = |ending: &str| self.path(&format!("{name}.{ending}"));
        Files { leaf: path("pem"), chain: path("chain.pem"), key: path("key") }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path("root.pem")
    }

    pub(crate) fn intermediate(&self) -> PathBuf {
        self.path("intermediate.pem")
    }

    /// Trusts the root of this run.
    pub(crate) fn verifier(&self) -> Verifier {
        let mut roots = Roots::new();
        roots.add_pem(&fs::read(self.root()).expect("the root")).expect("a certificate");
        Verifier::web_pki(roots)
    }

    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig::new(self.verifier(), UnixTime::now)
    }

    pub(crate) fn server(&self, name: &str) -> ServerConfig {
        ServerConfig::new(self.files(name).identity(), UnixTime::now)
    }

    pub(crate) fn remove(&self) {
        // What stays behind stays in a directory for temporary files.
        let _best_effort = fs::remove_dir_all(&self.directory);
    }
}

fn server(file: &str, key: KeyPair) -> Wanted {
    Wanted {
        file: file.to_owned(),
        key,
        name: NAME,
        usage: ExtendedKeyUsagePurpose::ServerAuth,
        years: (2020, 4000),
    }
}

fn authority(name: &str, above: Option<&Authority>) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = above.is_some();
    let key = Kind::P256.key();
    let pem = match above {
        Some(above) => params.signed_by(&key, &above.issuer),
        None => params.self_signed(&key),
    }
    .expect("an authority")
    .pem();
    Authority { issuer: Issuer::new(params, key), pem }
}
