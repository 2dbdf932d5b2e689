#!/bin/bash
# Checks exit codes and messages of the command line: behaviour.sh path/to/mlfc
# Every check names itself; the last line counts them.
set -u
mlfc=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
checks=0
failures=0

# check NAME STATUS PATTERN COMMAND...: the command ends with STATUS and what it prints on standard
# output and error, taken together, matches the extended regular expression PATTERN.
check() {
  local name=$1 status=$2 pattern=$3 output actual
  shift 3
  output=$("$@" 2>&1 </dev/null)
  actual=$?
  checks=$((checks + 1))
  if [ "$actual" -ne "$status" ] || ! grep -Eq -- "$pattern" <<<"$output"; then
    failures=$((failures + 1))
    printf 'FAILED %s: status %s (expected %s), pattern %s, output:\n%s\n' \
      "$name" "$actual" "$status" "$pattern" "$output"
  fi
}

# absent NAME PATH: nothing was left there.
absent() {
  checks=$((checks + 1))
  if compgen -G "$2*" >/dev/null; then
    failures=$((failures + 1))
    printf 'FAILED %s: %s exists\n' "$1" "$(compgen -G "$2*")"
  fi
}

# A model small enough to write by hand: x: f32[1,4] -> Relu -> y, opset 17. Protobuf fields are
# tag, length, bytes; the comments name them.
relu() {
  printf '\x08\x08'                          # ir_version 8
  printf '\x3a\x31'                          # graph, 49 bytes
  printf '\x0a\x0c\x0a\x01x\x12\x01y\x22\x04Relu'    # node: x -> y, Relu
  printf '\x12\x01g'                         # name
  printf '\x5a\x13\x0a\x01x\x12\x0e\x0a\x0c\x08\x01\x12\x08\x0a\x02\x08\x01\x0a\x02\x08\x04'
  printf '\x62\x09\x0a\x01y\x12\x04\x0a\x02\x08\x01'
  printf '\x42\x04\x0a\x00\x10\x11'          # opset 17 of the domain ""
}
relu >relu.onnx
# The same with a Sigmoid and a Softmax, between which a buffer of 16 bytes lies:
# x -> Sigmoid -> s -> Softmax -> y.
two() {
  printf '\x08\x08'
  printf '\x3a\x45'                          # graph, 69 bytes
  printf '\x0a\x0f\x0a\x01x\x12\x01s\x22\x07Sigmoid'
  printf '\x0a\x0f\x0a\x01s\x12\x01y\x22\x07Softmax'
  printf '\x12\x01g'
  printf '\x5a\x13\x0a\x01x\x12\x0e\x0a\x0c\x08\x01\x12\x08\x0a\x02\x08\x01\x0a\x02\x08\x04'
  printf '\x62\x09\x0a\x01y\x12\x04\x0a\x02\x08\x01'
  printf '\x42\x04\x0a\x00\x10\x11'
}
two >two.onnx

check 'no command' 2 '^usage: mlfc' "$mlfc"
check 'version' 0 '^mlfc [0-9]' "$mlfc" --version
check 'help' 0 'compile' "$mlfc" --help
check 'unknown command' 2 "did you mean 'compile'" "$mlfc" compiel
for command in compile run validate inspect; do
  check "$command help" 0 "^usage: mlfc $command" "$mlfc" "$command" --help
done
check 'missing file' 2 'error: FILE is missing' "$mlfc" compile
check 'unknown option' 2 "did you mean '--executor'" "$mlfc" compile relu.onnx --exekutor aot
check 'usage before the error' 2 '^usage: mlfc compile' "$mlfc" compile relu.onnx --nonsense
check 'ambiguous prefix' 2 'ambiguous' "$mlfc" compile relu.onnx --exec aot
check 'malformed shapes' 2 'must be of the form' "$mlfc" compile relu.onnx --input-shapes x
check 'absent model' 4 "^Error: Input file 'none.onnx' does not exist" "$mlfc" compile none.onnx
check 'folder as model' 4 '^Error: .*directory' "$mlfc" compile /
check 'graph executor' 4 '^Error: the graph executor' "$mlfc" compile relu.onnx --executor graph
check 'unknown executor' 4 '^Error: Executor "x" is not defined' "$mlfc" compile relu.onnx --executor x
check 'unknown target' 4 '^Error: .*Choices: c' "$mlfc" compile relu.onnx --target llvm
check 'attribute of another target' 4 "^Error: Cannot recognize 'x'" \
  "$mlfc" compile relu.onnx --target 'c -x=1'
check 'pass configuration' 4 '^Error: Invalid format for configuration' \
  "$mlfc" compile relu.onnx --pass-config tir.usmp.enable
check 'unknown pass configuration' 4 "did you mean 'tir.usmp.enable'" \
  "$mlfc" compile relu.onnx --pass-config tir.usmp.enabel=1
check 'unknown step' 4 'steps are .*infer-types' "$mlfc" compile relu.onnx --stop-after nowhere
check 'companion of the target' 4 "^Error: target 'cmsis-nn' is not supported" \
  "$mlfc" compile relu.onnx --target 'cmsis-nn, c'
