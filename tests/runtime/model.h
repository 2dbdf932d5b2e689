/* A model written by hand in the form the compiler gives a packed-interface, system-library
 * archive: sum = a + b per element, and total = the sum of all elements. */
#ifndef TESTS_RUNTIME_MODEL_H_
#define TESTS_RUNTIME_MODEL_H_

#define MODEL_ROWS 2
#define MODEL_COLUMNS 3
#define MODEL_ELEMENTS (MODEL_ROWS * MODEL_COLUMNS)

/* What the next run returns; 0 unless a test sets it. */
extern int model_status;

/* How the calls looked: number of arguments of the latest run. */
extern int model_arguments;

#endif /* TESTS_RUNTIME_MODEL_H_ */
