#!/bin/sh
# Makes what is kept beside this file: RSA keys, PKCS#8 in DER, for the chain of
# benches/verifier.rs. They protect nothing. Needs openssl.
set -eu
cd "$(dirname "$0")"
for who in root middle leaf; do
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null |
        openssl pkcs8 -topk8 -nocrypt -outform DER -out "rsa-$who.der"
done
