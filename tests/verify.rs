//! `handfast verify`, as a person runs it: what it accepts and refuses, what
//! it says, and its exit status.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The time of all judgements here.
const AT: &str = "2030-06-15T12:00:00Z";

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn says(&self, code: i32, all: &[&str]) -> &Self {
        let said = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, Some(code), "{said}");
        for each in all {
            assert!(said.contains(each), "{each:?} is missing in\n{said}");
        }
        self
    }
}

fn verify(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    let ran = command.arg("verify").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr) }
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn root(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    fn intermediate(&self, name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        Self { pem: params.signed_by(&key, &self.issuer).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    /// A certificate for server.test, for both purposes, valid in 2030, number 7.
    fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = CertificateParams::new(vec!["server.test".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "server.test");
        params.serial_number = Some(SerialNumber::from(7));
        (params.not_before, params.not_after) = (date_time_ymd(2030, 1, 1), date_time_ymd(2031, 1, 1));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().pem()
    }

    /// A list of June 2030 with these numbers: PEM, and DER.
    fn list(&self, revoked: &[u64]) -> (String, Vec<u8>) {
        self.list_until((2030, 7, 1), revoked)
    }

    fn list_until(&self, (year, month, day): (i32, u8, u8), revoked: &[u64]) -> (String, Vec<u8>) {
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2030, 5, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2030, 6, 1),
            next_update: date_time_ymd(year, month, day),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).unwrap();
        (list.pem().unwrap(), list.der().to_vec())
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// A folder for a test's files.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("verify-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Root, two intermediates and a leaf, whose pool is out of order and holds more than is needed.
struct Chain {
    folder: Folder,
    root: Authority,
    ca: String,
    leaf: String,
    pool: String,
}

impl Chain {
    fn new(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (folder, root) = (Folder::new(name), Authority::root("root"));
        let upper = root.intermediate("upper");
        let lower = upper.intermediate("lower");
        let ca = folder.file("ca.pem", &root.pem);
        let pool = format!("{}{}{}", Authority::root("stranger").pem, upper.pem, lower.pem);
        Self { leaf: lower.leaf(change), folder, root, ca, pool }
    }

    fn verify(&self, host: &str, more: &[&str]) -> Ran {
        let file = self.folder.file("chain.pem", format!("{}{}", self.leaf, self.pool));
        verify(&[&[&file, "--host", host, "--ca", &self.ca, "--at", AT], more].concat())
    }
}

#[test]
fn a_good_chain_is_accepted_in_any_order() {
    let chain = Chain::new("good", |_| {});
    let short = chain.verify("server.test", &[]);
    short.says(0, &["OK  CN=server.test was accepted: through 2 intermediates by the trusted root CN=root"]);
    short.says(0, &["    trusted: the authorities of ", "ca.pem, under the profile webpki"]);
    assert!(!short.out.contains("HostName") && short.err.is_empty(), "{}", short.out);
    let long = chain.verify("server.test", &["-v"]);
    long.says(0, &["CN=lower", "CN=upper", "HostName: it names server.test", "Trust: a trusted root"]);
    chain.verify("server.test", &["--max-depth", "2"]).says(0, &[]);
    chain.verify("server.test", &["--max-depth", "1"]).says(1, &["!!  ", "FAILED Depth"]);
    // Without the system's trust in it.
    let file = chain.folder.file("chain.pem", format!("{}{}", chain.leaf, chain.pool));
    let ran = verify(&[&file, "--host", "server.test", "--at", AT]);
    ran.says(1, &["FAILED Trust", "    hint: "]);
    assert!(
        ran.out.contains("trusted: the system's ") || ran.out.contains("trusted: Mozilla's "),
        "{}",
        ran.out
    );
}

#[test]
fn a_bad_one_is_refused_with_all_its_reasons() {
    let chain = Chain::new("bad", |_| {});
    let ran = chain.verify("other.test", &["--at", "2032-01-01T00:00:00Z"]);
    ran.says(2, &["cannot be used multiple times"]);
    chain.verify("other.test", &[]).says(
        1,
        &[
            "!!  the certificate of CN=server.test was refused",
            "FAILED HostName",
            "does not name other.test",
            "hint: names",
        ],
    );
    let file = chain.folder.file("chain.pem", format!("{}{}", chain.leaf, chain.pool));
    for (at, says) in
        [("2031-01-02T00:00:00Z", "expired"), ("2029-12-31T23:59:59+00:00", "becomes valid in 1 second")]
    {
        let ran = verify(&[&file, "--host", "other.test", "--ca", &chain.ca, "--at", at, "-v"]);
        ran.says(1, &["FAILED Validity", "FAILED HostName", says, "FAIL "]);
    }
    let alone = chain.folder.file("leaf.pem", &chain.leaf);
    let ran = verify(&[&alone, "--host", "server.test", "--ca", &chain.ca, "--at", AT]);
    ran.says(1, &["FAILED Trust", "left out the intermediate certificate CN=lower"]);
}

#[test]
fn a_time_that_was_given_is_no_clock_s() {
    let chain = Chain::new("given", |_| {});
    let file = chain.folder.file("chain.pem", format!("{}{}", chain.leaf, chain.pool));
    for at in ["2045-01-02T00:00:00Z", "2031-01-02"] {
        let arguments = [&file, "--host", "server.test", "--ca", &chain.ca, "--at", at];
        let day = at.get(..10).unwrap();
        let hint =
            format!("it was judged for {day}T00:00:00Z, as --at says; without --at it is judged for today");
        let ran = verify(&arguments);
        ran.says(1, &["expired", &format!("hint: {hint}"), &format!("(judged for {day} 00:00:00 UTC)")]);
        assert!(!ran.out.contains("clock"), "{}", ran.out);
        let json: serde_json::Value =
            serde_json::from_str(&verify(&[&arguments[..], &["--json"]].concat()).out).unwrap();
        assert_eq!(json["hint"], hint);
    }
}

#[test]
fn who_ends_soon_is_told_and_asked_for() {
    let chain = Chain::new("ending", |_| {});
    let file = chain.folder.file("chain.pem", format!("{}{}", chain.leaf, chain.pool));
    let on = |at, more: &[&str]| {
        verify(&[&[&file, "--host", "server.test", "--ca", &chain.ca, "--at", at], more].concat())
    };
    on("2030-06-15", &["--expires-within", "14d"]).says(0, &["200 days left"]);
    let ran = on("2030-12-29", &[]);
    ran.says(0, &["3 days left", "warning: the certificate ends in 3 days, on 2031-01-01 00:00:00 UTC"]);
    for within in ["14d", "2w", "72h"] {
        let ran = on("2030-12-29", &["--expires-within", within]);
        ran.says(9, &["OK  ", "the certificate of CN=server.test ends within --expires-within: 3 days left"]);
    }
    on("2030-12-29", &["--expires-within", "2d"]).says(0, &[]);
    let json = on("2030-12-29", &["--expires-within", "14d", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.says(9, &[]).out).unwrap();
    assert!(json["warnings"][0].as_str().unwrap().contains("--expires-within"));
    assert_eq!(json["certificates"][0]["seconds_left"], 3 * 86_400);
    assert_eq!(json["certificates"][0]["serial"], "07");
    // One that is refused is refused.
    on("2031-06-01", &["--expires-within", "14d"]).says(1, &[]);
    for bad in ["14", "soon", "-1d", "1month"] {
        on("2030-12-29", &["--expires-within", bad]).says(2, &[]);
    }
}

#[test]
fn public_authorities_are_held_to_their_limits() {
    let long = |params: &mut CertificateParams| params.not_after = date_time_ymd(2032, 1, 1);
    let chain = Chain::new("long", long);
    let file = chain.folder.file("chain.pem", format!("{}{}", chain.leaf, chain.pool));
    let arguments = ["verify", &file, "--host", "server.test", "--at", AT];
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    let ran =
        command.args(arguments).env("SSL_CERT_FILE", &chain.ca).env_remove("SSL_CERT_DIR").output().unwrap();
    let out = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{out}");
    assert!(
        out.contains("good for 731 days, and of its date public authorities may give at most 47"),
        "{out}"
    );
    // Who has an authority of their own decides alone.
    assert!(!chain.verify("server.test", &[]).out.contains("warning"));
}

#[test]
fn purposes() {
    let server = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    for (chain, code) in [(Chain::new("both", |_| {}), 0), (Chain::new("server", server), 1)] {
        let file = chain.folder.file("chain.pem", format!("{}{}", chain.leaf, chain.pool));
        let ran = verify(&[&file, "--purpose", "client", "--ca", &chain.ca, "--at", AT]);
        ran.says(code, if code == 1 { &["FAILED ExtendedKeyUsage"] } else { &["accepted"] });
        chain.verify("server.test", &["--purpose", "server"]).says(0, &[]);
        chain.verify("server.test", &["--purpose", "client"]).says(2, &["--host has no meaning"]);
    }
}

#[test]
fn profiles() {
    // Without a SubjectKeyIdentifier's owner being named: a rule of form.
    let chain = Chain::new("profiles", |params| params.use_authority_key_identifier_extension = false);
    chain.verify("server.test", &["--profile", "private"]).says(0, &["under the profile private"]);
    chain.verify("server.test", &["--profile", "strict"]).says(1, &["FAILED AuthorityKey"]);
    chain.verify("server.test", &["--profile", "lax"]).says(2, &["webpki, strict and private"]);
}

#[test]
fn revocation_lists() {
    let (folder, root) = (Folder::new("lists"), Authority::root("root"));
    let file = folder.file("leaf.pem", root.leaf(|_| {}));
    let ca = folder.file("ca.pem", &root.pem);
    let judged = |lists: &[&str], more: &[&str]| {
        let lists: Vec<&str> = lists.iter().flat_map(|list| ["--crl", list]).collect();
        verify(
            &[&[file.as_str(), "--host", "server.test", "--ca", &ca, "--at", AT], &lists[..], more].concat(),
        )
    };
    let (good, revoked) = (root.list(&[8]), root.list(&[7, 8]));
    let good = folder.file("good.pem", good.0);
    let (pem, der) = (folder.file("revoked.pem", revoked.0), folder.file("revoked.der", revoked.1));
    judged(&[&good], &[]).says(0, &[]);
    for list in [&pem, &der] {
        judged(&[list], &[]).says(1, &["its issuer revoked it", "FAILED Revo"]);
        judged(&[&good, list], &[]).says(1, &["its issuer revoked it"]);
    }
    // Nothing is known: accepted, unless a statement is demanded.
    let foreign = folder.file("foreign.pem", Authority::root("other").list(&[7]).0);
    judged(&[&foreign], &[]).says(0, &[]);
    judged(&[&foreign], &["--require-status"]).says(1, &["FAILED RevocationStatus"]);
    judged(&[&good], &["--require-status"]).says(0, &[]);
    judged(&[&ca], &[]).says(2, &["no certificate revocation list found"]);
    // A list whose time is over still revokes, and clears nobody.
    let until = (2030, 6, 10);
    let old = folder.file("old.pem", root.list_until(until, &[8]).0);
    let old_revoked = folder.file("old-revoked.pem", root.list_until(until, &[7]).0);
    judged(&[&old, &good], &["--require-status"]).says(0, &[]);
    for more in [&[][..], &["--require-status"]] {
        judged(&[&old], more).says(1, &["it was to be renewed by 2030-06-10 00:00:00 UTC"]);
        judged(&[&old_revoked], more).says(1, &["its issuer revoked it"]);
        judged(&[&good, &old_revoked], more).says(1, &["its issuer revoked it"]);
    }
}

/// As `openssl ca -gencrl` makes them where nothing is configured: of version 1,
/// without a number.
#[test]
fn the_simplest_lists_of_openssl_revoke() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is missing");
        return;
    }
    let (folder, root) = (Folder::new("simplest"), Authority::root("root"));
    let file = folder.file("leaf.pem", root.leaf(|_| {}));
    let ca = folder.file("ca.pem", &root.pem);
    let key = folder.file("key.pem", root.issuer.key().serialize_pem());
    let list = |name: &str, serial: u8| {
        let entry = format!("R\t310101000000Z\t300501000000Z\t{serial:02}\tunknown\t/CN=server.test\n");
        let database = folder.file(&format!("{name}.txt"), entry);
        let settings = format!("[ca]\ndefault_ca=own\n[own]\ndatabase={database}\ndefault_md=sha256\n");
        let settings = folder.file(&format!("{name}.cnf"), settings);
        let out = folder.file(name, "");
        let made = Command::new("openssl")
            .args(["ca", "-gencrl", "-config", &settings, "-cert", &ca, "-keyfile", &key, "-out", &out])
            .args(["-crl_lastupdate", "300601000000Z", "-crl_nextupdate", "300701000000Z"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        out
    };
    let judged = |list: &str, more: &[&str]| {
        verify(
            &[&[file.as_str(), "--host", "server.test", "--ca", &ca, "--at", AT, "--crl", list], more]
                .concat(),
        )
    };
    let (revoked, other) = (list("revoked.pem", 7), list("other.pem", 8));
    for more in [&[][..], &["--require-status"]] {
        judged(&revoked, more).says(1, &["its issuer revoked it on 2030-05-01", "FAILED Revoked"]);
        judged(&other, more).says(1, &["FAILED RevocationStatus", "it is of version 1, and version 2"]);
    }
}

#[test]
fn json_is_one_object_with_a_version() {
    let chain = Chain::new("json", |_| {});
    for (host, accepted) in [("server.test", true), ("other.test", false)] {
        let ran = chain.verify(host, &["--json"]);
        ran.says(if accepted { 0 } else { 1 }, &[]);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&json["schema"], &json["accepted"]), (&0.into(), &accepted.into()));
        assert_eq!(json["path"].as_array().unwrap().len(), 4);
        let checks = json["checks"].as_array().unwrap();
        let name = checks.iter().find(|check| check["rule"] == "HostName").unwrap();
        assert_eq!((&name["passed"], &name["depth"]), (&accepted.into(), &0.into()));
        assert_eq!(json["rule"].as_str(), (!accepted).then_some("HostName"));
        assert_eq!(json["alert"].as_str(), (!accepted).then_some("bad_certificate"));
        assert!(!json["tree"].as_array().unwrap().is_empty() && json["sentence"].is_string());
    }
}

#[test]
fn misuse() {
    let chain = Chain::new("misuse", |_| {});
    let leaf = chain.folder.file("leaf.pem", &chain.leaf);
    let key = chain.folder.file("key.pem", KeyPair::generate().unwrap().serialize_pem());
    assert!(chain.root.pem.contains("CERTIFICATE"));
    for (arguments, says) in [
        (&[leaf.as_str()][..], "--host NAME is missing"),
        (&["/nowhere.pem", "--host", "a.test"], "cannot read /nowhere.pem"),
        (&[&key, "--host", "a.test"], "no certificate found: the file contains 1 PRIVATE KEY"),
        (&[&leaf, "--host", "a b"], "neither a host name nor an IP address"),
        (&[&leaf, "--host", "a.test", "--ca", &key], "key.pem"),
        (&[&leaf, "--host", "a.test", "--at", "tomorrow"], "2027-01-01T00:00:00Z"),
        (&[&leaf, "--host", "a.test", "--max-depth", "some"], "--max-depth"),
        (&[], "CHAIN.pem"),
    ] {
        let ran = verify(arguments);
        ran.says(2, &[says]);
        assert_eq!(ran.out, "");
    }
}

#[test]
fn any_name_is_said_and_not_meant_by_leaving_it_out() {
    let chain = Chain::new("any-name", |_| {});
    let file = chain.folder.file("chain.pem", format!("{}{}", chain.leaf, chain.pool));
    let judged = |more: &[&str]| verify(&[&[&file, "--ca", &chain.ca, "--at", AT], more].concat());
    let ran = judged(&["--any-name", "-v"]);
    ran.says(0, &["OK  CN=server.test was accepted"]);
    assert!(!ran.out.contains("HostName"), "{}", ran.out);
    judged(&[]).says(2, &["--host NAME is missing", "--any-name"]);
    judged(&["--any-name", "--host", "server.test"]).says(2, &["cannot be used with"]);
}

#[test]
fn rules_of_form_are_relaxed_by_name_and_no_others() {
    let chain = Chain::new("relax", |params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]);
    chain.verify("server.test", &[]).says(1, &["FAILED DigitalSignature"]);
    let relaxed = ["--relax", "DigitalSignature"];
    chain.verify("server.test", &relaxed).says(0, &["under the profile webpki without DigitalSignature"]);
    chain.verify("server.test", &["--relax", "Signature"]).says(2, &["trust depends on Signature"]);
    chain.verify("server.test", &["--relax", "Digital"]).says(2, &["no rule of that name"]);
}

