/* Calls the functions of lstm.h for many shapes, both directions in two threads; sanitizers watch. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lstm.h"

static float *drawn(int64_t n) {
  float *array = malloc((size_t)(n ? n : 1) * sizeof *array);
  for (int64_t i = 0; i < n; i++) array[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return array;
}

typedef struct {
  Lstm lstm;
  float *output, *d_output; /* of both directions */
} Direction;

/* Run forward and gradient on arrays of exactly the stated sizes; return the argument, or null on an error. */
static void *run(void *argument) {
  const Direction *of = argument;
  const Lstm *lstm = &of->lstm;
  const int64_t tokens = lstm->batch * lstm->time, gates = 4 * lstm->units;
  float *output = of->output + lstm->backward * lstm->units, *saved = drawn(lstm_generic.n_saved(lstm));
  LstmGradient gradient = {
      .d_output = of->d_output + lstm->backward * lstm->units,
      .output = output,
      .saved = saved,
      .d_x = drawn(tokens * lstm->features),
      .d_kernel = drawn(lstm->features * gates),
      .d_recurrent = drawn(lstm->units * gates),
      .d_bias = drawn(gates),
  };
  int is_right = lstm_generic.forward(lstm, output, saved) && lstm_generic.gradient(lstm, &gradient);
  for (int64_t i = 0; i < tokens * lstm->units; i++) {
    is_right &= fabsf(output[i / lstm->units * lstm->output_stride + i % lstm->units]) <= 1;
  }
  for (int64_t i = 0; i < gates; i++) is_right &= isfinite(gradient.d_bias[i]) != 0;
  free(saved);
  free(gradient.d_x);
  free(gradient.d_kernel);
  free(gradient.d_recurrent);
  free(gradient.d_bias);
  return is_right ? argument : 0;
}

int main(void) {
  const int64_t masks[] = {0, 1, 4};
  for (int round = 0; round < 200; round++) {
    const int64_t batch = rand() % 12, time = rand() % 9, features = 1 + rand() % 35, units = 1 + rand() % 35;
    const int64_t n_masks = masks[round % 3];
    int32_t *lengths = malloc((size_t)(batch ? batch : 1) * sizeof *lengths);
    for (int64_t i = 0; i < batch; i++) lengths[i] = (int32_t)(rand() % (time + 1));
    float *x = drawn(batch * time * features), *kernel = drawn(features * 4 * units);
    float *recurrent = drawn(units * 4 * units), *bias = drawn(4 * units), *keep = drawn(n_masks * batch * units);
    float *output = drawn(batch * time * 2 * units), *d_output = drawn(batch * time * 2 * units);
    Direction both[2];
    pthread_t threads[2];
    for (int backward = 0; backward < 2; backward++) {
      both[backward] = (Direction){{batch, time, features, units, n_masks, backward, lengths, x, kernel, recurrent,
                                    bias, keep, batch * units, 2 * units},
                                   output, d_output};
      pthread_create(&threads[backward], 0, run, &both[backward]);
    }
    for (int backward = 0; backward < 2; backward++) {
      void *done;
      pthread_join(threads[backward], &done);
      if (!done) {
        printf("wrong result in round %d\n", round);
        return 1;
      }
    }
    free(lengths);
    free(x);
    free(kernel);
    free(recurrent);
    free(bias);
    free(keep);
    free(output);
    free(d_output);
  }
  puts("200 rounds");
  return 0;
}
