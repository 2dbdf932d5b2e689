#!/bin/bash
# roundtrip.sh MLFC MINIMUM REFUSALS FOLDER
# Reads every model below FOLDER that ONNX tests its operators with, writes it again, and validates
# what was written with the test's data in the interpreter. Fails when a model that is read cannot be
# written (but for those that say they have no spelling; those in REFUSALS are left out), when one that was written fails or is
# refused, or when fewer than MINIMUM pass.
set -u
mlfc=$1 minimum=$2 refusals=$3 folder=$4
if [ ! -d "$folder" ]; then
  echo "skipped: $folder does not exist (Debian package libonnx-testdata)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

problems=0
while read -r model; do
  case=$(dirname "$model")
  if grep -Fxq "${case#"$folder"/}" "$refusals"; then continue; fi
  written=$work/cases/${case#"$folder"/}
  mkdir -p "$written"
  if said=$("$mlfc" opt "$model" --output "$written/model.onnx" --quiet 2>&1); then
    for set in "$case"/test_data_set_*; do ln -s "$set" "$written/"; done
    continue
  fi
  rm -rf "$written"
  # What is not read is not ours to write, and some things have no form in newer opsets.
  if "$mlfc" compile "$model" --stop-after infer-types --elide-data >/dev/null 2>&1 &&
    ! grep -Eq 'cannot be written' <<<"$said"; then
    echo "$case: $said"
    problems=1
  fi
done < <(find "$folder" -name model.onnx | sort)

NO_COLOR=1 "$mlfc" validate --rtol 1e-3 --device interpreter "$work/cases" >"$work/report" 2>&1
grep -E '^(failed|refused) ' "$work/report"
tail -n 1 "$work/report"
if ! tail -n 1 "$work/report" | grep -Eq ' 0 failed, 0 refused$'; then problems=1; fi
passed=$(tail -n 1 "$work/report" | cut -d' ' -f1)
if ! [ "$passed" -ge "$minimum" ] 2>/dev/null; then
  echo "only $passed passed; at least $minimum must"
  problems=1
fi
exit $problems
