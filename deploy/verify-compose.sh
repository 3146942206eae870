#!/usr/bin/env bash
# Builds the images, brings docker-compose.yml up, does the main job through it, and takes it down: `make verify-compose`.
#
# Uses the Docker daemon there is, else starts one (root); official images, else local ones with the same servers inside. Says
# NOT VERIFIED, and ends with 3, on a machine that can do neither.
set -euo pipefail
# shellcheck source=deploy/containers.sh
source "$(dirname "${BASH_SOURCE[0]}")/containers.sh"

HEALTHY_WITHIN_S=60 # after the servers are
DRAIN_S=5
SERVICES=(registry catalog adoption gateway)
SHELLS=(/bin/sh /bin/bash /bin/dash)
export COMPOSE_PROJECT_NAME=qsmo-verify QSMO_PORT="${QSMO_PORT:-0}" # 0: any that is free
# In a folder that nobody else enters; what is mounted of it must be readable for 10001.
export QSMO_SIGNING_KEY_FILE="$work/signing-key"
head -c 32 /dev/urandom | base64 >"$QSMO_SIGNING_KEY_FILE"
chmod 644 "$QSMO_SIGNING_KEY_FILE"

finished() {
  local status=$?
  if ((status != 0 && status != 3)); then
    compose ps --all >&2 || true
    compose logs --tail 30 >&2 || true
  fi
  compose down --volumes --timeout 30 >/dev/null 2>&1 || true
  no_daemon
}
trap finished EXIT

without_a_shell() { # the services' containers with nothing where shells are: what they need is there all the same
  echo "services:"
  local service shell
  for service in "${SERVICES[@]}"; do
    printf '  %s:\n    volumes:\n' "$service"
    for shell in "${SHELLS[@]}"; do
      printf '      - /dev/null:%s:ro\n' "$shell"
    done
  done
}

is_locked_down() { # is_locked_down SERVICE
  local container
  container="$(compose ps --quiet "$1")"
  [ "$(docker inspect -f '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}' "$container")" = "10001:10001 true" ] \
    || fail "$1 does not run as 10001 on a read-only root"
  ! docker exec "$container" sh -c true >/dev/null 2>&1 || fail "$1 still has a shell"
  ! docker exec "$container" python -c 'open("/app/x", "w")' 2>/dev/null || fail "$1 can write its own code"
  docker exec "$container" python -c 'import os; assert os.getuid() == os.getgid() == 10001; open("/tmp/x", "w")'
}

stops_in_time() { # SIGTERM to exit, each at a time
  local service began took_ms
  for service in "${SERVICES[@]}"; do
    began="$(date +%s%N)"
    compose stop "$service" 2>/dev/null
    took_ms=$((($(date +%s%N) - began) / 1000000))
    [ "$(docker inspect -f '{{.State.ExitCode}}' "$(compose ps --all --quiet "$service")")" = 0 ] || fail "$service did not end well"
    say "$service ended $took_ms ms after it was told to (it drains for ${DRAIN_S} s)"
  done
}

a_daemon
say "Docker $(docker version -f '{{.Server.Version}}'), Compose $(compose version --short)"
a_base
servers
say "building the images"
for service in "${SERVICES[@]}"; do
  an_image "$service" "qsmo-$service"
done

export QSMO_POSTGRES_IMAGE="$postgres" QSMO_KAFKA_IMAGE="$kafka"
without_a_shell >"$work/without-a-shell.yml"
compose_files+=(--file "$work/without-a-shell.yml")

say "starting the servers"
compose up --detach --no-build --wait postgres kafka keys 2>/dev/null
up=$SECONDS
say "servers are healthy; starting the services"
compose up --detach --no-build --wait 2>/dev/null
took=$((SECONDS - up))
say "everything is healthy ${took} s after the servers"
((took <= HEALTHY_WITHIN_S)) || fail "healthy only after $took s; $HEALTHY_WITHIN_S s are allowed"

for service in "${SERVICES[@]}"; do is_locked_down "$service"; done
say "every service runs as 10001, on a read-only root, without a shell"

QSMO_TOKEN="$(compose exec -T keys qsmo token --role omb --role coordinator --role auditor)"
export QSMO_TOKEN
PYTHONPATH="$repository/clients/python:$repository" "$repository/.venv/bin/python" -m tests.support.main_job "http://$(compose port gateway 8080)"
say "main job done"
stops_in_time
compose down --volumes --timeout 30 2>/dev/null
[ -z "$(docker ps --all --quiet --filter label=com.docker.compose.project=$COMPOSE_PROJECT_NAME)" ] || fail "containers are left"
say "down; all of it verified with $base, $postgres and $kafka"