#[test]
fn a_root_that_is_no_authoritys_vouches_for_itself_alone() {
    let folder = Folder::new("no-authority");
    for (kind, is_ca, relaxed) in [("says-no", IsCa::ExplicitNoCa, 1), ("says-nothing", IsCa::NoCa, 0)] {
        let mut params = CertificateParams::new(vec!["appliance.test".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap().pem();
        let root = Authority { pem: own, issuer: Issuer::new(params, key) };
        let own = folder.file(&format!("{kind}.pem"), &root.pem);
        let forged = folder.file(&format!("{kind}-forged.pem"), root.leaf(|_| {}));
        let judged = |chain: &str, host: &str, more: &[&str]| {
            let arguments = [chain, "--host", host, "--ca", &own, "--at", AT, "--profile", "private"];
            verify(&[&arguments[..], more].concat())
        };
        judged(&own, "appliance.test", &[]).says(0, &[]);
        let rule = if relaxed == 1 { "FAILED BasicConstraints" } else { "FAILED RootBasicConstraints" };
        judged(&forged, "server.test", &[]).says(1, &[rule]);
        judged(&forged, "server.test", &["--relax", "RootBasicConstraints"]).says(relaxed, &[]);
    }
}

#[test]
fn a_folder_of_lists() {
    let (folder, root) = (Folder::new("list-folder"), Authority::root("root"));
    let file = folder.file("leaf.pem", root.leaf(|_| {}));
    let ca = folder.file("ca.pem", &root.pem);
    let lists = Folder::new("list-folder/lists");
    let dir = lists.0.to_str().unwrap();
    let judged = |more: &[&str]| {
        let arguments = [file.as_str(), "--host", "server.test", "--ca", &ca, "--at", AT, "--crl-dir", dir];
        verify(&[&arguments[..], more].concat())
    };
    judged(&[]).says(2, &["no revocation list in it"]);
    lists.file("b.pem", root.list(&[8]).0);
    judged(&["--require-status"]).says(0, &[]);
    lists.file("README", "lists of this folder");
    judged(&[]).says(0, &["left out: ", "README"]);
    lists.file("a.der", root.list(&[7]).1);
    judged(&[]).says(1, &["its issuer revoked it"]);
    verify(&[&file, "--any-name", "--ca", &ca, "--require-status"]).says(2, &["--crl"]);
    verify(&[&file, "--any-name", "--ca", &ca, "--crl-dir", "/nowhere"]).says(2, &["cannot read /nowhere"]);
}

#[test]
fn several_chains_each_with_its_verdict() {
    let chain = Chain::new("several", |_| {});
    let good = chain.folder.file("good.pem", format!("{}{}", chain.leaf, chain.pool));
    let bad = chain.folder.file("bad.pem", &chain.leaf);
    let judged = |files: &[&str], more: &[&str]| {
        verify(&[files, &["--host", "server.test", "--ca", &chain.ca, "--at", AT], more].concat())
    };
    judged(&[&good, &good], &[]).says(0, &[&format!("\n\n{good}:\nOK  ")]);
    judged(&[&bad, &good], &[]).says(1, &[&format!("{bad}:\n!!  "), &format!("\n\n{good}:\nOK  ")]);
    // What cannot be read is said, and the others are judged.
    judged(&["/nowhere.pem", &bad, &good], &[]).says(2, &["cannot read /nowhere.pem", "!!  ", "OK  "]);
    let ran = judged(&[&bad, &good], &["--json"]);
    let lines: Vec<serde_json::Value> =
        ran.says(1, &[]).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["file"].as_str(), line["accepted"].as_bool())).collect();
    assert_eq!(told, [(Some(&*bad), Some(false)), (Some(&*good), Some(true))]);
}

