# Lays the runtime out as an archive does, builds it with its own CMakeLists.txt from the unedited
# templates, and links a program against it. A missing configuration and an unknown library must be
# refused with a message that says so.
#   cmake -DRUNTIME=... -DCOMPILER=... -DFOLDER=... -P standalone_test.cmake
file(REMOVE_RECURSE ${FOLDER})
file(COPY ${RUNTIME}/include ${RUNTIME}/src ${RUNTIME}/standalone/CMakeLists.txt
     DESTINATION ${FOLDER}/runtime)
file(COPY_FILE ${RUNTIME}/crt_templates/platform.c.template ${FOLDER}/platform.c)
file(WRITE ${FOLDER}/app.c [[
#include <tvm/runtime/crt/crt.h>
#include <tvm/runtime/crt/module.h>
#include <tvm/runtime/crt/platform.h>
static const TVMFuncRegistry registry = {"\0\0", 0};
static const TVMModule library = {&registry};
const TVMModule* TVMSystemLibEntryPoint(void) { return &library; }
int main(void) {
  DLDevice cpu = {kDLCPU, 0};
  TVMModuleHandle module = 0;
  void* memory = 0;
  if (TVMPlatformInitialize() != 0 || TVMInitializeRuntime() != 0) return 1;
  if (TVMModCreateFromCModule(TVMSystemLibEntryPoint(), &module) != 0) return 2;
  if (TVMPlatformMemoryAllocate(100000, cpu, &memory) != 0) return 3;
  return (int)TVMPlatformMemoryFree(memory, cpu);
}
]])

function(configure expectation)
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${FOLDER}/runtime -B ${FOLDER}/build
                          -DCMAKE_C_COMPILER=${COMPILER} ${ARGN}
                  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")
  if(expectation STREQUAL "success")
    if(NOT status EQUAL 0)
      message(FATAL_ERROR "${text}")
    endif()
  elseif(status EQUAL 0 OR NOT text MATCHES "${expectation}")
    message(FATAL_ERROR "expected a refusal that says '${expectation}', got: ${text}")
  endif()
endfunction()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN} returned ${status}: ${text}")
  endif()
endfunction()

configure("Pass -DCRT_CONFIG_PATH")
configure("There is no crt_config.h" -DCRT_CONFIG_PATH=${FOLDER})
file(COPY_FILE ${RUNTIME}/crt_templates/crt_config.h.template ${FOLDER}/crt_config.h)
configure("no library 'graph_executor'" -DCRT_CONFIG_PATH=${FOLDER} -DCRT_LIBS=graph_executor)
file(REMOVE_RECURSE ${FOLDER}/build)
configure(success -DCRT_CONFIG_PATH=${FOLDER})
run(${CMAKE_COMMAND} --build ${FOLDER}/build)

set(build ${FOLDER}/build)
run(${COMPILER} -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror -I${FOLDER}
    -I${FOLDER}/runtime/include ${FOLDER}/app.c ${FOLDER}/platform.c
    ${build}/libaot_executor_module.a ${build}/libaot_executor.a ${build}/libcommon.a
    ${build}/libmemory.a -o ${FOLDER}/app)
run(${FOLDER}/app)
