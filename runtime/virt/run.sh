#!/bin/sh
# Runs a bare-metal program on QEMU's riscv32 board: run.sh program.elf [argument...]
# Arguments reach the program through semihosting, file names in them are relative to the current
# folder, standard output is the program's, and so is the exit status. QEMU may name another
# emulator, and QEMU_CPU (default rv32) another core.
set -eu

program=$1
shift
# No name of the program comes first: picolibc's start-up supplies argv[0] itself.
config=enable=on,target=native,chardev=console
for word in "$@"; do
  # A comma ends an option of QEMU; two stand for one.
  config=$config,arg=$(printf %s "$word" | sed 's/,/,,/g')
done
# -icount shift=0 makes the instruction counter exact. 512 MiB hold what link.options lays out.
exec "${QEMU:-qemu-system-riscv32}" -M virt -cpu "${QEMU_CPU:-rv32}" -m 512M -icount shift=0 \
  -nographic -bios none -monitor none -serial none -kernel "$program" \
  -chardev stdio,id=console -semihosting-config "$config" </dev/null