#[test]
fn policies_that_the_path_must_have() {
    // certificatePolicies with 1.3.6.1.4.1.99999.1 alone.
    const POLICY: &[u8] = &[0x30, 13, 0x30, 11, 6, 9, 0x2b, 6, 1, 4, 1, 0x86, 0x8d, 0x1f, 1];
    let with = |params: &mut CertificateParams| {
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 32], POLICY.to_vec()));
    };
    let (folder, root) = (Folder::new("policies"), Authority::root("root"));
    let (good, bare) = (folder.file("good.pem", root.leaf(with)), folder.file("bare.pem", root.leaf(|_| {})));
    let ca = folder.file("ca.pem", &root.pem);
    let judged =
        |file: &str, more: &[&str]| verify(&[&[file, "--any-name", "--ca", &ca, "--at", AT], more].concat());
    judged(&good, &[]).says(0, &[]);
    judged(&good, &["--policy", "1.3.6.1.4.1.99999.1", "-v"]).says(0, &["1.3.6.1.4.1.99999.1"]);
    judged(&good, &["--policy", "1.3.6.1.4.1.99999.2"]).says(1, &["FAILED PolicyTree"]);
    judged(&good, &["--policy", "1.3.6.1.4.1.99999.2", "--policy", "1.3.6.1.4.1.99999.1"]).says(0, &[]);
    judged(&bare, &["--policy", "1.3.6.1.4.1.99999.1"]).says(1, &["FAILED PolicyTree"]);
    judged(&bare, &["--policy", "1.3.6."]).says(2, &["is no object identifier"]);
    judged(&good, &["--explicit-policy"]).says(0, &[]);
    judged(&bare, &["--explicit-policy"]).says(1, &["FAILED PolicyTree"]);
    // anyPolicy, which stands for all or none.
    let any = |params: &mut CertificateParams| {
        let value = vec![0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0];
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 32], value));
    };
    let any = folder.file("any.pem", root.leaf(any));
    judged(&any, &["--policy", "1.3.6.1.4.1.99999.1"]).says(0, &[]);
    judged(&any, &["--explicit-policy", "--inhibit-any-policy"]).says(1, &["FAILED PolicyTree"]);
}

