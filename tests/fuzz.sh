#!/bin/sh
# Runs the fuzz tests of all model readers with N times the usual number of mutants, of a seed of its own.
#   tests/fuzz.sh [N] [SEED]
set -eu
cd "$(dirname "$0")/.."
SCORING_ENGINE_FUZZ="${1:-20}"
SCORING_ENGINE_FUZZ_SEED="${2:-$(date +%s)}"
export SCORING_ENGINE_FUZZ SCORING_ENGINE_FUZZ_SEED
echo "times $SCORING_ENGINE_FUZZ, seed $SCORING_ENGINE_FUZZ_SEED"
dotnet build -c Release tests/ScoringEngine.Core.Tests
exec dotnet tests/ScoringEngine.Core.Tests/bin/Release/net10.0/ScoringEngine.Core.Tests.dll \
    -class ScoringEngine.Core.Tests.Models.Import.ImportFuzzTests \
    -class ScoringEngine.Core.Tests.Models.Onnx.OnnxFuzzTests \
    -class ScoringEngine.Core.Tests.Models.ModelPackageFuzzTests
