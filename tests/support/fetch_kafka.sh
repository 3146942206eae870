#!/usr/bin/env bash
# Copies the pinned Apache Kafka broker (kafka/pom.xml) into QSMO_KAFKA_HOME, once per version.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
home="$(realpath -m "${QSMO_KAFKA_HOME:-$here/../../.cache/kafka}")"
pom="$here/kafka/pom.xml"

# The stamp is the pom itself, written last: a run cut short never counts as done.
if cmp --silent "$pom" "$home/pom.xml"; then
  echo "Kafka is already in $home"
  exit 0
fi

for tool in mvn java; do
  command -v "$tool" >/dev/null || {
    echo "fetch_kafka.sh: '$tool' is missing; on Debian: apt-get install maven openjdk-17-jre-headless" >&2
    exit 1
  }
done

mkdir -p "$home"
staging="$(mktemp -d "$home/fetch.XXXXXX")"
trap 'rm -rf "$staging"' EXIT

copy_jars() {
  mvn --batch-mode --quiet --file "$pom" dependency:copy-dependencies \
    -DoutputDirectory="$staging/libs"
}

copy_jars || {
  echo "fetch_kafka.sh: Maven failed, trying once more in 10 s" >&2
  sleep 10
  copy_jars
}

rm -rf "$home/libs" "$home/pom.xml"
mv "$staging/libs" "$home/libs"
cp "$pom" "$home/pom.xml"
echo "Kafka fetched into $home ($(find "$home/libs" -name '*.jar' | wc -l) jars)"
