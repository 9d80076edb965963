#!/usr/bin/env bash
# Compares unary Score with an empty handler and with one that returns a prebuilt answer of the same size, on the same
# server, in alternating runs of h2load (Debian package nghttp2-client) on the same machine.
#
#   benchmarks/unary-score.sh [ROUNDS] [REQUESTS]     default 5 rounds of 200000 requests
#   CLIENTS=8 STREAMS=16                              connections, and concurrent calls on each
#
# Prints median requests a second and median p99 by path, and their ratios.
set -euo pipefail
rounds=${1:-5} requests=${2:-200000} clients=${CLIENTS:-8} streams=${STREAMS:-16}
root=$(cd "$(dirname "$0")/.." && pwd)
command -v h2load > /dev/null || { echo "h2load not found: apt-get install nghttp2-client" >&2; exit 1; }

folder=$(mktemp -d)
pid=
cleanup() {
  if [ -n "$pid" ]; then kill "$pid" 2> /dev/null || true; wait "$pid" 2> /dev/null || true; fi
  rm -rf "$folder"
}
trap cleanup EXIT

dotnet build -c Release "$root/benchmarks/ScoringEngine.LoadTarget" -v quiet -nologo >&2
mkfifo "$folder/stdin"
dotnet "$root/benchmarks/ScoringEngine.LoadTarget/bin/Release/net10.0/ScoringEngine.LoadTarget.dll" "$folder/data" < "$folder/stdin" >&2 &
pid=$!
exec 9> "$folder/stdin" # stays open as long as the server is needed
until [ -f "$folder/data/port" ]; do
  kill -0 "$pid" 2> /dev/null || { echo "the server did not start" >&2; exit 1; }
  sleep 0.2
done
port=$(cat "$folder/data/port")

declare -A path=(
  [empty]=scoring.load.v1.LoadTargetService/Empty
  [prebuilt]=scoring.load.v1.LoadTargetService/Prebuilt
  [score]=scoring.v1.ScoringService/Score
)

run() { # NAME REQUESTS: appends "rate p99" to NAME.results
  local log="$folder/requests.log" out
  rm -f "$log"
  out=$(h2load -n "$2" -c "$clients" -m "$streams" -t 1 --log-file="$log" -H 'content-type: application/grpc' -H 'te: trailers' \
    -d "$folder/data/$1.body" "http://127.0.0.1:$port/${path[$1]}")
  grep -q "requests: $2 total, .* $2 succeeded, 0 failed" <<< "$out" || { echo "$out" >&2; exit 1; }
  local rate p99
  rate=$(sed -n 's|^finished in .*, \([0-9.]*\) req/s.*|\1|p' <<< "$out")
  p99=$(cut -f3 "$log" | sort -n | awk -v n="$2" 'NR == int(0.99 * n) { print; exit }')
  echo "$rate $p99" >> "$folder/$1.results"
}

median() { cut -d' ' -f"$2" "$folder/$1.results" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for name in empty prebuilt score; do run $name "$requests"; done # warm-up: tiered compilation
rm "$folder"/*.results
for ((round = 1; round <= rounds; round++)); do
  for name in empty prebuilt score; do run $name "$requests"; done
done

printf '%-10s %12s %10s   (medians of %d runs of %d requests, %d connections x %d calls)\n' path req/s p99/us "$rounds" "$requests" "$clients" "$streams"
for name in empty prebuilt score; do printf '%-10s %12.0f %10.0f\n' $name "$(median $name 1)" "$(median $name 2)"; done
awk -v s="$(median score 1)" -v p="$(median prebuilt 1)" -v e="$(median empty 1)" -v s99="$(median score 2)" -v p99="$(median prebuilt 2)" \
  'BEGIN { printf "score / prebuilt: rate %.2f, p99 %.2f; score / empty: rate %.2f\n", s / p, s99 / p99, s / e }'
