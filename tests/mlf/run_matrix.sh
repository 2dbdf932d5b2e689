#!/bin/sh
# Archives from the real compiler, used the way known consumers use them.
#
#   run_matrix.sh MLFC MODEL.onnx WORK_FOLDER
#
# Every combination of interface and options is compiled with all warnings as errors by each
# installed C compiler, run, and its results compared (by the applications themselves). Then come
# the habits of build systems: text patterns, flat copies, globbing, plain tar readers.
set -eu
mlfc=$1
model=$2
work=$3
here=$(cd "$(dirname "$0")" && pwd)
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wsign-conversion -Wundef -Wvla
  -Wcast-align -Wstrict-prototypes -Wmissing-prototypes -Werror"
rm -rf "$work"
mkdir -p "$work"
cd "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# archive NAME FLAGS...: compiles the model to NAME.tar and unpacks it into NAME/
archive() {
  name=$1
  shift
  "$mlfc" compile "$model" --target c --runtime crt --executor aot --output-format mlf \
    --output "$name.tar" "$@" || fail "mlfc compile for $name"
  mkdir "$name"
  tar -xf "$name.tar" -C "$name"
  cp "$name/templates/crt_config.h.template" "$name/crt_config.h"
}

c_interface="--executor-aot-interface-api=c --executor-aot-unpacked-api=1"

