/* The functions of updates.h for one instruction set; the build sets FUNCTIONS to the name of their table.

   The loops are written so that the compiler vectorises them. */
#include <math.h>
#include <string.h>

#include "updates.h"

/* Keras' defaults: 1 - 0.9, 1 - 0.999 (in float32, 1 - 0.999f is 5e-5 more than 0.001f), and epsilon. */
#define ONE_MINUS_BETA_1 0.1f
#define ONE_MINUS_BETA_2 0.001f
#define EPSILON 1e-7f

static void add_row(const float *restrict row, int64_t size, float *restrict sum) {
  for (int64_t i = 0; i < size; i++) sum[i] += row[i];
}

static void add_squares(const float *restrict row, int64_t size, float *restrict sum) {
  for (int64_t i = 0; i < size; i++) sum[i] += row[i] * row[i];
}

static void sum_rows(const RowSums *of) {
  memset(of->sums, 0, (size_t)(of->n_sums * of->size) * sizeof *of->sums);
  for (int64_t i = 0; i < of->n_values * of->ids_per_value; i++) {
    const float *row = of->values + i / of->ids_per_value * of->size;
    (of->squared ? add_squares : add_row)(row, of->size, of->sums + of->ids[i] * of->size);
  }
}

static void adam(const Adam *of) {
  const float rate = of->rate, scale = of->scale;
  const float *restrict values = of->values, *restrict first = of->first, *restrict second = of->second;
  const float *restrict gradients = of->gradients, *restrict squares = of->squares ? of->squares : of->gradients;
  float *restrict new_values = of->new_values, *restrict new_first = of->new_first;
  float *restrict new_second = of->new_second;
  const int given = of->squares != 0;
  for (int64_t i = 0; i < of->n; i++) {
    const float gradient = scale * gradients[i];
    const float square = given ? scale * scale * squares[i] : gradient * gradient;
    new_first[i] = first[i] + (gradient - first[i]) * ONE_MINUS_BETA_1;
    new_second[i] = second[i] + (square - second[i]) * ONE_MINUS_BETA_2;
    new_values[i] = values[i] - rate * new_first[i] / (sqrtf(new_second[i]) + EPSILON);
  }
}

const UpdateFunctions FUNCTIONS = {sum_rows, adam};
