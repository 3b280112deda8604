//! For those who know the flags of other programs: the end of the help.

/// From the flags of `openssl s_client` and `curl` to ours.
pub(crate) const TABLE: &str = "\
Where you would write                              write here
  openssl s_client -connect HOST:PORT                explain HOST:PORT
  openssl s_client -connect ADDR:PORT -servername N  explain N --connect ADDR:PORT
  openssl s_client -servername N                     --servername N
  openssl s_client -CAfile F                         --cacert F
  openssl s_client -cert F -key F                    --cert F --key F
  openssl s_client -tls1_2, -tls1_3                  --tls1.2, --tls1.3 (--tls1_2, --tls1_3)
  openssl s_client -cipher S, -ciphersuites S        --suite S (by the RFC's name)
  openssl s_client -groups G, -curves G              --group G
  openssl s_client -sigalgs L                        --sigalg S,... (by the RFC's names)
  openssl s_client -alpn h2,http/1.1                 explain --alpn h2,http/1.1
  openssl s_client -reconnect                        explain --resume
  openssl s_client -sess_in F -sess_out F            --sessions F (in a form of its own)
  openssl s_client -early_data F                     explain --early-data F
  openssl s_client -psk_identity I -psk HEX          explain --psk I:HEX
  openssl s_client -keylogfile F                     --keylog F
  openssl s_client -showcerts                        explain --save-chain F
  openssl s_client -state, -msg, -trace              explain -v, explain -vv
  openssl s_client -verify_return_error              the default
  openssl s_client -tls1_2 -cipher AES128-GCM-SHA256 explain --classic
  openssl verify -CAfile F -verify_hostname N        verify --ca F --host N
  openssl verify -untrusted F, -attime T, -CRLfile F verify: after the leaf in its file, --at, --crl F
  openssl verify -purpose sslclient                  verify --purpose client
  openssl x509 -text, -fingerprint, -checkend S      verify -v, --json, --expires-within TIME
  openssl s_server -accept P -cert F -key F -WWW     serve --addr ADDR:P --cert F --key F
  openssl s_server -Verify 1 -CAfile F               serve --client-ca F
  openssl s_server -verify 1 -CAfile F               serve --client-ca F --client-auth optional
  openssl s_server -early_data -max_early_data N     serve --early-data N
  curl URL                                           get URL
  curl -o F, -L, -I, -H 'N: V', -f, -v, -s           the same, with get
  curl --max-redirs N                                get --max-redirs N
  curl --cacert F                                    --cacert F
  curl -k                                            -k
  curl --pinnedpubkey sha256//B                      --pin sha256//B
  curl --cert F --key F                              --cert F --key F
  curl --tlsv1.3                                     --tls1.3
  curl --tlsv1.2 --tls-max 1.2                       --tls1.2
  curl --ciphers S, --tls13-ciphers S                --suite S (by the RFC's name)
  curl --curves G                                    --group G
  curl --connect-to ::ADDR:PORT                      --connect ADDR:PORT
  curl --resolve HOST:PORT:ADDR                      --connect ADDR:PORT
  curl --connect-timeout S                           --timeout S
  curl --ssl-sessions F, --tls-earlydata             get --sessions F, get --early-data
  SSLKEYLOGFILE=F curl                               --keylog F";
