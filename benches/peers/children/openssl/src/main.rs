//! OpenSSL, built from its sources.

pub(crate) use openssl as library;

mod tls;

use peers_common::{measure, serve};

fn main() {
    serve(|_, job, chain| measure::<tls::Library>(job, chain));
}

/// What is OpenSSL's own.
mod settings {
    use openssl::error::ErrorStack;
    use openssl::ssl::{SslContextBuilder, SslMode, SslRef, SslStream};
    use peers_common::{Group, Job, Kind, Pipe, Session};

    pub(crate) fn can(job: &Job) -> Result<(), String> {
        match (job.version, job.session) {
            (12, Session::Renewed) => Err("a ticket is renewed only when its key is old".into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn version(job: &Job) -> u8 {
        job.version
    }

    pub(crate) fn lists(builder: &mut SslContextBuilder, job: &Job) -> Result<(), ErrorStack> {
        let group = match job.group {
            Group::X25519 => "X25519",
            Group::X25519MlKem768 => "X25519MLKEM768",
        };
        // TLS 1.2 wants the certificate's curve among the groups.
        builder.set_groups_list(&if job.version == 13 {
            group.to_owned()
        } else {
            format!("{group}:P-256")
        })?;
        match job.suite {
            0x1301 => builder.set_ciphersuites("TLS_AES_128_GCM_SHA256")?,
            0x1302 => builder.set_ciphersuites("TLS_AES_256_GCM_SHA384")?,
            0x1303 => builder.set_ciphersuites("TLS_CHACHA20_POLY1305_SHA256")?,
            0xc02b => builder.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256")?,
            _ => builder.set_cipher_list("ECDHE-RSA-AES128-GCM-SHA256")?,
        }
        if job.kind == Kind::Memory {
            builder.set_mode(SslMode::RELEASE_BUFFERS);
        }
        builder.set_num_tickets(match job.session {
            Session::Full => 0,
            Session::Renewed => 1,
            Session::Resumed => 8,
        })
    }

    pub(crate) fn expect_host(ssl: &mut SslRef, name: &str) {
        ssl.param_mut().set_host(name).unwrap();
    }

    pub(crate) fn no_new_tickets(ssl: &mut SslRef) {
        ssl.set_num_tickets(0).unwrap();
    }

    /// It was said at first.
    pub(crate) fn tickets(_: &mut SslStream<Pipe>, _: bool) {}
}
