/* Calls the functions of updates.h, character_cnn.h, cross_entropy.h and working_memory.h for many sizes; sanitizers
   watch. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "character_cnn.h"
#include "cross_entropy.h"
#include "updates.h"
#include "working_memory.h"

static float *drawn(int64_t n) {
  float *array = malloc((size_t)n * sizeof *array);
  for (int64_t i = 0; i < n; i++) array[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return array;
}

static int32_t *ids(int64_t n, int64_t below) {
  int32_t *array = malloc((size_t)n * sizeof *array);
  for (int64_t i = 0; i < n; i++) array[i] = (int32_t)(rand() % below);
  return array;
}

static int all_finite(const float *array, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(array[i])) return 0;
  }
  return 1;
}

static int update(void) {
  RowSums sums = {.n_values = rand() % 9, .size = 1 + rand() % 40, .ids_per_value = 1 + rand() % 3};
  sums.n_sums = 1 + rand() % 9;
  sums.squared = rand() % 2;
  sums.values = drawn(sums.n_values * sums.size);
  sums.ids = ids(sums.n_values * sums.ids_per_value, sums.n_sums);
  sums.sums = drawn(sums.n_sums * sums.size);
  updates_generic.sum_rows(&sums);
  int is_right = all_finite(sums.sums, sums.n_sums * sums.size);

  float *arrays[8];
  const int64_t n = rand() % 40;
  for (int i = 0; i < 8; i++) arrays[i] = drawn(n);
  for (int64_t i = 0; i < n; i++) arrays[2][i] = fabsf(arrays[2][i]); /* second moments */
  const Adam adam = {n, 0.1f, 1.0f, arrays[0], arrays[1], arrays[2], arrays[3], 0, arrays[5], arrays[6], arrays[7]};
  updates_generic.adam(&adam);
  is_right &= all_finite(arrays[5], n) && all_finite(arrays[6], n) && all_finite(arrays[7], n);
  for (int i = 0; i < 8; i++) free(arrays[i]);
  free((void *)sums.values);
  free((void *)sums.ids);
  free(sums.sums);
  return is_right;
}

static int pool(void) {
  CharacterCnn cnn = {.n_words = rand() % 9, .time = 1 + rand() % 7, .n_characters = 1 + rand() % 5};
  cnn.filters = 1 + rand() % 40;
  const int64_t n = cnn.n_words * cnn.filters, n_products = CHARACTERS_SEEN * cnn.n_characters * cnn.filters;
  cnn.ids = ids(cnn.n_words * cnn.time, cnn.n_characters);
  cnn.products = drawn(n_products);
  cnn.bias = drawn(cnn.filters);
  float *output = drawn(n), *chosen = drawn(n), *d_output = drawn(n);
  float *d_products = drawn(n_products), *d_bias = drawn(cnn.filters);
  character_cnn_generic.forward(&cnn, output, chosen);
  const CharacterCnnGradient gradient = {d_output, chosen, d_products, d_bias};
  character_cnn_generic.gradient(&cnn, &gradient);
  const int is_right = all_finite(output, n) && all_finite(d_products, n_products);
  free((void *)cnn.ids);
  free((void *)cnn.products);
  free((void *)cnn.bias);
  free(output);
  free(chosen);
  free(d_output);
  free(d_products);
  free(d_bias);
  return is_right;
}

static int lose(void) {
  CrossEntropy of = {.n_tokens = rand() % 150, .features = 1 + rand() % 40, .tags = 1 + rand() % 40};
  const int64_t n_weights = of.features * of.tags, n_x = of.n_tokens * of.features;
  float *weights = drawn(of.n_tokens);
  for (int64_t i = 0; i < of.n_tokens; i++) weights[i] = (float)(rand() % 3);
  of.x = drawn(n_x);
  of.kernel = drawn(n_weights);
  of.bias = drawn(of.tags);
  of.tag_ids = ids(of.n_tokens, of.tags);
  of.weights = weights;
  float loss, *saved = drawn(cross_entropy_generic.n_saved(&of));
  float *d_x = drawn(n_x), *d_kernel = drawn(n_weights), *d_bias = drawn(of.tags);
  int is_right = cross_entropy_generic.forward(&of, saved, &loss) && loss >= 0;
  const CrossEntropyGradient gradient = {0.5f, saved, d_x, d_kernel, d_bias};
  is_right &= cross_entropy_generic.gradient(&of, &gradient);
  is_right &= all_finite(d_x, n_x) && all_finite(d_kernel, n_weights) && all_finite(d_bias, of.tags);
  free((void *)of.x);
  free((void *)of.kernel);
  free((void *)of.bias);
  free((void *)of.tag_ids);
  free(weights);
  free(saved);
  free(d_x);
  free(d_kernel);
  free(d_bias);
  return is_right;
}

/* Allocate one array more than there may be. */
static int remember(void) {
  Memory memory = {.n = 0};
  int is_right = 1;
  for (int i = 0; i < MOST_ARRAYS; i++) {
    const int64_t n = rand() % 40;
    const float *array = allocate_zeros(&memory, n);
    for (int64_t k = 0; k < n; k++) is_right &= array[k] == 0;
  }
  is_right &= !memory.exhausted && !allocate(&memory, 1);
  return is_right && !free_all(&memory);
}

int main(void) {
  int n_right = 0;
  for (int round = 0; round < 2000; round++) n_right += update() && pool() && lose() && remember();
  printf("%d rounds\n", n_right);
}
