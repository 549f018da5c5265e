#!/usr/bin/env bash
# What a CI job does with a model: train it, evaluate it, compare it with the one in Production, and promote it only when
# the comparison passes. The exit code is the comparison's: 0 promoted, 1 regression, 3 inconclusive, 4 not comparable or
# no baseline, 2 and 5 as everywhere.
#
#   demo/ci/run.sh [OPTION OF THE TRAINING ...]      e.g. demo/ci/run.sh --dropout 0.3 --epochs 8
#
# Environment:
#   MLFLOW_TRACKING_URI   the store; default: what mlaudit finds in the working directory
#   MODEL                 the registered model (fraud-detector)
#   SEEDS                 one training each; the mean of all is judged, so that luck does not decide ("1 2 3")
#   POLICY                the policy (the mlaudit.toml beside this folder)
#   REPORTS               where the reports go (reports)
#   PROMOTE               "no" stops after the comparison, as for a pull request (yes)
#   MLAUDIT               the program (mlaudit)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
MODEL=${MODEL:-fraud-detector}
SEEDS=${SEEDS:-1 2 3}
POLICY=${POLICY:-$here/../mlaudit.toml}
REPORTS=${REPORTS:-reports}
PROMOTE=${PROMOTE:-yes}
MLAUDIT=${MLAUDIT:-mlaudit}

step() { printf '\n== %s\n' "$*" >&2; }

mkdir -p "$REPORTS"
rm -f "$REPORTS"/candidate.json "$REPORTS"/verdict.{json,md,xml}

candidate=
for seed in $SEEDS; do
  step "train: seed $seed"
  # The script's output goes to stderr, the id of its run to stdout.
  if [ -z "$candidate" ]; then
    candidate=$("$MLAUDIT" train --model-name "$MODEL" --experiment "$MODEL" "$@" --seed "$seed")
  else
    "$MLAUDIT" train --model-name "$MODEL" --experiment "$MODEL" "$@" --seed "$seed" --no-register >/dev/null
  fi
done

step "evaluate: what run $candidate measured on the validation data"
# The training script evaluates at its end; a script of yours may do it in a step of its own, into the same run.
"$MLAUDIT" show "$candidate" --format json >"$REPORTS/candidate.json"

step "compare"
summary=()
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  summary=(--summary)
fi
code=0
"$MLAUDIT" --policy "$POLICY" diff "$candidate" --model "$MODEL" "${summary[@]+"${summary[@]}"}" \
  -f json -o "$REPORTS/verdict.json" -f markdown -o "$REPORTS/verdict.md" -f junit -o "$REPORTS/verdict.xml" -f text ||
  code=$?

if [ "$code" -ne 0 ]; then
  step "not promoted: the comparison ended with $code"
  exit "$code"
fi
if [ "$PROMOTE" != yes ]; then
  step "it passes; not promoted, since PROMOTE is $PROMOTE"
  exit 0
fi

step "promote"
# The gate runs once more, on the registry as it is now.
"$MLAUDIT" --policy "$POLICY" promote "$candidate" --model "$MODEL" --yes
