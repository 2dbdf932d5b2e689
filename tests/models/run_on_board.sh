#!/usr/bin/env bash
# Compiles a model to an archive and runs that on the emulated RV32 board: the outputs must be those
# of the host, and the table of times and the profile count instructions.
#
#   run_on_board.sh MLFC MODEL WORK      MODEL: the path without .onnx and .npz
set -euo pipefail
mlfc=$1 model=$2 work=$3
for program in riscv64-unknown-elf-gcc qemu-system-riscv32; do
  command -v "$program" > /dev/null && continue
  echo "skipped: $program is not installed"
  exit 77
done
rm -rf "$work"
mkdir -p "$work/reference"
cd "$work"

"$mlfc" compile "$model.onnx" -o model.tar --executor-aot-interface-api c \
  --executor-aot-unpacked-api 1
"$mlfc" run model.tar --inputs "$model.npz" --outputs host.npz
"$mlfc" run model.tar --inputs "$model.npz" --outputs board.npz --device qemu-riscv32 \
  --print-top 3 --print-time --profile | tee output
grep -q '^ *mean (instructions)' output
grep -Eq '^ +[0-9]+ +[0-9.]+% +1  tvmgen_default_' output

/usr/bin/python3 - << 'END'
import numpy
host, board = numpy.load("host.npz"), numpy.load("board.npz")
assert host.files == board.files and host.files
for name in host.files:
    assert numpy.allclose(host[name], board[name], rtol=1e-5, atol=1e-6), name
END

# A board of another instruction set is the same board.
"$mlfc" run model.tar --inputs "$model.npz" --outputs soft.npz --device qemu-riscv32 \
  --cc-flags "-march=rv32imac -mabi=ilp32" --print-time | tee soft
instructions() { awk '/instructions/ { getline; print $1; exit }' "$1"; }
(($(instructions soft) > $(instructions output)))
