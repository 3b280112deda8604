//! Greets whoever connects, with a private key that stays in a token behind PKCS #11:
//! `PKCS11_PIN=1234 cargo run --manifest-path examples/ecosystem/Cargo.toml --bin pkcs11 -- \
//!  /usr/lib/softhsm/libsofthsm2.so TOKEN KEY CHAIN.pem [ADDRESS]`.
//!
//! TOKEN and KEY are labels. The handshake asks for each signature, and waits for it.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use handfast::pki::{UnixTime, certificates};
use handfast::wire::SignatureScheme;
use handfast::{Answer, Identity, Question, ServerConfig, TlsStream, sha256};
use std::error::Error;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::{env, process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let Err(error) = serve() else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn serve() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, token, label, chain, address @ ..] = arguments.as_slice() else {
        return Err("usage: PKCS11_PIN=… pkcs11 MODULE.so TOKEN KEY CHAIN.pem [ADDRESS]".into());
    };
    let address = address.first().map_or("127.0.0.1:8443", String::as_str);
    let key = Key::open(module, token, label)?;
    let identity = Identity::with_key_elsewhere(certificates(&std::fs::read(chain)?)?, &[key.scheme])?;
    let config = Arc::new(ServerConfig::new(identity, UnixTime::now));

    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for tcp in listener.incoming() {
        if let Err(error) = greet(&config, &key, tcp?) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

fn greet(config: &Arc<ServerConfig>, key: &Key, tcp: TcpStream) -> std::io::Result<()> {
    let mut tls = TlsStream::server(config, tcp);
    tls.handshake_with(|question| match question {
        Question::Sign { scheme, message, .. } if scheme == key.scheme => {
            Some(key.sign(message).map_or_else(cannot_sign, Answer::Signature))
        }
        _ => None,
    })?;
    tls.write_all(b"hello\n")?;
    tls.close()
}

/// The peer learns of an internal error alone.
fn cannot_sign(error: cryptoki::error::Error) -> Answer {
    eprintln!("the token does not sign: {error}");
    Answer::CannotSign
}

/// A key in a token, and how it signs.
struct Key {
    session: Session,
    handle: ObjectHandle,
    scheme: SignatureScheme,
}

impl Key {
    fn open(module: &str, token: &str, label: &str) -> Result<Self, Box<dyn Error>> {
        let pkcs11 = Pkcs11::new(module)?;
        pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        let slots = pkcs11.get_slots_with_token()?;
        let named = |slot| pkcs11.get_token_info(slot).is_ok_and(|info| info.label().trim_end() == token);
        let slot = slots.into_iter().find(|slot| named(*slot));
        let slot = slot.ok_or_else(|| format!("there is no token {token:?}"))?;
        let session = pkcs11.open_ro_session(slot)?;
        let pin = env::var("PKCS11_PIN").map_err(|_| "PKCS11_PIN, the token's PIN, is not set")?;
        session.login(UserType::User, Some(&AuthPin::new(pin.into())))?;
        let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(label.into())];
        let handle =
            *session.find_objects(&wanted)?.first().ok_or_else(|| format!("there is no key {label:?}"))?;
        let scheme = match session.get_attributes(handle, &[AttributeType::KeyType])?.first() {
            Some(Attribute::KeyType(KeyType::EC)) => SignatureScheme::ECDSA_SECP256R1_SHA256,
            Some(Attribute::KeyType(KeyType::RSA)) => SignatureScheme::RSA_PSS_RSAE_SHA256,
            other => return Err(format!("this example signs with RSA and P-256, not with {other:?}").into()),
        };
        Ok(Self { session, handle, scheme })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, cryptoki::error::Error> {
        if self.scheme == SignatureScheme::ECDSA_SECP256R1_SHA256 {
            return Ok(in_der(&self.session.sign(&Mechanism::Ecdsa, self.handle, &sha256(message))?));
        }
        // TLS's salt is as long as the hash (RFC 9846 section 4.3.3).
        let pss = PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: PkcsMgfType::MGF1_SHA256,
            s_len: 32.into(),
        };
        self.session.sign(&Mechanism::Sha256RsaPkcsPss(pss), self.handle, message)
    }
}

/// PKCS #11 gives r and s side by side; TLS takes SEQUENCE { r INTEGER, s INTEGER }
/// (RFC 3279 section 2.2.3), in which a number has no zeros before it, but one where
/// its first bit would be a sign. With P-256 all lengths are below 128.
fn in_der(signature: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|octet| **octet == 0).count();
        let number = &number[zeros..];
        let sign: &[u8] = if number.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
        [&[0x02, (sign.len() + number.len()) as u8], sign, number].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let both = [integer(r), integer(s)].concat();
    [&[0x30, both.len() as u8][..], &both].concat()
}