#[test]
fn a_policy_of_the_issuers_may_stand_for_another() {
    let policy = |last: u8| {
        let id = [6, 9, 0x2b, 6, 1, 4, 1, 0x86, 0x8d, 0x1f, last];
        CustomExtension::from_oid_content(&[2, 5, 29, 32], [&[0x30, 13, 0x30, 11][..], &id].concat())
    };
    let (folder, root) = (Folder::new("mapping"), Authority::root("root"));
    let mut params = authority("middle");
    let [from, to] = [1, 2].map(|last| [6, 9, 0x2b, 6, 1, 4, 1, 0x86, 0x8d, 0x1f, last]);
    let mapping = [&[0x30, 24, 0x30, 22][..], &from, &to].concat();
    params.custom_extensions = vec![policy(1), CustomExtension::from_oid_content(&[2, 5, 29, 33], mapping)];
    let key = KeyPair::generate().unwrap();
    let pem = params.signed_by(&key, &root.issuer).unwrap().pem();
    let middle = Authority { pem: pem.clone(), issuer: Issuer::new(params, key) };
    let leaf = middle.leaf(|params| params.custom_extensions.push(policy(2)));
    let file = folder.file("chain.pem", format!("{leaf}{pem}"));
    let ca = folder.file("ca.pem", &root.pem);
    let judged = |more: &[&str]| {
        let asked = [&*file, "--any-name", "--ca", &ca, "--at", AT, "--policy", "1.3.6.1.4.1.99999.1"];
        verify(&[&asked[..], more].concat())
    };
    judged(&[]).says(0, &[]);
    judged(&["--inhibit-policy-mapping"]).says(1, &["FAILED PolicyTree"]);
}

