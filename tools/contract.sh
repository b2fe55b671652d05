#!/usr/bin/env bash
# Writes services/gateway/openapi.json from the route table, and the client's types from it. With --check it only compares.
set -euo pipefail
cd "$(dirname "$0")/.."
node --conditions=@kiosk/source services/gateway/src/openapi-file.ts "$@"
node clients/typescript/generate.ts "$@"
