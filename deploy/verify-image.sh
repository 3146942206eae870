#!/usr/bin/env bash
# Builds the image of a service (SERVICE, gateway) twice from nothing and says how it is made: `make verify-image`.
#
# Two builds are alike, all that is ours and what it needs comes to at most 80 MB as a registry keeps it, it runs as 10001, and lists
# its parts. NOT VERIFIED and 3 where images cannot be built.
set -euo pipefail
# shellcheck source=deploy/containers.sh
source "$(dirname "${BASH_SOURCE[0]}")/containers.sh"
trap no_daemon EXIT

PULLED_MAX=80000000 # bytes of both layers above the base, compressed
OWN_MAX=20000000 # of the layer of our code, not compressed: what every release ships
DEPENDENCIES_MAX=130000000 # of that of dependencies, which is the same from release to release as long as uv.lock is
service="${SERVICE:-gateway}"

inspected() { docker image inspect -f "$1" "$2"; }
inside() { docker run --rm --network none --read-only --entrypoint python "$1" -c "$2"; }

compressed() { # compressed TAG: bytes of the two layers above the base, as a registry keeps them
  docker save --output "$work/image.tar" "$1"
  python3 -c '
import gzip, json, sys, tarfile
with tarfile.open(sys.argv[1]) as image:
    layers = json.load(image.extractfile("manifest.json"))[0]["Layers"][-2:]
    told = [image.extractfile(layer).read() for layer in layers]
print(sum(len(layer if layer[:2] == b"\x1f\x8b" else gzip.compress(layer, 6)) for layer in told))
' "$work/image.tar"
}

a_daemon
a_base
for tag in qsmo-verify:first qsmo-verify:second; do
  say "building $tag"
  an_image "$service" "$tag" --no-cache
done

for what in '{{json .RootFS.Layers}}' '{{json .Config.Labels}}' '{{json .Config.Env}}' '{{json .Config.Entrypoint}}'; do
  [ "$(inspected "$what" qsmo-verify:first)" = "$(inspected "$what" qsmo-verify:second)" ] || fail "two builds differ in $what"
done
say "two builds are alike, layer by layer: $(inspected '{{join .RootFS.Layers " "}}' qsmo-verify:first | tr ' ' '\n' | tail -2 | cut -c8-19 | paste -sd' ')"

[ "$(inspected '{{.Config.User}}' qsmo-verify:first)" = 10001:10001 ] || fail "it runs as somebody else"
inspected '{{json .Config.Labels}}' qsmo-verify:first | grep -q '"org.opencontainers.image.revision":"'"$revision"'"' \
  || fail "its labels do not say of which revision it is"

mapfile -t sizes < <(docker history --no-trunc --human=false --format '{{.Size}} {{.CreatedBy}}' qsmo-verify:first | awk '/COPY/ {print $1}' | head -2)
((sizes[0] > 0 && sizes[0] <= OWN_MAX)) || fail "the layer of our code has ${sizes[0]} bytes"
((sizes[1] > 0 && sizes[1] <= DEPENDENCIES_MAX)) || fail "the layer of dependencies has ${sizes[1]} bytes"
pulled="$(compressed qsmo-verify:first)"
((pulled > 0 && pulled <= PULLED_MAX)) || fail "both layers have $pulled bytes compressed"
say "the layer of our code has ${sizes[0]} bytes, that of dependencies ${sizes[1]}; both compressed $pulled"

inside qsmo-verify:first '
import json, re
from importlib.metadata import distributions
parts = json.load(open("/app/sbom.cdx.json"))
listed = {part["name"] for part in parts["components"]} | {parts["metadata"]["component"]["name"]}
there = {re.sub(r"[-_.]+", "-", each.name).lower() for each in distributions()}
assert there and listed == there, listed ^ there
assert all(part["purl"] and part["externalReferences"] for part in parts["components"])
print("sbom.cdx.json lists all", len(parts["components"]), "dependencies, each with its hashes")
' || fail "the list of parts does not fit what is there"
say "verified with $base"
