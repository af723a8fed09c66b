/* Working memory of the kernels: arrays that last for one call. */
#ifndef SEQTAG_WORKING_MEMORY_H
#define SEQTAG_WORKING_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 64 }; /* tokens that are copied and then multiplied; their features fit a cache */
enum { ALIGNMENT = 64, MOST_ARRAYS = 12 };

typedef struct {
  float *arrays[MOST_ARRAYS];
  int n;
  int exhausted; /* 1: an array could not be allocated */
} Memory;

/* Return an array with undefined content; null if memory or `arrays` is exhausted. */
static inline float *allocate(Memory *memory, int64_t n_floats) {
  const size_t size = ((size_t)n_floats * sizeof(float) / ALIGNMENT + 1) * ALIGNMENT;
  float *array = memory->n < MOST_ARRAYS ? aligned_alloc(ALIGNMENT, size) : 0;
  if (array) {
    memory->arrays[memory->n++] = array;
  } else {
    memory->exhausted = 1;
  }
  return array;
}

/* Return an array of zeros; null as above. */
static inline float *allocate_zeros(Memory *memory, int64_t n_floats) {
  float *array = allocate(memory, n_floats);
  if (array) memset(array, 0, (size_t)n_floats * sizeof *array);
  return array;
}

/* Free all arrays; return 0 if one could not be allocated. */
static inline int free_all(Memory *memory) {
  while (memory->n) free(memory->arrays[--memory->n]);
  return !memory->exhausted;
}

#endif
