#!/usr/bin/env bash
# As the official image: PGDATA, POSTGRES_HOST_AUTH_METHOD, and /docker-entrypoint-initdb.d/*.sql at the first start.
set -euo pipefail

if ((EUID == 0)); then
  chown -R postgres: "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups bash "$0" "$@"
fi

binaries="$(dirname /usr/lib/postgresql/*/bin/postgres)"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  "$binaries/initdb" --pgdata "$PGDATA" --username postgres --encoding UTF8 --auth-local trust \
    --auth-host "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >/dev/null
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
  # Nobody can connect over the network until it is set up.
  "$binaries/pg_ctl" --pgdata "$PGDATA" --wait --options "-c listen_addresses=''" start >/dev/null
  for script in /docker-entrypoint-initdb.d/*.sql; do
    psql --username postgres --set ON_ERROR_STOP=1 --quiet --file "$script"
  done
  "$binaries/pg_ctl" --pgdata "$PGDATA" --wait stop >/dev/null
fi
exec "$binaries/postgres" -D "$PGDATA" -c listen_addresses='*' "$@"
