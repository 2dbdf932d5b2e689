#!/bin/bash
# conformance.sh MLFC DEVICE MINIMUM REFUSALS FOLDER [option...]
# Validates every case below FOLDER. Fails when a case fails, when fewer than MINIMUM pass, or when
# a case is refused that the file REFUSALS does not list. With UPDATE=1 the refusals are written
# into that file instead of being compared with it.
set -u
mlfc=$1 device=$2 minimum=$3 refusals=$4 folder=$5
shift 5
if [ ! -d "$folder" ]; then
  echo "skipped: $folder does not exist (Debian package libonnx-testdata)"
  exit 77
fi
report=$(mktemp)
trap 'rm -f "$report"' EXIT
# ONNX's own tolerance for these cases; some record constants with few digits.
NO_COLOR=1 "$mlfc" validate --rtol 1e-3 --device "$device" "$@" "$folder" >"$report" 2>&1
status=$?
tail -n 1 "$report"

# "refused FOLDER/node/test_x: why" -> "node/test_x"
refused() {
  grep '^refused ' "$report" | cut -d' ' -f2 | sed "s|^$folder/*||; s|:\$||" | sort
}
if [ "${UPDATE:-0}" = 1 ]; then
  { grep '^#' "$refusals"; refused; } >"$refusals.new" && mv "$refusals.new" "$refusals"
  exit 0
fi

problems=0
if grep '^failed ' "$report"; then problems=1; fi
if ! tail -n 1 "$report" | grep -Eq '^[0-9]+ passed, 0 failed, [0-9]+ refused$'; then
  echo "the run did not end well (status $status)"
  problems=1
fi
passed=$(tail -n 1 "$report" | cut -d' ' -f1)
if ! [ "$passed" -ge "$minimum" ] 2>/dev/null; then
  echo "only $passed passed; at least $minimum must"
  problems=1
fi
unexpected=$(comm -23 <(refused) <(grep -v '^#' "$refusals" | sort))
if [ -n "$unexpected" ]; then
  echo "refused, although refusals.txt does not list them:"
  while read -r name; do grep -F "/$name: " "$report"; done <<<"$unexpected"
  problems=1
fi
exit $problems
