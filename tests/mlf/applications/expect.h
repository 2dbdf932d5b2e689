/* The model all applications here run: inputs x[1,4] and aux/0[3], outputs 2 (x + w) with
 * w = {0.5, -1, 2.25, 1e-7} and the sum of aux. Buffers stand between guard bytes, so that a
 * program that writes beside them is caught. */
#ifndef EXPECT_H_
#define EXPECT_H_

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GUARD_BYTES 64
#define GUARD 0xa5

/* bytes of data between two guards; 16 because that is the alignment pools are promised. */
#define GUARDED(name, size)                          \
  static struct {                                    \
    uint8_t before[GUARD_BYTES];                     \
    uint8_t data[size] __attribute__((aligned(16))); \
    uint8_t after[GUARD_BYTES];                      \
  } name

static int failures = 0;

static inline void expect(int condition, const char* what) {
  if (condition) return;
  printf("FAILED: %s\n", what);
  failures++;
}

#define EXPECT(condition) expect((condition) ? 1 : 0, #condition)

static inline void set_guards(uint8_t* before, uint8_t* after) {
  memset(before, GUARD, GUARD_BYTES);
  memset(after, GUARD, GUARD_BYTES);
}

static inline void expect_guards(const uint8_t* before, const uint8_t* after) {
  int i;
  for (i = 0; i < GUARD_BYTES; i++) {
    expect(before[i] == GUARD, "guard before a buffer is untouched");
    expect(after[i] == GUARD, "guard after a buffer is untouched");
  }
}

static const float kX[4] = {1, 2, 3, 4};
static const float kAux[3] = {0.25f, 0.5f, 8};

static inline void expect_outputs(const void* output0, const void* output1) {
  static const float expected[4] = {3, 2, 10.5f, 8};
  float y[4], z;
  int i;
  memcpy(y, output0, sizeof y);
  memcpy(&z, output1, sizeof z);
  for (i = 0; i < 4; i++) expect(y[i] > expected[i] - 1e-5f && y[i] < expected[i] + 1e-5f, "output0");
  expect(z > 8.7499f && z < 8.7501f, "output1");
}

static inline int result(void) {
  if (failures == 0) printf("ok\n");
  return failures == 0 ? 0 : 1;
}

#endif
