//! `pkcs11` and SoftHSM, which Debian has, with a token of its own.

mod support;

use std::path::Path;
use std::process::Command;
use support::{Failed, Folder, Program, missing, peers, run};

const PIN: &str = "98765";

struct Token {
    folder: Folder,
    module: &'static str,
    conf: String,
}

impl Token {
    /// A token with a key pair of this type, made in it, and a certificate for it.
    fn with(key: &str) -> Result<Option<Self>, Failed> {
        let modules = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"];
        let Some([softhsm, tool, openssl]) = peers(["softhsm2-util", "pkcs11-tool", "openssl"]) else {
            return Ok(None);
        };
        let Some(module) = modules.into_iter().find(|module| Path::new(module).is_file()) else {
            missing("libsofthsm2.so");
            return Ok(None);
        };
        let folder = Folder::new();
        let tokens = folder.path().join("tokens");
        std::fs::create_dir(&tokens)?;
        let conf = folder.file("softhsm2.conf", format!("directories.tokendir = {}\n", tokens.display()));
        let token = Self { folder, module, conf };
        let mut init = token.command(&softhsm);
        init.args(["--init-token", "--free", "--label", "the token", "--so-pin", "1234", "--pin", PIN]);
        run(&mut init);
        let mut pair = token.command(&tool);
        pair.args(["--module", module, "--token-label", "the token", "--login", "--pin", PIN]);
        run(pair.args(["--keypairgen", "--key-type", key, "--label", "the key"]));
        let mut list = token.command(&tool);
        list.args(["--module", module, "--token-label", "the token", "--login", "--pin", PIN]);
        let list = run(list.args(["--list-objects", "--type", "privkey"]));
        assert!(list.contains("never extractable"), "{list}");
        token.certify(&tool, &openssl);
        Ok(Some(token))
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("SOFTHSM2_CONF", &self.conf).env("PKCS11_PIN", PIN).current_dir(self.folder.path());
        command
    }

    /// An authority signs for the public key; nobody needs the private one.
    fn certify(&self, tool: &Path, openssl: &Path) {
        let mut read = self.command(tool);
        read.args(["--module", self.module, "--token-label", "the token"]);
        run(read.args([
            "--read-object",
            "--type",
            "pubkey",
            "--label",
            "the key",
            "--output-file",
            "key.der",
        ]));
        self.folder.file("extensions", "subjectAltName = DNS:localhost\nauthorityKeyIdentifier = keyid\n");
        for words in [
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca",
            "pkey -pubin -inform DER -in key.der -out key.pub",
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out request -subj /CN=x",
            "x509 -req -in request -force_pubkey key.pub -CA ca.pem -CAkey ca.key -set_serial 7 \
             -extfile extensions -out chain.pem",
        ] {
            run(self.command(openssl).args(words.split_whitespace()));
        }
    }

    fn serve(&self, pin: &str, key: &str) -> Result<Program, Failed> {
        let mut command = self.command(env!("CARGO_BIN_EXE_pkcs11"));
        command.env("PKCS11_PIN", pin).args([self.module, "the token", key, "chain.pem", "127.0.0.1:0"]);
        Program::start(&mut command)
    }
}

#[test]
fn the_token_signs_with_ecdsa_and_rsa() -> Result<(), Failed> {
    for (kind, signature) in [("EC:prime256v1", "ECDSA"), ("rsa:2048", "RSA-PSS")] {
        let Some(token) = Token::with(kind)? else { return Ok(()) };
        let server = token.serve(PIN, "the key")?;
        let address = server.wait_for_line("listening on ")?;
        // ECDSA's numbers are of all lengths: some have a sign, few have zeros before them.
        for version in ["-tls1_3", "-tls1_2"].repeat(8) {
            let mut command = token.command("openssl");
            command.args(["s_client", "-connect", &address, "-CAfile", "ca.pem", "-ign_eof", version]);
            command.args(["-verify_return_error", "-verify_hostname", "localhost"]);
            let (_, said) = Program::start(&mut command)?.finish()?;
            assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
            assert!(said.contains(&format!("Peer signature type: {signature}")), "{said}");
            assert!(said.contains("hello"), "{said}");
        }
    }
    Ok(())
}

#[test]
fn what_is_missing_is_said() -> Result<(), Failed> {
    let Some(token) = Token::with("EC:prime256v1")? else { return Ok(()) };
    for (pin, key, words) in [("1111", "the key", "PIN"), (PIN, "another", "there is no key \"another\"")] {
        let (status, said) = token.serve(pin, key)?.finish()?;
        assert!(!status.success() && said.contains(words), "{said}");
    }
    Ok(())
}
