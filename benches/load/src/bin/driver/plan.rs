//! Who is measured, and in which rows.

use handfast_load::{HELLO, KIB_64, MIB_1};

pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) binary: &'static str,
    pub(crate) source: &'static str,
}

const fn server(name: &'static str, binary: &'static str, source: &'static str) -> Server {
    Server { name, binary, source }
}

pub(crate) const SERVERS: [Server; 6] = [
    server("handfast, ring", "server-handfast-ring", "ring"),
    server("tokio-rustls, ring", "server-rustls", "ring"),
    server("handfast, best", "server-handfast-best", "best"),
    server("tokio-rustls, aws-lc", "server-rustls", "aws-lc"),
    server("rustls 0.24-dev, ring", "server-rustls24", "ring"),
    server("rustls 0.24-dev, aws-lc", "server-rustls24", "aws-lc"),
];

/// Without the preview, whose adapter is the bench's own: its memory says something,
/// its speed would not.
const UNDER_LOAD: usize = 4;

/// This library beside others that have the same cryptography, as numbers in [`SERVERS`].
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) own: usize,
    pub(crate) tokio_rustls: usize,
    pub(crate) preview: usize,
}

pub(crate) const PAIRS: [Pair; 2] = [
    Pair { name: "ring", own: 0, tokio_rustls: 1, preview: 4 },
    Pair { name: "best, to aws-lc", own: 2, tokio_rustls: 3, preview: 5 },
];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// HTTP/1.1 by wrk.
    Http1 { path: &'static str, connections: u16 },
    /// HTTP/2 by h2load.
    Http2 { path: &'static str, connections: u16, streams: u16 },
    /// New connections, each with one request.
    Connections { resumed: bool },
    /// Connections that have carried so much each way, and wait.
    Idle { bytes: usize, application: &'static str },
}

impl Load {
    pub(crate) fn is_idle(self) -> bool {
        matches!(self, Self::Idle { .. })
    }

    /// How a server is told what it serves.
    pub(crate) fn application(self) -> &'static str {
        match self {
            Self::Idle { application, .. } => application,
            _ => "http",
        }
    }

    pub(crate) fn servers(self) -> &'static [Server] {
        if self.is_idle() { &SERVERS } else { &SERVERS[..UNDER_LOAD] }
    }
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) load: Load,
}

pub(crate) fn rows() -> Vec<Row> {
    let row = |name, load| Row { name, load };
    let http1 = |path, connections| Load::Http1 { path, connections };
    let http2 = |path, connections, streams| Load::Http2 { path, connections, streams };
    let idle = |bytes, application| Load::Idle { bytes, application };
    vec![
        row("HTTP/1.1, 13 bytes", http1(HELLO, 64)),
        row("HTTP/1.1, 64 KiB", http1(KIB_64, 32)),
        row("HTTP/1.1, 1 MiB", http1(MIB_1, 8)),
        row("HTTP/2, 13 bytes", http2(HELLO, 16, 16)),
        row("HTTP/2, 64 KiB", http2(KIB_64, 8, 8)),
        row("HTTP/2, 1 MiB", http2(MIB_1, 4, 4)),
        row("new connections, full", Load::Connections { resumed: false }),
        row("new connections, resumed", Load::Connections { resumed: true }),
        row("idle on tokio, after 100 bytes", idle(100, "echo")),
        row("idle on tokio, after 64 KiB", idle(1 << 16, "echo")),
        row("idle in hyper's HTTP/1.1, after a request", idle(0, "http")),
    ]
}
