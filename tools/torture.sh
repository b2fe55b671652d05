#!/usr/bin/env bash
# What CI does a little of, at length: npm run torture -- [money|chaos|rolling|fuzz|slowhttp|overload|startup|image|all]…, all of them without a name.
#   money     random lives of payments. KIOSK_TORTURE_RUNS says how many (20000), KIOSK_TORTURE_SEED repeats what a failure has printed.
#   chaos     kill -9 under load. KIOSK_CHAOS_SECONDS (600), KIOSK_CHAOS_SEED.
#   rolling   the services restarted in several orders under load. KIOSK_ROLLING_SECONDS (300).
#   fuzz      spoilt requests and calls to all services. FUZZ_CASES says how many (a million), FUZZ_SEED.
#   slowhttp  400 slow connections of slowhttptest, two minutes.
#   overload  what is left of the gateway's throughput at up to ten times what it can do. Leave the machine alone meanwhile: it is a measurement.
#   startup   docs/STARTUP.md from an empty machine, with the configuration as it is shipped: npm ci, and then five minutes in which an alarm comes and goes.
#   image     the images of all services, made by hand from the Dockerfile.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
jest=(node --experimental-vm-modules --disable-warning=ExperimentalWarning "$PWD/node_modules/jest/bin/jest.js")

money() { (cd services/payments && KIOSK_TORTURE_RUNS="${KIOSK_TORTURE_RUNS:-20000}" "${jest[@]}" yookassa/model); }
chaos() { (cd tests && KIOSK_CHAOS_SECONDS="${KIOSK_CHAOS_SECONDS:-600}" "${jest[@]}" chaos); }
rolling() { (cd tests && KIOSK_ROLLING_SECONDS="${KIOSK_ROLLING_SECONDS:-300}" "${jest[@]}" restart.test); }
fuzz() { node --conditions=@kiosk/source dev/fuzz/src/main.ts --cases "${FUZZ_CASES:-1000000}" --seed "${FUZZ_SEED:-1}"; }
slowhttp() { node --conditions=@kiosk/source bench/src/slow-http.ts; }
overload() { node --conditions=@kiosk/source bench/src/overload/main.ts; }
startup() { (cd deploy && KIOSK_STARTUP_WHOLE=1 "${jest[@]}" startup); }
image() { (cd deploy && KIOSK_EVERY_IMAGE=1 "${jest[@]}" image); }

all=(money chaos rolling fuzz slowhttp overload startup image)
[ $# -gt 0 ] || set -- all
for mode in "$@"; do
  case " ${all[*]} all " in *" $mode "*) ;; *) echo "unknown: $mode. Known are ${all[*]} and all." >&2; exit 2 ;; esac
done
for mode in "$@"; do
  if [ "$mode" = all ]; then for each in "${all[@]}"; do echo "== $each"; "$each"; done; else echo "== $mode"; "$mode"; fi
done
