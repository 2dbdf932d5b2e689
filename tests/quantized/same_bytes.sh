#!/usr/bin/env bash
# Quantizes example models and holds them to the same bytes everywhere (same_bytes.py); the recorded
# quantised models of MLFC_TEST_DATA, too, where they are.
#
# usage: same_bytes.sh MLFC SOURCE_FOLDER FOLDER
set -euo pipefail
mlfc=$1 source=$2 folder=$3

rm -rf "$folder"
mkdir -p "$folder/float"
models=()
for name in dscnn_kws resnet8; do
  "$source/scripts/make_models.py" --out "$folder/float" --inputs "$name" > /dev/null
  "$mlfc" quantize -q "$folder/float/$name.onnx" --calibrate "$folder/float/$name.npz" --io int8 \
    --output "$folder/$name.onnx" > /dev/null
  models+=("$folder/$name.onnx")
done
if [[ -n ${MLFC_TEST_DATA:-} ]]; then
  for model in onnx/micro_kws_qoperator/model.onnx onnx/mnist_convinteger/model.onnx \
    tflite/mlperf_kws/model.tflite tflite/mlperf_resnet8/model.tflite; do
    [[ -f $MLFC_TEST_DATA/models/$model ]] && models+=("$MLFC_TEST_DATA/models/$model")
  done
fi
exec "$(dirname "$0")/same_bytes.py" "$mlfc" "$folder/cases" "${models[@]}"
