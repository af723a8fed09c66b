/* The output layer of a softmax tagger and its loss: weighted cross-entropy, summed over tokens.

   Arrays are float32 and row-major. Tokens of weight 0, such as padding, cost nothing. Results do not depend on
   the other tokens, except the gradients at weights, which are sums over the tokens in their order. */
#ifndef SEQTAG_CROSS_ENTROPY_H
#define SEQTAG_CROSS_ENTROPY_H

#include <stdint.h>

typedef struct {
  int64_t n_tokens, features, tags;
  const float *x;         /* [n_tokens, features] */
  const float *kernel;    /* [features, tags] */
  const float *bias;      /* [tags] */
  const int32_t *tag_ids; /* [n_tokens], in [0, tags) */
  const float *weights;   /* [n_tokens] */
} CrossEntropy;

typedef struct {
  float scale;        /* gradient at the loss */
  const float *saved; /* of `forward` */
  float *d_x;         /* [n_tokens, features], 0 at tokens of weight 0 */
  float *d_kernel;    /* [features, tags] */
  float *d_bias;      /* [tags] */
} CrossEntropyGradient;

/* The functions, compiled for one instruction set. `forward` and `gradient` return 0 if memory is exhausted. */
typedef struct {
  /* Return the number of floats that `forward` saves for `gradient`. */
  int64_t (*n_saved)(const CrossEntropy *);

  /* Write saved: [n_saved]; and the loss in nats. */
  int (*forward)(const CrossEntropy *, float *saved, float *loss);

  int (*gradient)(const CrossEntropy *, const CrossEntropyGradient *);
} CrossEntropyFunctions;

__attribute__((visibility("default"))) extern const CrossEntropyFunctions cross_entropy_avx512, cross_entropy_avx2,
    cross_entropy_generic;

#endif
