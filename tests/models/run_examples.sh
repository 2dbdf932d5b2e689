#!/usr/bin/env bash
# Compiles the example models, runs them, and compares the outputs with those of ONNX Runtime.
#
#   run_examples.sh MLFC EXAMPLES WORK [NAME...]
#     MLFC      the program under test
#     EXAMPLES  folder with NAME.onnx and NAME.npz, from scripts/make_models.py --inputs
#     WORK      folder for archives and outputs; made, and replaced model by model
#     NAME      models to test (default: all that tolerances.txt lists)
#
# The comparison needs node and scripts/setup_ort; without them the models are still compiled and
# run, and their outputs must be finite, but the missing reference is said aloud.
set -euo pipefail

if (($# < 3)); then
  sed -n '4,8s/^# \{0,3\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scripts=$here/../../scripts
mlfc=$1
examples=$2
work=$3
shift 3

# Prints "rtol atol" of a model.
tolerances_of() {
  awk -v model="$1" '$1 == model { print $2, $3; found = 1 } END { exit !found }' \
    "$here/tolerances.txt"
}

# Runs a command silently; shows what it said only if it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" > "$log" 2>&1; then
    echo "  failed: $*"
    sed 's/^/    /' "$log"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# The outputs of ONNX Runtime, as a folder of .npy. Its optimisations stay off: they are what an
# independent reference should be free of.
make_reference() {
  local name=$1 folder=$2
  # An .npz is a zip of .npy files, and this is all it takes to open one.
  /usr/bin/python3 -m zipfile -e "$examples/$name.npz" "$folder/inputs" &&
    quietly "$scripts/ort_run.js" "$examples/$name.onnx" "$folder/inputs" "$folder/reference" \
      --opt none
}

test_model() {
  local name=$1 folder=$work/$1 tolerances rtol atol reference=()
  if ! tolerances=$(tolerances_of "$name"); then
    echo "  tolerances.txt does not list it"
    return 1
  fi
  read -r rtol atol <<< "$tolerances"
  rm -rf "$folder"
  mkdir -p "$folder"
  quietly "$mlfc" compile "$examples/$name.onnx" --target "c -keys=cpu" --output-format mlf \
    --output "$folder/$name.tar" || return 1
  quietly "$mlfc" run "$examples/$name.onnx" --inputs "$examples/$name.npz" \
    --outputs "$folder/model.npz" || return 1
  quietly "$mlfc" run "$folder/$name.tar" --inputs "$examples/$name.npz" \
    --outputs "$folder/archive.npz" || return 1
  if $have_reference; then
    make_reference "$name" "$folder" || return 1
    reference=("$folder/reference")
  fi
  local outputs
  for outputs in model archive; do
    echo "  outputs of the $outputs:"
    "$here/compare.py" "$folder/$outputs.npz" "${reference[@]}" --rtol "$rtol" --atol "$atol" ||
      return 1
  done
}

have_reference=true
if ! "$scripts/setup_ort" > /dev/null; then
  echo "skipped: the comparison with ONNX Runtime, which is not available here"
  have_reference=false
fi

names=("$@")
if ((${#names[@]} == 0)); then
  mapfile -t names <<< "$(awk '!/^#/ && NF { print $1 }' "$here/tolerances.txt")"
fi
bad=()
for name in "${names[@]}"; do
  echo "$name"
  test_model "$name" || bad+=("$name")
done

echo "${#names[@]} models, ${#bad[@]} bad${bad[*]:+: ${bad[*]}}"
((${#bad[@]} == 0))
