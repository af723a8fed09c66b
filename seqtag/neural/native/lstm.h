/* One direction of an LSTM over a right-padded batch: states for training, and gradients.

   Arrays are float32 and row-major. Gates are in Keras' order: input, forget, candidate, output. The gradient at
   an array has the array's name with the prefix d_. */
#ifndef SEQTAG_LSTM_H
#define SEQTAG_LSTM_H

#include <stdint.h>

typedef struct {
  int64_t batch, time, features, units;
  int64_t n_masks;        /* 0: no dropout; 1: one mask for all gates; 4: one mask for each gate */
  int backward;           /* 1: sequences are read from their last token to their first */
  const int32_t *lengths; /* [batch], in [0, time] */
  const float *x;         /* [batch, time, features] */
  const float *kernel;    /* [features, 4 * units] */
  const float *recurrent; /* [units, 4 * units] */
  const float *bias;      /* [4 * units] */
  const float *keep;      /* [n_masks, batch, units], factors on the state before each gate */
  int64_t keep_stride;    /* floats from one mask to the next */
  int64_t output_stride;  /* floats from one token to the next in `output` and `d_output`: 2 * units if both
                             directions write to one array */
} Lstm;

typedef struct {
  const float *d_output;       /* [batch, time, units], tokens output_stride apart */
  const float *output, *saved; /* of `forward` */
  float *d_x;                  /* [batch, time, features], 0 at padding */
  float *d_kernel;             /* [features, 4 * units] */
  float *d_recurrent;          /* [units, 4 * units] */
  float *d_bias;               /* [4 * units] */
} LstmGradient;

/* The functions, compiled for one instruction set. `forward` and `gradient` return 0 if memory is exhausted. */
typedef struct {
  const char *instruction_set;

  /* Return the number of floats that `forward` saves for `gradient`. */
  int64_t (*n_saved)(const Lstm *);

  /* Write output: [batch, time, units], tokens output_stride apart, 0 at padding; and saved: [n_saved]. */
  int (*forward)(const Lstm *, float *output, float *saved);

  int (*gradient)(const Lstm *, const LstmGradient *);
} LstmFunctions;

__attribute__((visibility("default"))) extern const LstmFunctions lstm_avx512, lstm_avx2, lstm_generic;

#endif
