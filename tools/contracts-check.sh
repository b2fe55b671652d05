#!/usr/bin/env bash
# The contracts are linted, formatted and compatible with the last release, and the committed code is what they generate.
set -euo pipefail
cd "$(dirname "$0")/../proto"
buf lint
buf format -d --exit-code
# Compatible with the newest release; before the first one there is nothing to break.
base=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -n "$base" ]; then
  buf breaking --against "../.git#tag=$base,subdir=proto"
else
  echo "buf breaking: no release tag to compare with yet, skipped"
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
buf generate -o "$fresh/proto"
buf build -o "$fresh/descriptors.binpb"
diff -r "$fresh/libs/contracts/src/kiosk" ../libs/contracts/src/kiosk
diff -r "$fresh/libs/contracts/src/google" ../libs/contracts/src/google
cmp "$fresh/descriptors.binpb" ../libs/contracts/descriptors.binpb
