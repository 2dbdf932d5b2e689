#!/bin/bash
# recorded.sh MLFC DEVICE - validates third-party models on inputs and outputs recorded with them.
# MLFC_TEST_DATA names the folder that holds them (models/, onnx-nodes/); without it the test is
# skipped. Everything named here must pass; what needs recurrences is not named.
set -u
mlfc=$1 device=$2
data=${MLFC_TEST_DATA:-}
if [ -z "$data" ] || [ ! -d "$data/models/onnx" ]; then
  echo "skipped: MLFC_TEST_DATA does not name a folder with models/onnx"
  exit 77
fi
float_models="autoencoder1d basic_pitch blazeface_front cct2_opset20 deepquant_block dnsmos_p808
  espdl_tcn_stream fastestdet micro_kws_fp32 mlperf_ad_fp16 mlperf_resnet8_fp16 mlperf_vww_fp16
  mnist8_cntk nemo_dronet ocr_angle_shufflenet super_resolution_10 uface_slim320_raw wml_cifar_cnn
  yolox_nano"
cases=()
for name in $float_models; do cases+=("$data/models/onnx/$name"); done
cases+=("$data/models/deeploy-kernels")
tflite_models="cifar10_mlonmcu dtln_q1 hello_world_float hello_world_int8 lstm2 micro_kws_m_mlonmcu
  micro_kws_m_yesno8 micro_speech_tflm mlperf_kws mlperf_kws_fp32 mlperf_resnet8 mlperf_resnet8_fp32
  mnist_lstm sine_model uface_slim"
for name in $tflite_models; do cases+=("$data/models/tflite/$name"); done
cases+=("$data/models/tflm-seanet")
report=$(mktemp)
trap 'rm -f "$report" "$report".*' EXIT
NO_COLOR=1 "$mlfc" validate --device "$device" "${cases[@]}" >"$report" 2>&1
grep -v '^passed ' "$report"
# Quantised models must give the recorded integers bit by bit.
quantised_models="deeploy_minimobilenetv2 deeploy_mlperf_kws deeploy_mlperf_resnet8 micro_kws_qoperator
  mnist5x5_dynq mnist_convinteger mobilenet_v2_qlinear"
cases=()
for name in $quantised_models; do cases+=("$data/models/onnx/$name"); done
quantised() {
  NO_COLOR=1 "$mlfc" validate --device "$device" "$@" >"$report.quantised" 2>&1
  grep -v '^passed ' "$report.quantised"
  grep -Eq '^[0-9]+ passed, 0 failed, 0 refused$' "$report.quantised" || exit 1
}
quantised --rtol 0 --atol 0 "${cases[@]}"
cases=()
for name in hello_world_int8 micro_kws_m_mlonmcu micro_kws_m_yesno8 micro_speech_tflm mlperf_kws \
  mlperf_resnet8; do
  cases+=("$data/models/tflite/$name")
done
quantised --rtol 0 --atol 0 "${cases[@]}" "$data/models/tflm-seanet"
# The same layers by the reference kernels: wide sums have only one way to round.
quantised --rtol 0 --atol 0 --tflite-rounding twice "$data/models/tflm-seanet"
# Here a softmax of real numbers comes last.
quantised "$data/models/onnx/micro_kws_qoperator_emx" "$data/models/baseline/resnet8_int8_qdq.onnx"
# The means that were recorded break ties by f32's rounding where ours are exact (quantized/explain.py
# lists them); what follows from that is at most three steps of the result's scale.
quantised --rtol 0 --atol 0.0236 "$data/models/onnx/micro_kws_qdq"
# The interpreter also runs ONNX's newest node tests: none may fail; what is not there yet is refused.
if [ "$device" = interpreter ]; then
  NO_COLOR=1 "$mlfc" validate --rtol 1e-3 --device interpreter "$data/onnx-nodes" >"$report.nodes" 2>&1
  grep '^failed ' "$report.nodes"
  tail -n 1 "$report.nodes"
  tail -n 1 "$report.nodes" | grep -q ' 0 failed' || exit 1
fi
tail -n 1 "$report" | grep -Eq '^[0-9]+ passed, 0 failed, 0 refused$'
