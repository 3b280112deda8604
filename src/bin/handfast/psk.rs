//! `--psk` and `--psk-file`: keys that both sides were given outside of TLS.

use crate::private;
use crate::text::clean;
use clap::Args;
use handfast::PreSharedKey;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Keys instead of certificates.
#[derive(Args)]
#[command(next_help_heading = "Pre-shared keys (TLS 1.3)")]
pub(crate) struct PskOptions {
    /// A key that both sides have, of at least 16 octets in hexadecimal, such as
    /// client-1:6fd0...; hex: before the identity says that it is in hexadecimal, too. Others of
    /// this machine may see it here: --psk-file hides it. May be repeated
    #[arg(long, value_name = "IDENTITY:HEX")]
    psk: Vec<String>,

    /// The same from FILE, one in a line, as psktool writes them; only its owner may read it
    #[arg(long, value_name = "FILE")]
    psk_file: Option<PathBuf>,
}

impl PskOptions {
    /// The keys, those of the command line first. What is wrong is said without them.
    pub(crate) fn keys(&self) -> Result<Vec<PreSharedKey>, String> {
        let mut keys = Vec::new();
        for given in &self.psk {
            keys.push(key(given).map_err(|why| format!("--psk: {why}"))?);
        }
        if let Some(file) = &self.psk_file {
            let bytes = private::read(file)?;
            let text = std::str::from_utf8(&bytes);
            let text = text.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            for (place, line) in lines {
                let said = |why| format!("{}: line {}: {why}", file.display(), place + 1);
                keys.push(key(line.trim_end()).map_err(said)?);
            }
            if keys.len() == self.psk.len() {
                return Err(format!("{}: no key is in it: a line is IDENTITY:HEX", file.display()));
            }
        }
        Ok(keys)
    }
}

fn key(text: &str) -> Result<PreSharedKey, String> {
    let (identity, secret) = text.rsplit_once(':').ok_or("it has no colon; a key is IDENTITY:HEX")?;
    let identity = match identity.strip_prefix("hex:") {
        Some(digits) => hex::decode(digits).map_err(|error| format!("the identity behind hex: {error}"))?,
        None => identity.as_bytes().to_vec(),
    };
    let secret = hex::decode(secret).map(Zeroizing::new);
    let secret = secret.map_err(|_| "behind the last colon stands the key, in hexadecimal: it is not")?;
    let said = |error: handfast::ConfigError| clean(&error.to_string());
    PreSharedKey::external(&identity, &secret).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types() {
        const SECRET: &str = "00112233445566778899aabbccddeeff";
        for (identity, bytes) in [
            ("client-1", &b"client-1"[..]),
            ("a:b", b"a:b"),
            ("hex:00ff", b"\0\xff"),
            ("\u{fc}", "\u{fc}".as_bytes()),
        ] {
            assert_eq!(key(&format!("{identity}:{SECRET}")).unwrap().identity(), bytes);
        }
        for (bad, why) in [
            ("client", "no colon"),
            (&format!(":{SECRET}"), "identity"),
            (&format!("hex:0:{SECRET}"), "behind hex:"),
            ("a:xyz0", "in hexadecimal"),
            ("a:0011", "less than 16 bytes"),
            (&format!("a:{}", "00".repeat(16)), "zero"),
        ] {
            let said = key(bad).unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
        // What was to be a secret is not printed.
        assert!(!key("a:secret word").unwrap_err().contains("secret word"));
    }
}
