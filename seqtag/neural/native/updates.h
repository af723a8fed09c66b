/* The updates of a training step: gradients at rows of tables, and Adam.

   Arrays are float32 and row-major. Results do not depend on threads. */
#ifndef SEQTAG_UPDATES_H
#define SEQTAG_UPDATES_H

#include <stdint.h>

typedef struct {
  int64_t n_values, size, ids_per_value, n_sums;
  int squared;         /* 1: sum the squares of the values */
  const float *values; /* [n_values, size] */
  const int32_t *ids;  /* [n_values, ids_per_value], in [0, n_sums): the sums that a value is added to */
  float *sums;         /* [n_sums, size] */
} RowSums;

typedef struct {
  int64_t n;
  float rate;  /* learning rate, with Adam's bias correction */
  float scale; /* factor on the gradients */
  const float *values, *first, *second, *gradients; /* [n] */
  const float *squares;                             /* [n], squared gradients; null for gradients^2 */
  float *new_values, *new_first, *new_second;       /* [n] */
} Adam;

/* The functions, compiled for one instruction set. */
typedef struct {
  void (*sum_rows)(const RowSums *);
  void (*adam)(const Adam *);
} UpdateFunctions;

__attribute__((visibility("default"))) extern const UpdateFunctions updates_avx512, updates_avx2, updates_generic;

#endif
