#!/usr/bin/env bash
# Validates the example models with `mlfc validate` and the options it is given: on the emulated
# board, with another C compiler, with other flags.
#
#   validate_examples.sh MLFC EXAMPLES WORK MOST_MACS [OPTION...]
#     MLFC       the program under test
#     EXAMPLES   folder with NAME.onnx and NAME.npz, from scripts/make_models.py --inputs
#     WORK       folder for the cases; made, and replaced
#     MOST_MACS  models with more multiply-accumulates than this are left out; 0: none is
#     OPTION     of mlfc validate: --device qemu-riscv32, --cc clang
#
# What is expected comes from ONNX Runtime or, where that is not installed, from the host and its
# default compiler. Ends with status 77 (skipped) where the device or compiler is missing.
set -euo pipefail

if (($# < 4)); then
  sed -n '5,10s/^# \{0,3\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scripts=$here/../../scripts
mlfc=$1 examples=$2 work=$3 most_macs=$4
shift 4
options=("$@")

# The word after `option` in what is handed to mlfc; empty when it is not there.
value_of() {
  local i
  for ((i = 0; i + 1 < ${#options[@]}; i++)); do
    if [[ ${options[i]} == "$1" ]]; then echo "${options[i + 1]}"; fi
  done
}

need() {
  command -v "$1" > /dev/null && return
  echo "skipped: $1 is not installed"
  exit 77
}
[[ $(value_of --device) != qemu-riscv32 ]] || { need riscv64-unknown-elf-gcc && need qemu-system-riscv32; }
compiler=$(value_of --cc)
[[ -z $compiler ]] || need "$compiler"

have_reference=true
"$scripts/setup_ort" > /dev/null 2>&1 || have_reference=false
$have_reference || echo "ONNX Runtime is not available here: this machine's compiler says what is expected"

macs_of() {
  "$mlfc" inspect "$1" --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["macs"])'
}

# Writes NAME.ref.npz beside the model.
expect_outputs() {
  local name=$1 folder=$work/reference/$1
  if ! $have_reference; then
    "$mlfc" run "$work/$name.onnx" --inputs "$work/$name.npz" --outputs "$work/$name.ref.npz"
    return
  fi
  mkdir -p "$folder"
  /usr/bin/python3 -m zipfile -e "$work/$name.npz" "$folder/inputs"
  "$scripts/ort_run.js" "$work/$name.onnx" "$folder/inputs" "$folder/outputs" --opt none > /dev/null
  /usr/bin/python3 "$here/reference_to_npz.py" "$folder/outputs" "$work/$name.ref.npz"
}

rm -rf "$work"
mkdir -p "$work"
count=0
for model in "$examples"/*.onnx; do
  name=$(basename "$model" .onnx)
  if ((most_macs > 0)) && (($(macs_of "$model") > most_macs)); then continue; fi
  cp "$model" "$examples/$name.npz" "$work"
  expect_outputs "$name"
  count=$((count + 1))
done
rm -rf "$work/reference"

report=$work/report
"$mlfc" validate "$work" --rtol 1e-4 --atol 1e-5 "${options[@]}" > "$report" || true
cat "$report"
# Every one of them, and at least one.
((count > 0)) && tail -n 1 "$report" | grep -qx "$count passed, 0 failed, 0 refused"
