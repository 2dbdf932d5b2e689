#!/bin/bash
# Uses a pass and an operator that come from plugins, the way the README tells:
#
#   use_plugins.sh MLFC APPROXIMATE_SIGMOID.so MAXOUT.so WORK_FOLDER
set -u
mlfc=$1
pass=$2
operator=$3
work=$4
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1
"$here/make_model.py" . || exit 1

# expect STATUS PATTERN COMMAND...: the command ends so, and what it prints matches the pattern.
expect() {
  local status=$1 pattern=$2 output actual
  shift 2
  output=$("$@" 2>&1 </dev/null)
  actual=$?
  if [ "$actual" -ne "$status" ] || ! grep -Eq -- "$pattern" <<<"$output"; then
    printf 'FAILED: %s\nstatus %s instead of %s, or nothing matches %s in:\n%s\n' \
      "$*" "$actual" "$status" "$pattern" "$output"
    exit 1
  fi
}

approximate=(--plugin "$pass" --after fuse-epilogues=approximate-sigmoid)

# Without the plugins, their operator and their pass are unknown.
expect 4 'com.example.*Maxout' "$mlfc" compile plugin.onnx -o missing.tar
expect 4 "no pass is called 'approximate-sigmoid'" "$mlfc" compile plugin.onnx --plugin "$operator" \
  --after fuse-epilogues=approximate-sigmoid -o missing.tar
expect 4 'does not exist' "$mlfc" compile plugin.onnx --plugin ./missing.so -o missing.tar

# The operator: its meaning is in the program, and compiled code agrees with numpy.
expect 0 'acc = max of x\[0, i1 \* 2 \+ piece, i2, i3\]' \
  "$mlfc" compile plugin.onnx --plugin "$operator" --stop-after lower-to-kernels
expect 0 '1 passed' "$mlfc" validate plugin.onnx --plugin "$operator" --verify-each-pass
expect 4 "'pick' .maxout.: the 8 channels .*check 'pieces'" "$mlfc" compile uneven.onnx --plugin "$operator" -o uneven.tar

# The pass: exponentials are gone; the numbers have moved, but no further than the lines are off;
# and the check of every pass says who moved them.
expect 0 'exp\(' "$mlfc" compile plugin.onnx --plugin "$operator" --stop-after fuse-epilogues
"$mlfc" compile plugin.onnx --plugin "$operator" "${approximate[@]}" \
  --stop-after approximate-sigmoid >lines.mlfc || exit 1
expect 0 '^' grep -q '0\.84375' lines.mlfc
expect 1 '^' grep 'exp(' lines.mlfc
expect 0 '1 passed' "$mlfc" validate plugin.onnx --plugin "$operator" "${approximate[@]}" \
  --atol 0.02 --verify-each-pass
expect 4 '1 failed' "$mlfc" validate plugin.onnx --plugin "$operator" "${approximate[@]}" \
  --atol 0.0001
expect 4 "^Error: pass 'approximate-sigmoid' of plugin .*: it changed output 'y' by a relative" \
  "$mlfc" compile plugin.onnx --plugin "$operator" "${approximate[@]}" --check-each-pass -o y.tar
echo "all as expected"
