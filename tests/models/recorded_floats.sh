#!/bin/bash
# recorded_floats.sh MLFC MOST_MACS [OPTION...] - validates third-party float models on recorded
# inputs and outputs, with options of mlfc validate: another C compiler, the emulated board. Models
# of more multiply-accumulates than MOST_MACS are left out; 0: none is. MLFC_TEST_DATA names the
# folder that holds the models; without it, or without the tools, the test is skipped.
set -u
mlfc=$1 most_macs=$2
shift 2
models=${MLFC_TEST_DATA:-}/models/onnx
[ -d "$models" ] || { echo "skipped: MLFC_TEST_DATA does not name a folder with models/onnx"; exit 77; }
for word in "$@"; do
  case $word in
    clang) command -v clang >/dev/null || { echo "skipped: clang is not installed"; exit 77; } ;;
    qemu-riscv32)
      for tool in riscv64-unknown-elf-gcc qemu-system-riscv32; do
        command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
      done ;;
  esac
done
macs_of() {
  local model=$1/model.onnx
  [ -f "$1/model_static.onnx" ] && model=$1/model_static.onnx
  "$mlfc" inspect "$model" --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["macs"])'
}
cases=()
for name in autoencoder1d basic_pitch blazeface_front cct2_opset20 deepquant_block dnsmos_p808 \
  espdl_tcn_stream fastestdet micro_kws_fp32 mlperf_ad_fp16 mlperf_resnet8_fp16 mlperf_vww_fp16 \
  mnist8_cntk nemo_dronet ocr_angle_shufflenet super_resolution_10 uface_slim320_raw wml_cifar_cnn \
  yolox_nano; do
  if [ "$most_macs" -gt 0 ] && [ "$(macs_of "$models/$name")" -gt "$most_macs" ]; then continue; fi
  cases+=("$models/$name")
done
report=$(mktemp)
trap 'rm -f "$report"' EXIT
NO_COLOR=1 "$mlfc" validate "$@" "${cases[@]}" >"$report" 2>&1
grep -v '^passed ' "$report"
[ ${#cases[@]} -gt 0 ] && tail -n 1 "$report" | grep -q "^${#cases[@]} passed, 0 failed, 0 refused$"
