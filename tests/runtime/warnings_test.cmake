# Compiles every C file of the runtime and of the harness with one compiler and every warning an
# error, at two optimisation levels; and all headers as C99, C++98 and C++17.
#   cmake -DCOMPILER=... -DRUNTIME=... -DTESTS=... -P warnings_test.cmake
file(GLOB_RECURSE sources ${RUNTIME}/src/*.c ${RUNTIME}/runner/harness/*.c)
set(machine "")
if(COMPILER MATCHES "riscv")
  list(FILTER sources EXCLUDE REGEX "ticks_host")
  list(APPEND sources ${RUNTIME}/virt/ticks.c)
  set(machine @${RUNTIME}/virt/compile.options)
endif()
list(LENGTH sources count)
if(count LESS 13)
  message(FATAL_ERROR "found only ${count} sources below ${RUNTIME}")
endif()

set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
set(failures "")
function(compile)
  execute_process(COMMAND ${COMPILER} ${machine} ${warnings} ${ARGN} -I${RUNTIME}/include
                          -I${RUNTIME}/runner/harness -o /dev/null
                  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    set(failures "${failures}${command}\n${text}\n" PARENT_SCOPE)
  endif()
endfunction()

foreach(source ${sources})
  foreach(level -O0 -O2)
    compile(-std=c99 ${level} -Wstrict-prototypes -Wmissing-prototypes -c ${source})
  endforeach()
endforeach()

# harness.h and all headers of the runtime, in each language. Macros with "..." came with C++11.
foreach(language "c;-std=c99" "c++;-std=c++98;-Wno-variadic-macros" "c++;-std=c++17")
  list(GET language 0 name)
  list(REMOVE_AT language 0)
  # The bare-metal toolchain has a C++ front end but no library; headers need none.
  compile(-x ${name} ${language} -include ${RUNTIME}/runner/harness/harness.h
          -DTVM_CRT_LOG_LEVEL=2 -c ${TESTS}/headers_test.c)
endforeach()

if(failures)
  message(FATAL_ERROR "${failures}")
endif()
