#!/usr/bin/env bash
# Quantizes example models and holds them to the same bytes everywhere (same_bytes.py); the recorded
# quantised models of MLFC_TEST_DATA, too, where they are.
#
# usage: same_bytes.sh MLFC SOURCE_FOLDER FOLDER [all]
#
# With `all` it holds every other recorded integer model to that instead, on fewer machines, which
# takes half an hour: for releases, and for changes of how generated code computes.
set -euo pipefail
mlfc=$1 source=$2 folder=$3 extent=${4:-small}

rm -rf "$folder"
mkdir -p "$folder/float"
models=()
for name in dscnn_kws resnet8; do
  "$source/scripts/make_models.py" --out "$folder/float" --inputs "$name" > /dev/null
  "$mlfc" quantize -q "$folder/float/$name.onnx" --calibrate "$folder/float/$name.npz" --io int8 \
    --output "$folder/$name.onnx" > /dev/null
  models+=("$folder/$name.onnx")
done
data=${MLFC_TEST_DATA:-}/models
add_recorded() {
  local model
  for model in "$@"; do
    [[ -f $data/$model ]] && models+=("$data/$model")
  done
  return 0
}
same_bytes=$(dirname "$0")/same_bytes.py
if [[ $extent != all ]]; then
  add_recorded onnx/micro_kws_qoperator/model.onnx tflite/mlperf_kws/model.tflite
  "$same_bytes" "$mlfc" "$folder/cases" "${models[@]}"
  models=()
  add_recorded onnx/{mnist_convinteger,deepquant_block}/model.onnx \
    onnx/{micro_kws_qdq,mnist5x5_dynq}/model_static.onnx tflite/mlperf_resnet8/model.tflite
  exec "$same_bytes" --few "$mlfc" "$folder/cases" "${models[@]}"
fi

models=()
add_recorded onnx/{micro_kws_qoperator_emx,nemo_dronet,mobilenet_v2_qlinear}/model.onnx \
  onnx/deeploy_{minimobilenetv2,mlperf_kws,mlperf_resnet8}/model.onnx baseline/resnet8_int8_qdq.onnx \
  tflite/{hello_world_int8,micro_kws_m_mlonmcu,micro_kws_m_yesno8,micro_speech_tflm}/model.tflite
for model in "$data"/tflm-seanet/*/model.tflite; do add_recorded "${model#"$data/"}"; done
exec "$same_bytes" --few "$mlfc" "$folder/cases" "${models[@]}"
