#!/usr/bin/env bash
# Kills processes that store customers (kill -9, at random moments), starts them again and compares what is stored with an
# audit of every acknowledged write: none may be lost, none torn, and none may be there that was never sent.
#
#   tests/kill.sh [CYCLES [library|server|both [FOLDER [SEED]]]]     default: 10 cycles of both, in a folder under the temp path
#
# library has the database in the killed process; server kills scoring-engine serve and writes over gRPC. With the FOLDER of
# an earlier run the customers and their audit go on from there. A folder is kept when something is wrong.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cycles=${1:-10} what=${2:-both} folder=${3:-} seed=${4:-$RANDOM}
dotnet build -c Release "$root/tests/ScoringEngine.KillTest" -v quiet -nologo >&2
program="$root/tests/ScoringEngine.KillTest/bin/Release/net10.0/ScoringEngine.KillTest"
temporary=
[ -n "$folder" ] || temporary=$(mktemp -d "${TMPDIR:-/tmp}/kill-XXXXXX") folder=${folder:-$temporary}

echo "$what, seed $seed, $folder"
if [ "$what" != server ]; then "$program" library "$cycles" "$folder/library" "$seed"; fi
if [ "$what" != library ]; then
  "$program" server "$cycles" "$folder/server" "$seed" "$root/src/ScoringEngine.Server/bin/Release/net10.0/scoring-engine"
fi
[ -z "$temporary" ] || rm -r "$temporary"
