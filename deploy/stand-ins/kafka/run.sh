#!/usr/bin/env bash
# As the official image: KAFKA_A_B is the setting a.b, where __ stands for _ and ___ for -; data is formatted for CLUSTER_ID.
set -euo pipefail

settings=/opt/kafka/config/server.properties
not_settings='^KAFKA_(HEAP_OPTS|OPTS|JVM_PERFORMANCE_OPTS|LOG4J.*|VERSION|HOME)='
env | grep -E '^KAFKA_' | grep -vE "$not_settings" | while IFS='=' read -r name value; do
  key="$(sed -e 's/^KAFKA_//' -e 's/___/-/g' -e 's/__/\x01/g' -e 's/_/./g' -e 's/\x01/_/g' <<<"$name")"
  echo "${key,,}=$value"
done >"$settings"

read -ra heap <<<"${KAFKA_HEAP_OPTS:--Xmx512m}"
read -ra options <<<"${KAFKA_OPTS:-}"
java=(java "${heap[@]}" "${options[@]}" -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '/opt/kafka/libs/*')
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted \
  --cluster-id "${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}" --config "$settings"
exec "${java[@]}" kafka.Kafka "$settings"
