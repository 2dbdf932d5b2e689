#!/usr/bin/env bash
# Every quantised and hybrid TFLite operator, variables and control flow give the same bytes wherever
# they run (quantized/same_bytes.py); so do recorded models of MLFC_TEST_DATA, where they are.
#
# usage: same_bytes.sh MLFC SOURCE_FOLDER FOLDER
set -euo pipefail
mlfc=$1 source=$2 folder=$3

rm -rf "$folder"
"$source/tests/tflite/make_models.py" --schema "$source/frontend/tflite/schema.fbs" \
  --out "$folder" --together
models=("$folder"/{integers,hybrid,if_computed,while_counted,variable_in_branches}.tflite)
for model in tflite/micro_kws_m_mlonmcu tflite/micro_speech_tflm tflm-seanet/conv9 \
  tflm-seanet/transpose_conv4; do
  path=${MLFC_TEST_DATA:-}/models/$model/model.tflite
  [[ -f $path ]] && models+=("$path")
done
exec "$source/tests/quantized/same_bytes.py" "$mlfc" "$folder/cases" "${models[@]}"
