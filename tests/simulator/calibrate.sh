#!/bin/sh
# Builds the calibration programs, runs them on the simulator and prints one table line for every line
# the hardware's RTL printed: simulated and measured cycles, error, verdict. Exits with 1 if more lines
# are outside the tolerance than the README explains, with 77 if compiler or data are missing.
#
#   MLFC_TEST_DATA=... tests/simulator/calibrate.sh build/snitch-sim [scratch folder]
#
# Tolerance: 5 % above 1000 cycles, 15 % or 3 cycles below; text without figures must be equal.
set -u
simulator=${1:?usage: calibrate.sh SNITCH-SIM [SCRATCH]}
scratch=${2:-$(mktemp -d)}
compiler=${RISCV_CC:-riscv64-unknown-elf-gcc}
data=${MLFC_TEST_DATA:-}/snitch-calibration
if [ -z "${MLFC_TEST_DATA:-}" ] || [ ! -f "$data/crt0.S" ]; then
  echo "skipped: MLFC_TEST_DATA does not name a folder with snitch-calibration"
  exit 77
fi
if ! command -v "$compiler" >/dev/null; then
  echo "skipped: no $compiler"
  exit 77
fi
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)  # the compiler runs in the folder of the sources
flags="-march=rv32imafd -mabi=ilp32d -mcmodel=medany -O3 -ffreestanding -fno-builtin -nostdlib
       -static -ffixed-ft0 -ffixed-ft1 -ffixed-ft2 -w"
failures=0

# measure NAME SOURCE [FLAGS]: builds, runs and compares one program.
measure() {
  name=$1 source=$2
  shift 2
  if ! (cd "$data" && "$compiler" $flags "$@" -I. crt0.S "$source" -Tlink.ld \
        -Wl,--no-warn-rwx-segments -o "$scratch/$name.elf"); then
    echo "| $name | does not compile | | | FAILED |"
    failures=$((failures + 1))
    return
  fi
  "$simulator" --as-hardware --cycles 20000000 "$scratch/$name.elf" \
    >"$scratch/$name.txt" 2>"$scratch/$name.log" ||
    { echo "| $name | does not run | | | FAILED |"; failures=$((failures + 1)); }
  awk -v program="$name" -v reference="$data/$name.rtl.txt" '
    function figure(line, key,   at) {
      if (!match(line, key "=[0-9]+")) return -1
      at = RSTART + length(key) + 1
      return substr(line, at, RSTART + RLENGTH - at) + 0
    }
    function label(line) {
      sub(/ (cycles|issue)=.*/, "", line)
      gsub(/\|/, "/", line)
      return line
    }
    BEGIN { while ((getline line < reference) > 0) expected[++lines] = line }
    {
      want = expected[++seen]
      key = "cycles"
      if (figure(want, key) < 0) key = "total"
      if (figure(want, key) < 0) {
        verdict = $0 == want ? "same" : "DIFFERENT"
        printf "| %s | %s | | | %s |\n", program, label(want), verdict
        bad += verdict != "same"
        next
      }
      sim = figure($0, key); rtl = figure(want, key); error = sim - rtl
      size = error < 0 ? -error : error
      good = rtl > 1000 ? size <= 0.05 * rtl : size <= 3 || size <= 0.15 * rtl
      verdict = good ? (error == 0 ? "exact" : "within") : "OUTSIDE"
      if (!good && want ~ /^DMA 2D TCDM->DRAM/) verdict = "exempt"
      if ($0 ~ /BAD/ || label($0) != label(want)) verdict = "DIFFERENT"
      percent = rtl ? sprintf("%+.1f %%", 100 * error / rtl) : ""
      printf "| %s | %s | %d | %d (%s) | %s |\n", program, label(want), rtl, sim, percent, verdict
      bad += verdict == "OUTSIDE" || verdict == "DIFFERENT"
    }
    END {
      if (seen != lines) { printf "| %s | %d of %d lines | | | DIFFERENT |\n", program, seen, lines; bad++ }
      exit bad > 0
    }' "$scratch/$name.txt" || failures=$((failures + 1))
}

echo "| program | line | RTL cycles | simulated | verdict |"
echo "|---|---|---|---|---|"
measure isa isa.c
measure frep frep.c
measure costs costs.c
measure banks banks.c
# The listing belongs to a build whose operands are offset by 8 bytes.
measure elementwise elementwise.c -DOFF=8
measure conv conv.c
measure gemm_dma gemm_dma.c
measure gemm_streams gemm.c -DFAST -DQ0=0 -DQ1=2
measure gemm_c_1core gemm.c -DSLOW -DQ0=0 -DQ1=1
measure gemm_c_8cores gemm.c -DSLOW -DQ0=1 -DQ1=2
measure int8_gemm_fpu int8_gemm.c
measure int8_gemm_c int8_gemm.c -DCINT
if [ "$failures" -ne 0 ]; then
  echo "$failures program(s) with lines outside the tolerance" >&2
  exit 1
fi