#[test]
fn a_path_that_is_too_long_is_said_to_be() {
    let chain = Chain::new("longest", |_| {});
    chain.verify("server.test", &["--longest-path", "4"]).says(0, &[]);
    chain.verify("server.test", &["--longest-path", "3"]).says(1, &["FAILED Depth", "3"]);
    chain.verify("server.test", &["--longest-path", "65"]).says(2, &["2..=64"]);
}

#[test]
fn what_certificates_and_lists_say_is_told() {
    let chain = Chain::new("facts", |_| {});
    let list = chain.folder.file("list.pem", chain.root.list(&[8]).0);
    let late = ["--at", "2030-08-01T00:00:00Z", "--crl", &list, "--host", "server.test", "--ca", &chain.ca];
    let file = chain.folder.file("chain.pem", format!("{}{}", chain.leaf, chain.pool));
    let says = [
        "note: the revocation list of CN=root clears nobody: it was to be renewed by 2030-07-01",
        "what it revokes is revoked all the same",
        "certificate 1: CN=server.test (version 3)",
        "  public key: EC, P-256; signed with ECDSA with SHA-256",
        "  names: server.test",
        "basicConstraints (critical)",
    ];
    verify(&[&[&*file, "-v"], &late[..]].concat()).says(1, &says);
    let ran = verify(&[&[&*file, "--json"], &late[..]].concat());
    let json: serde_json::Value = serde_json::from_str(&ran.says(1, &[]).out).unwrap();
    assert_eq!(json["notes"].as_array().unwrap().len(), 1);
    let certificates = json["certificates"].as_array().unwrap();
    assert_eq!((certificates.len(), &certificates[0]["names"][0]), (4, &"server.test".into()));
    let extensions = certificates[1]["extensions"].as_array().unwrap();
    assert!(
        extensions.iter().any(|one| one["name"] == "keyUsage" && one["critical"] == true),
        "{extensions:?}"
    );
}

#[test]
fn standard_input_is_a_chain() {
    let chain = Chain::new("stdin", |_| {});
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    command.args(["verify", "-", "--host", "server.test", "--ca", &chain.ca, "--at", AT]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let sent = format!("depth=0 of s_client\n{}{}", chain.leaf, chain.pool);
    child.stdin.take().unwrap().write_all(sent.as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success() && ran.stdout.starts_with(b"OK  "), "{ran:?}");
}
