#!/bin/bash
# Quantizes an example model from outside: quantize.sh MLFC EXAMPLES SCRIPTS
# EXAMPLES holds dscnn_kws.onnx and .npz, from scripts/make_models.py --inputs. What is written is read
# again and run, by ourselves and, where it is installed, by ONNX Runtime. Every check names itself.
set -u
mlfc=$1 examples=$2 scripts=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
checks=0
failures=0

# check NAME STATUS PATTERN COMMAND...: the command ends with STATUS and prints what matches PATTERN.
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

# Inputs of all kinds, made of the example's own.
/usr/bin/python3 - "$examples/dscnn_kws.npz" <<'PYTHON' || exit 1
import os, sys
import numpy
archive = numpy.load(sys.argv[1])
name, sample = next(iter(archive.items()))
noise = numpy.random.default_rng(1).normal(0, 0.2, (12,) + sample.shape[1:])
batch = (sample + noise).astype(numpy.float32)
numpy.save("batch.npy", batch)
numpy.save("stacked.npy", batch[:, None])
numpy.savez("batch.npz", **{name: batch})
os.makedirs("folder/inputs_0"), os.makedirs("folder/inputs_1"), os.makedirs("folder/outputs_0")
numpy.save("folder/inputs_0/a.npy", batch[:1])
numpy.save("folder/inputs_1/a.npy", batch[1:2])
numpy.save("folder/outputs_0/a.npy", numpy.zeros(3))
numpy.save("wrong.npy", batch[:, :7])
numpy.save("empty.npy", batch[:0])
batch[3, 2] = numpy.nan
numpy.save("nan.npy", batch)
PYTHON
model=$examples/dscnn_kws.onnx

check 'help' 0 '^usage: mlfc quantize' "$mlfc" quantize --help
check 'no data' 2 '--calibrate is missing' "$mlfc" quantize "$model"
check 'absent data' 4 '^Error: none.npz' "$mlfc" quantize "$model" --calibrate none.npz -o q.onnx
check 'wrong shape' 4 '^Error: wrong.npy.*neither a sample' \
  "$mlfc" quantize "$model" --calibrate wrong.npy -o q.onnx
check 'no samples' 4 '^Error: empty.npy.*holds no samples' \
  "$mlfc" quantize "$model" --calibrate empty.npy -o q.onnx
check 'not a number' 4 '^Error: nan.npy.*must be finite' \
  "$mlfc" quantize "$model" --calibrate nan.npy -o q.onnx
check 'unknown layer' 4 "^Error: --int16 names 'nowhere'" \
  "$mlfc" quantize "$model" --calibrate batch.npy --int16 nowhere -o q.onnx
check 'unknown method' 2 'entropy' "$mlfc" quantize "$model" --calibrate batch.npy --method best
check 'no such folder' 4 'does not exist' "$mlfc" quantize "$model" --calibrate batch.npy -o no/q.onnx

check 'quantize' 0 'same top 1 in 12 of 12' \
  "$mlfc" quantize "$model" --calibrate batch.npy -o q.onnx
check 'what is written is quantized' 4 'is quantized already' \
  "$mlfc" quantize q.onnx --calibrate batch.npy -o again.onnx
check 'what is written runs' 0 '^\[\[' "$mlfc" run q.onnx --inputs "$examples/dscnn_kws.npz" \
  --print-top 1 --cc-flags=-O1
check 'report as JSON' 0 '"same_top_1": 12' \
  "$mlfc" quantize "$model" --calibrate stacked.npy --method entropy --json -o q2.onnx
check 'folder of sets' 0 'calibrated with 2 samples, measured on 12 of batch.npz' \
  "$mlfc" quantize "$model" --calibrate folder --evaluate batch.npz -o q3.onnx
check 'integer inputs' 0 'x?input_1: i8' sh -c "'$mlfc' quantize '$model' --calibrate batch.npy \
  --io int8 -q -o io.onnx && '$mlfc' inspect io.onnx"
check 'a smaller error' 0 'in 16 bits to meet the error' \
  "$mlfc" quantize "$model" --calibrate batch.npy --max-error 0.002 -o wide.onnx
check 'straight to C' 0 '' "$mlfc" compile "$model" --quantize int8 --calibrate batch.npy -o q.tar
check 'as through ONNX' 0 '' "$mlfc" compile q.onnx -o through.tar
for archive in q through; do
  "$mlfc" run $archive.tar --inputs "$examples/dscnn_kws.npz" --outputs $archive.npy --cc-flags=-O1
done
check 'the same numbers both ways' 0 '' cmp q.npy through.npy
check 'data without --quantize' 2 '--calibrate.*--quantize int8' \
  "$mlfc" compile "$model" --calibrate batch.npy -o float.tar

# The same file elsewhere: one step of the quantized logits, seen through the softmax, is the most that
# may lie between the two.
if "$scripts/setup_ort" >/dev/null 2>&1; then
  /usr/bin/python3 -m zipfile -e "$examples/dscnn_kws.npz" inputs
  for file in q wide; do
    "$mlfc" run $file.onnx --inputs "$examples/dscnn_kws.npz" --outputs ours.npz --cc-flags=-O1
    check "ONNX Runtime runs $file" 0 '' "$scripts/ort_run.js" $file.onnx inputs theirs --opt none
    check "ONNX Runtime agrees on $file" 0 'off by at most' \
      "$scripts/../tests/models/compare.py" ours.npz theirs --rtol 0 --atol 0.01
  done
else
  echo 'skipped: ONNX Runtime is not available here'
fi

printf '%s checks, %s failed\n' "$checks" "$failures"
[ "$failures" -eq 0 ]
