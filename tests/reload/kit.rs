//! Authorities, files and how they are replaced.

use handfast::pki::{CertificateDer, UnixTime};
use handfast::reload::{CertificateFiles, LoadError, Notice, Reloader};
use handfast::{ClientConfig, Judge, ServerConfig};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory of this test, gone at its end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("handfast-reload-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// As careful programs do: beside it, then in its place.
    pub(crate) fn rename_in_place(&self, name: &str, contents: &str) {
        self.write("beside", contents);
        fs::rename(self.path("beside"), self.path(name)).unwrap();
    }

    /// Turns a symbolic link, as the kubelet does.
    #[cfg(unix)]
    pub(crate) fn turn(&self, link: &str, target: &str) {
        let beside = self.path("turning");
        std::os::unix::fs::symlink(target, &beside).unwrap();
        fs::rename(beside, self.path(link)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// The files of one pair.
    pub(crate) fn pair(&self) -> CertificateFiles {
        CertificateFiles::pair(self.path("fullchain.pem"), self.path("privkey.pem"))
    }

    pub(crate) fn write_pair(&self, pair: &Pair) {
        self.write("fullchain.pem", &pair.chain);
        self.write("privkey.pem", &pair.key);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

impl AsRef<Path> for Scratch {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

/// A root, and an intermediate that issues.
pub(crate) struct Authority {
    pub(crate) root: String,
    pub(crate) intermediate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A chain, leaf first, and its key.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) leaf: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let authority = |name: String| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            (params, KeyPair::generate().unwrap())
        };
        let (params, key) = authority(format!("{name} Root"));
        let root = params.self_signed(&key).unwrap().pem();
        let root_issuer = Issuer::new(params, key);
        let (params, key) = authority(format!("{name} Intermediate"));
        let intermediate = params.signed_by(&key, &root_issuer).unwrap().pem();
        Self { root, intermediate, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Pair {
        self.issue_with(names, |_| ())
    }

    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        change(&mut params);
        let leaf = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { chain: format!("{leaf}{}", self.intermediate), leaf, key: key.serialize_pem() }
    }
}

/// A server without a certificate yet.
pub(crate) fn server() -> ServerConfig {
    ServerConfig::asking_for_certificates(UnixTime::now)
}

pub(crate) fn reloader(files: CertificateFiles) -> Result<Reloader<ServerConfig>, LoadError> {
    Reloader::new(server()).certificates(files)
}

/// The leaf that a client is shown who asks for the name.
pub(crate) fn shown(reloader: &Reloader<ServerConfig>, name: &str) -> CertificateDer<'static> {
    let client = ClientConfig::new(Judge::Application, UnixTime::now);
    let server = (*reloader.live().current()).clone();
    let (client, _) = crate::pair::connect_to(name, client, server);
    client.info().peer_chain.as_ref().unwrap()[0].clone()
}

pub(crate) fn leaf(pair: &Pair) -> CertificateDer<'static> {
    handfast::pki::certificates(pair.leaf.as_bytes()).unwrap().remove(0)
}

/// The one notice that there is.
pub(crate) fn only(mut notices: Vec<Notice>) -> Notice {
    assert_eq!(notices.len(), 1, "{notices:?}");
    notices.remove(0)
}

/// The reason for which the last good one was kept.
pub(crate) fn kept(notices: Vec<Notice>) -> String {
    let notice = only(notices);
    assert!(matches!(notice, Notice::Kept { .. }), "{notice:?}");
    notice.to_string()
}