check 'unknown pass left out' 4 "did you mean 'fuse-epilogues'" \
  "$mlfc" compile relu.onnx --disabled-pass FuseOps,fuse-epilogs
for pass in infer-types expand-operators lower-to-kernels lower-to-loops plan-memory; do
  check "$pass left out" 4 "^Error: .*'$pass' cannot be left out" \
    "$mlfc" compile relu.onnx --disabled-pass $pass
done
check 'constants without a header' 4 '^Error: --constant-pools: needs the C interface' \
  "$mlfc" compile relu.onnx --constant-pools f --constant-pools-targets f:c
check 'pool without target' 4 '^Error: No target specified for Workspace Pool "a"' \
  "$mlfc" compile relu.onnx --workspace-pools a
check 'pool with wrong target' 4 'Workspace Pool "a" using undefined Target' \
  "$mlfc" compile relu.onnx --workspace-pools a --workspace-pools-targets a:x
check 'pool too small' 4 "^Error: --workspace-pools: pool 'a' is 12 bytes too small: the model needs 16" \
  "$mlfc" compile two.onnx --workspace-pools a --workspace-pools-targets a:c \
  --workspace-pools-size-hint-bytes a:4 -o bad.tar
check 'missing plugin' 4 '^Error: none.so: the plugin does not exist' \
  "$mlfc" compile relu.onnx --plugin none.so
check 'unknown input' 4 "which is not an input; inputs are 'x'" \
  "$mlfc" compile relu.onnx --input-shapes 'z:[1]' -o bad.tar
check 'shape that disagrees' 4 'the model says \[1,4\]' \
  "$mlfc" compile relu.onnx --input-shapes 'x:[2,4]' -o bad.tar
head -c 30 relu.onnx >short.onnx
check 'truncated model' 4 '^Error: short.onnx: is not an ONNX model' \
  "$mlfc" compile short.onnx -o bad.tar
absent 'no archive after an error' bad.tar
check 'output without a name' 4 '^Error: --output: is empty' "$mlfc" compile relu.onnx -o ''
check 'output folder' 4 "folder 'no/such' does not exist" "$mlfc" compile relu.onnx -o no/such/x.tar
check 'output is a folder' 4 'it is a folder' "$mlfc" compile relu.onnx -o /tmp

check 'first stage as text' 0 'relu\(' "$mlfc" compile relu.onnx --stop-after infer-types
check 'compile' 0 '^$' "$mlfc" compile relu.onnx -o relu.tar --executor-aot-unpacked-api=1 \
  --executor-aot-interface-api c --dump-code relay
check 'archive' 0 '^\./metadata.json$' tar tf relu.tar
check 'dumped code' 0 'def @main\(%x: Tensor\[\(1, 4\), float32\]' cat relu.tar.relay
check 'inspect' 0 'x: f32\[1,4\]' "$mlfc" inspect relu.onnx
check 'inspect as JSON' 0 '"macs": 0' "$mlfc" inspect relu.onnx --json
check 'run a model' 0 '^\[\[' "$mlfc" run relu.onnx --fill-mode ones --print-top 2
check 'run an archive' 0 'mean \(ms\)' "$mlfc" run relu.tar --print-time --repeat 3 --number 2
check 'run with outputs' 0 '^$' "$mlfc" run relu.tar --outputs y.npz
check 'outputs' 0 'output_0.npy' sh -c 'unzip -l y.npz 2>/dev/null || cat y.npz'
check 'outputs as .pb' 0 '^$' "$mlfc" run relu.tar --outputs input_0.pb
check 'inputs as .pb' 0 '^$' "$mlfc" run relu.tar --inputs input_0.pb
check 'packed interface and pools' 0 '^$' "$mlfc" compile two.onnx -o pools.tar \
  --workspace-pools a,b --workspace-pools-targets a:c --workspace-pools-targets b:c
check 'run with pools behind the packed interface' 0 '^\[\[' "$mlfc" run pools.tar --print-top 2
check 'fewer than no values' 2 'print-top must be at least 0' "$mlfc" run relu.tar --print-top -1
check 'negative tolerance' 2 'rtol must not be negative' "$mlfc" validate relu.onnx --rtol -1
check 'option before the command' 2 "unknown option '--confg'" "$mlfc" --confg x compile relu.onnx
check 'inputs that do not exist' 4 '^Error: none.npz: cannot be read' \
  "$mlfc" run relu.tar --inputs none.npz
check 'flags of the C compiler' 0 '^\[\[' "$mlfc" run relu.onnx --print-top 2 --cc gcc \
  --cc-flags -O0 --cc-flags '-fno-builtin -g0'
check 'flag the C compiler does not know' 4 'no-such-flag' \
  "$mlfc" run relu.onnx --cc gcc --cc-flags --no-such-flag
check 'absent C compiler' 4 "^Error: the C compiler 'no-such-cc' is not installed" \
  "$mlfc" run relu.onnx --cc no-such-cc
check 'validate without cases' 4 'holds no model with test data' "$mlfc" validate "$here"

printf '%s checks, %s failed\n' "$checks" "$failures"
[ "$failures" -eq 0 ]
