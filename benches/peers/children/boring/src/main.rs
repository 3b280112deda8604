//! BoringSSL, built from the sources that its crate carries.

pub(crate) use boring as library;

#[path = "../../openssl/src/tls.rs"]
mod tls;

use peers_common::{measure, serve};

fn main() {
    serve(|_, job, chain| measure::<tls::Library>(job, chain));
}

/// What is BoringSSL's own.
mod settings {
    use boring::error::ErrorStack;
    use boring::ssl::{SslContextBuilder, SslOptions, SslRef, SslStream};
    use foreign_types::ForeignTypeRef;
    use peers_common::{Group, Job, Pipe, Session};

    pub(crate) fn can(job: &Job) -> Result<(), String> {
        match (job.version, job.session) {
            (12, Session::Renewed) => Err("a ticket is renewed only when its key is old".into()),
            _ => Ok(()),
        }
    }

    /// BoringSSL chooses among the suites of TLS 1.3 itself, and takes AES-128-GCM:
    /// the others are measured under TLS 1.2.
    pub(crate) fn version(job: &Job) -> u8 {
        if matches!(job.suite, 0x1302 | 0x1303) { 12 } else { job.version }
    }

    pub(crate) fn lists(builder: &mut SslContextBuilder, job: &Job) -> Result<(), ErrorStack> {
        let group = match job.group {
            Group::X25519 => "X25519",
            Group::X25519MlKem768 => "X25519MLKEM768",
        };
        builder.set_curves_list(&if version(job) == 13 {
            group.to_owned()
        } else {
            format!("{group}:P-256")
        })?;
        // Ed25519 is not verified unless it is asked for.
        let sent = match job.session {
            Session::Renewed => 1,
            _ => 8,
        };
        // A number of the context is set, which nobody else uses yet.
        assert_eq!(unsafe { boring_sys::SSL_CTX_set_num_tickets(builder.as_ptr(), sent) }, 1);
        builder.set_sigalgs_list("ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA+SHA256:ed25519")?;
        match job.suite {
            0x1301 => Ok(()),
            0x1302 => builder.set_cipher_list("ECDHE-ECDSA-AES256-GCM-SHA384"),
            0x1303 => builder.set_cipher_list("ECDHE-ECDSA-CHACHA20-POLY1305"),
            0xc02b => builder.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256"),
            _ => builder.set_cipher_list("ECDHE-RSA-AES128-GCM-SHA256"),
        }
    }

    pub(crate) fn expect_host(ssl: &mut SslRef, name: &str) {
        ssl.verify_param_mut().set_host(name).unwrap();
    }

    /// Said at first, the client's ticket would not be taken.
    pub(crate) fn no_new_tickets(_: &mut SslRef) {}

    /// After a flight: the client's ticket was taken, or not. New ones leave with the
    /// next write, if it is one of nothing.
    pub(crate) fn tickets(stream: &mut SslStream<Pipe>, sends: bool) {
        if !sends {
            stream.ssl_mut().set_options(SslOptions::NO_TICKET);
        } else if stream.ssl().is_init_finished() {
            let nothing = std::ptr::NonNull::<u8>::dangling().as_ptr().cast_const();
            // No byte is read from there.
            let written = unsafe { boring_sys::SSL_write(stream.ssl().as_ptr(), nothing.cast(), 0) };
            assert_eq!(written, 0);
        }
    }
}