# application NAME APPLICATION "RUNTIME SOURCES" FLAGS...: builds it on NAME/ and runs it
application() {
  name=$1 program=$2 runtime=$3
  shift 3
  for cc in gcc clang; do
    command -v $cc >/dev/null || continue
    includes="-I$name -I$name/runtime/include -I$name/codegen/host/include -I$name/codegen/host/src
      -I$here/applications"
    rm -f ./*.o
    for source in "$name"/codegen/host/src/*_lib*.c "$name"/codegen/host/src/*.S; do
      [ -e "$source" ] || continue
      $cc -std=c99 -O1 $warnings $includes -c "$source" || fail "$cc on $source"
    done
    for source in $runtime; do
      $cc -std=c99 -O1 $includes "$@" -c "$name/runtime/src/runtime/crt/$source" ||
        fail "$cc $source"
    done
    if [ "$program" = page_allocator ]; then
      cp "$name/templates/platform.c.template" platform.c
      $cc -std=c99 -O1 $includes "$@" -c platform.c || fail "$cc on the template of platform.c"
    fi
    $cc -std=c99 -O1 $includes "$@" "$here/applications/$program.c" ./*.o -lm -o application.out ||
      fail "linking $program with $cc"
    output=$(./application.out) || fail "$program on $name with $cc: $output"
    [ "$output" = ok ] || fail "$program on $name with $cc: $output"
  done
  echo "ok: $name, $program"
}

executor="common/crt_backend_api.c common/crt_runtime_api.c common/func_registry.c common/ndarray.c
  common/packed_func.c aot_executor/aot_executor.c"

# --- every combination of the interfaces ----------------------------------------------------------
archive c $c_interface
application c c_interface ""
archive c_system $c_interface --runtime-crt-system-lib=1 --pass-config tir.disable_vectorize=1
application c_system c_interface ""
application c_system system_library common/func_registry.c
archive packed
application packed packed ""
archive packed_unpacked --executor-aot-unpacked-api=1 --executor-aot-interface-api packed
application packed_unpacked packed ""
archive packed_system --runtime-crt-system-lib 1
application packed_system executor "$executor"
archive packed_unpacked_system --executor-aot-unpacked-api 1 --runtime-crt-system-lib 1
application packed_unpacked_system executor "$executor"
if "$mlfc" compile "$model" --target c --runtime crt --executor aot --output-format mlf \
  --output refused.tar --executor-aot-interface-api=c 2>refused; then
  fail "the C interface without the unpacked API was accepted"
fi
grep -q '^Error: .*unpacked-api == true (got: 0)' refused || fail "message: $(cat refused)"
[ ! -e refused.tar ] || fail "a refused request left a file"

# --- where memory lives ---------------------------------------------------------------------------
archive stack $c_interface --pass-config tir.usmp.enable=0
application stack stack_allocator memory/stack_allocator.c
# Benchmarks set the allocator's alignment themselves.
application stack stack_allocator memory/stack_allocator.c -DTVM_RUNTIME_ALLOC_ALIGNMENT_BYTES=4
application stack page_allocator "common/crt_backend_api.c memory/page_allocator.c" \
  -DTVM_WORKSPACE_SIZE_BYTES=4096
archive pools $c_interface --workspace-pools sram,dtcm --workspace-pools-targets sram:c \
  --workspace-pools-targets dtcm:c
application pools external_pools ""
archive pools_packed --workspace-pools sram,dtcm --workspace-pools-targets sram:c \
  --workspace-pools-targets dtcm:c --runtime-crt-system-lib 1
application pools_packed executor_pools "$executor"
archive tiny $c_interface --workspace-pools sram,dtcm --workspace-pools-targets sram:c \
  --workspace-pools-targets dtcm:c --workspace-pools-size-hint-bytes sram:4
application tiny external_pools ""
archive flash $c_interface --constant-pools flash --constant-pools-targets flash:c
application flash constant_pool ""
archive io $c_interface --pass-config tir.usmp.use_workspace_io=1
application io workspace_io "" -DPOOL=global_workspace
archive io_pools $c_interface --pass-config tir.usmp.use_workspace_io=1 --workspace-pools sram \
  --workspace-pools-targets sram:c
application io_pools workspace_io "" -DPOOL=sram
archive binary $c_interface --constants binary
application binary c_interface ""
archive aligned $c_interface --executor-aot-workspace-byte-alignment 64 \
  --executor-aot-constant-byte-alignment 64
application aligned c_interface ""

# --- two models in one program --------------------------------------------------------------------
archive first $c_interface --module-name First
archive second $c_interface --module-name second
cp -r second/codegen first/
application first two_models ""

# --- a machine where int32_t is not int -----------------------------------------------------------
if command -v riscv64-unknown-elf-gcc >/dev/null; then
  for name in c c_system packed packed_system stack io pools binary; do
    for source in "$name"/codegen/host/src/*_lib*.c "$name"/codegen/host/src/*.S; do
      [ -e "$source" ] || continue
      riscv64-unknown-elf-gcc --specs=picolibc.specs -march=rv32imafd -mabi=ilp32d -std=c99 -O1 \
        $warnings -I"$name/runtime/include" -I"$name/codegen/host/include" \
        -I"$name/codegen/host/src" -c "$source" -o riscv.o || fail "riscv32 on $source"
    done
  done
  echo "ok: riscv32 compiles"
fi

# --- equal requests, equal bytes ------------------------------------------------------------------
mkdir elsewhere
(cd elsewhere && umask 077 && TZ=Asia/Tokyo LANG=de_DE.UTF-8 archive c $c_interface)
cmp c.tar elsewhere/c.tar || fail "two runs differ"

# --- habits of build systems ----------------------------------------------------------------------
# A parser of the main function: lines of storage right behind the line that names it.
awk '/tvmgen_default___tvm_main__/ && /\{$/ { main = 1; next }
     main && $1 == "void*" && $2 ~ /^sid_[0-9]+_let$/ {
       if ($0 !~ /^  void\* sid_[0-9]+_let = \(&\(global_workspace_[0-9]+_var\[[0-9]+\]\)\);$/) exit 1
       lines++; next }
     main { exit lines > 0 ? 0 : 2 }' c/codegen/host/src/default_lib1.c ||
  fail "the storage lines of the main function"
# Numbers that are the third words of their lines, the last of them equal to the metadata's.
header=c/codegen/host/include/tvmgen_default.h
macro() { awk -F ' ' -v name="TVMGEN_DEFAULT_$1" '$1 == "#define" && $2 == name { print $3 }' $header; }
[ "$(macro X_SIZE) $(macro AUX_0_SIZE) $(macro OUTPUT0_SIZE) $(macro OUTPUT1_SIZE)" = "16 12 16 4" ] ||
  fail "the macros of sizes"
size=$(macro WORKSPACE_SIZE)
[ "$(grep -c '^  void\* [a-z0-9_]*;$' $header)" = 4 ] || fail "the members of the structs"
/usr/bin/python3 "$here/read_archive.py" c.tar "$size" || fail "reading the archive"
# All sources in one flat folder, as sketch-based projects keep them.
mkdir flat
find c/codegen/host/src -name '*.c' -exec cp {} flat/ \;
cp c/codegen/host/include/*.h flat/
grep -h '^ *# *include' flat/* | grep -vE '^#include (<[^>]+>|"[^"]+")$' && fail "an odd include"
gcc -std=gnu99 -Iflat -Ic/runtime/include -I"$here/applications" flat/*.c \
  "$here/applications/c_interface.c" -lm -o flat_application
[ "$(./flat_application)" = ok ] || fail "the flat copy"
# A shared object that is loaded and called by name; without the flags that make C code strict.
gcc -shared -fPIC -O1 -fvisibility=hidden -Ic/runtime/include -Ic/codegen/host/include \
  c/codegen/host/src/*.c -lm -o model.so
[ "$(/usr/bin/python3 "$here/call_shared_object.py" ./model.so)" = ok ] || fail "the shared object"
# A build that globs, and has an allocator of its own.
cat >CMakeLists.txt <<CMAKE
cmake_minimum_required(VERSION 3.15)
project(consumer C)
file(GLOB sources c/codegen/host/src/*_lib*.c)
add_executable(consumer \${sources} $here/applications/c_interface.c)
target_include_directories(consumer PRIVATE c/codegen/host/include c/runtime/include)
target_link_libraries(consumer m)
CMAKE
cmake -S . -B globbed >/dev/null && cmake --build globbed >/dev/null || fail "the globbing build"
[ "$(./globbed/consumer)" = ok ] || fail "the globbing build's program"

# --- code as text ---------------------------------------------------------------------------------
"$mlfc" compile "$model" --target c --executor aot --runtime crt $c_interface -f mlf \
  --output dumped.tar --dump-code c,relay
cmp dumped.tar.relay c/src/default.relay || fail "--dump-code relay"
cmp dumped.tar.c c/codegen/host/src/default_lib1.c || fail "--dump-code c"
echo "all ok"
