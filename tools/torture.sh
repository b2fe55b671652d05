#!/usr/bin/env bash
# More of what CI does a little of: random lives of payments, and kill -9 under load. KIOSK_TORTURE_RUNS, KIOSK_TORTURE_SEED, KIOSK_CHAOS_SECONDS and
# KIOSK_CHAOS_SEED say how much, or repeat what a failure has printed.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH" KIOSK_TORTURE_RUNS="${KIOSK_TORTURE_RUNS:-20000}" KIOSK_CHAOS_SECONDS="${KIOSK_CHAOS_SECONDS:-600}"
jest=(node --experimental-vm-modules --disable-warning=ExperimentalWarning "$PWD/node_modules/jest/bin/jest.js")
(cd services/payments && "${jest[@]}" yookassa/model)
(cd tests && "${jest[@]}" chaos)
