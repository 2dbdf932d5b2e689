#!/bin/sh
# Measures how fast the simulator is: runs the calibration programs (as calibrate.sh left them in its
# scratch folder) several times and prints million instructions of all harts per second of user time,
# with timing and without. What a program costs that ends at once is subtracted.
#
#   tests/simulator/speed.sh build/snitch-sim SCRATCH [repetitions]
set -u
simulator=${1:?usage: speed.sh SNITCH-SIM SCRATCH [REPETITIONS]}
scratch=${2:?usage: speed.sh SNITCH-SIM SCRATCH [REPETITIONS]}
times=${3:-20}

# user_time OPTIONS...: hundredths of a second of user time of that many runs.
user_time() {
  n=0
  sh -c 'n=0; while [ $n -lt '"$times"' ]; do "$@" >/dev/null 2>&1; n=$((n + 1)); done; times' sh "$@" |
    awk 'NR == 2 { split($1, t, /[ms]/); printf "%d\n", 100 * (60 * t[1] + t[2]) }'
}

echo "| program | instructions | timed (million/s) | functional (million/s) |"
echo "|---|---|---|---|"
for program in conv gemm_streams banks int8_gemm_fpu gemm_c_1core gemm_c_8cores int8_gemm_c; do
  elf=$scratch/$program.elf
  [ -f "$elf" ] || { echo "no $elf; run calibrate.sh with this scratch folder first" >&2; exit 1; }
  line="| $program |"
  for mode in --timed --functional; do
    option=$([ $mode = --functional ] && echo --functional || echo --as-hardware)
    count=$("$simulator" --as-hardware $option --summary "$elf" 2>&1 >/dev/null |
            sed -n 's/.* \([0-9]*\) instructions.*/\1/p')
    [ $mode = --timed ] && line="$line $count |"
    start=$(user_time "$simulator" --as-hardware $option --cycles 1 "$elf")
    whole=$(user_time "$simulator" --as-hardware $option "$elf")
    line="$line $(awk -v c="$count" -v n="$times" -v w="$whole" -v s="$start" \
                  'BEGIN { printf "%.1f", c * n / ((w - s) * 10000) }') |"
  done
  echo "$line"
done
