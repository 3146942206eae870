#!/usr/bin/env bash
# As Kafka's own tool, as far as a health check goes: asks --bootstrap-server for its API versions; fails without an answer.
set -euo pipefail

[ "${1:-}" = --bootstrap-server ]
exec 3<>"/dev/tcp/${2%:*}/${2##*:}"
# Size 10, API 18 (ApiVersions) in version 0, correlation 1, no client id.
printf '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff' >&3
# Of the answer: its size (4 bytes), the correlation (4), the error (2), which is 0.
[ "$(timeout 5 head -c 10 <&3 | tail -c 2 | od -An -tx1 | tr -d ' ')" = 0000 ]
