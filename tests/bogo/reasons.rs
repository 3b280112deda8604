//! The flags that change nothing here, and those that are left out, each with its reason.

/// Why this flag is left out, if it is.
pub(crate) fn left_out(flag: &str) -> Option<&'static str> {
    let listed = |names: &[&str]| {
        names.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => flag.starts_with(start),
            None => flag == *name,
        })
    };
    LEFT_OUT.iter().find(|(names, _)| listed(names)).map(|(_, reason)| *reason)
}

/// Flags that ask for nothing that this crate does not do anyway.
pub(crate) const IGNORED: &[(&str, &str)] = &[
    ("-async", "nothing here blocks: every call makes progress, asks, or needs input"),
    ("-implicit-handshake", "there is no other: the connection does what is next"),
    ("-no-op-extra-handshake", "see -implicit-handshake"),
    ("-handshake-twice", "see -implicit-handshake"),
    ("-use-old-client-cert-callback", "a certificate is configured in one way"),
    ("-use-ocsp-callback", "a stapled response is judged with the chain, in the Verify question"),
    ("-server-preference", "a server's own order always counts"),
    ("-decline-alpn", "a server without protocols declines"),
    ("-no-tls11", "never spoken"),
    ("-no-tls1", "never spoken"),
    ("-set-ocsp-in-callback", "the response is configured with the certificate"),
    ("-install-ddos-callback", "the Certificate question is where a server may give up"),
    ("-allow-hint-mismatch", "there are no hints"),
];

/// Flags that this shim leaves out, and why; a star stands for any ending.
const LEFT_OUT: &[(&[&str], &str)] = &[
    (&["-dtls", "-mtu", "-initial-timeout-duration-ms"], "DTLS is not spoken, on purpose"),
    (&["-quic", "-quic-transport-params", "-expect-quic*"], "QUIC is not spoken yet"),
    (
        &["-use-ticket-*", "-renew-ticket", "-skip-ticket", "-ticket-key"],
        "tickets are this crate's own: there is no callback for them, and their format is not BoringSSL's",
    ),
    (
        &[
            "-resumption-across-names-enabled",
            "-expect-resumable-across-names",
            "-expect-not-resumable-across-names",
        ],
        "a session is of one name",
    ),
    (&["-psk", "-psk-identity"], "TLS 1.2 has no pre-shared keys here, but those of its sessions"),
    (&["-new-spake2plusv1-credential", "-pake-*", "-wrong-pake-role"], "PAKEs are not spoken"),
    (&["-new-delegated-credential", "-delegated-credential"], "delegated credentials are not spoken"),
    (
        &[
            "-new-rpk-credential",
            "-accepted-peer-cert-types",
            "-available-client-cert-types",
            "-expect-peer-certificate-type",
            "-expect-peer-rpk-sha256",
        ],
        "raw public keys are not spoken yet",
    ),
    (
        &[
            "-enable-ech-grease",
            "-ech-*",
            "-expect-ech-*",
            "-expect-no-ech-*",
            "-reject-unusable-ech-config",
            "-fail-early-callback-ech-rewind",
        ],
        "Encrypted ClientHello is not spoken yet",
    ),
    (
        &["-fips-202205", "-wpa-202304", "-cnsa-202407", "-cnsa1-202603", "-cnsa2-202603"],
        "compliance policies are BoringSSL's own",
    ),
    (
        &["-curves-flags", "-key-shares", "-no-key-shares", "-server-supported-groups-hint"],
        "which shares are sent follows from the groups",
    ),
    (
        &[
            "-must-match-issuer",
            "-cert-properties",
            "-requested-trust-anchors",
            "-available-trust-anchors",
            "-expect-peer-match-trust-anchor",
            "-expect-no-peer-match-trust-anchor",
            "-expect-peer-available-trust-anchors",
        ],
        "trust anchor identifiers are not spoken",
    ),
    (
        &["-signed-cert-timestamps", "-enable-signed-cert-timestamps", "-expect-signed-cert-timestamps"],
        "certificate transparency is not spoken yet",
    ),
    (
        &["-install-cert-compression-algs", "-install-one-cert-compression-alg"],
        "certificate compression is not spoken yet",
    ),
    (
        &[
            "-renegotiate-once",
            "-renegotiate-freely",
            "-renegotiate-explicit",
            "-forbid-renegotiation-after-handshake",
            "-use-exporter-between-reads",
        ],
        "nothing is negotiated again, on purpose",
    ),
    (
        &[
            "-advertise-npn",
            "-advertise-empty-npn",
            "-expect-next-proto",
            "-expect-no-next-proto",
            "-select-next-proto",
            "-select-empty-next-proto",
        ],
        "Next Protocol Negotiation is not spoken, on purpose",
    ),
    (
        &["-enable-channel-id", "-send-channel-id", "-expect-channel-id"],
        "Channel ID is not spoken, on purpose",
    ),
    (
        &[
            "-application-settings",
            "-expect-peer-application-settings",
            "-alps-use-new-codepoint",
            "-defer-alps",
        ],
        "application settings are not spoken",
    ),
    (&["-srtp-profiles"], "SRTP is not spoken, on purpose"),
    (
        &["-false-start", "-allow-false-start-without-alpn", "-handshake-never-done"],
        "False Start is not done, on purpose",
    ),
    (
        &["-cbc-record-splitting", "-write-different-record-sizes", "-partial-write"],
        "CBC suites are not spoken, on purpose",
    ),
    (&["-max-cert-list"], "the bounds of what a peer sends are fixed in `limits`"),
    (
        &["-request-server-padding", "-server-supports-padding", "-expect-server-sent-requested-padding"],
        "server padding is BoringSSL's own extension",
    ),
    (&["-fallback-scsv"], "a client does not fall back"),
    (&["-enable-grease", "-permute-extensions"], "GREASE is not sent yet"),
    (&["-jdk11-workaround"], "one peer's bug, worked around by BoringSSL"),
    (
        &["-no-server-name-ack", "-allow-unknown-alpn-protos", "-select-empty-alpn"],
        "the RFC's rule is followed, and no switch turns it off",
    ),
    (
        &["-retain-only-sha256-client-cert", "-expect-sha256-client-cert"],
        "the peer's chain is kept as it came",
    ),
    (&["-expect-msg-callback"], "observers hear more than this trace has, and in other words"),
    (
        &["-handshake-hints", "-handshaker-*", "-private-key-delay-ms"],
        "handshakes are not split between processes",
    ),
    (&["-fuzzer-mode", "-write-settings", "-wait-for-debugger"], "for BoringSSL's own tools"),
];
