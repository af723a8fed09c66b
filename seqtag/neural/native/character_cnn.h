/* The character CNN of a word type, from products of its filters with the vectors of all characters.

     output[f] = max over positions i of relu(bias[f] + sum over parts p of products[p][ids[i + p - 1]][f])

   Beyond the ends of a word is padding, the character with id 0. Arrays are float32 and row-major. */
#ifndef SEQTAG_CHARACTER_CNN_H
#define SEQTAG_CHARACTER_CNN_H

#include <stdint.h>

enum { CHARACTERS_SEEN = 3 }; /* by a filter */

typedef struct {
  int64_t n_words, time, n_characters, filters;
  const int32_t *ids;    /* [n_words, time], in [0, n_characters); 0 is padding, only on the right */
  const float *products; /* [CHARACTERS_SEEN, n_characters, filters] */
  const float *bias;     /* [filters] */
} CharacterCnn;

typedef struct {
  const float *d_output;  /* [n_words, filters] */
  const float *chosen;    /* of `forward` */
  float *d_products;      /* [CHARACTERS_SEEN, n_characters, filters] */
  float *d_bias;          /* [filters] */
} CharacterCnnGradient;

/* The functions, compiled for one instruction set. */
typedef struct {
  /* Write output: [n_words, filters], 0 for a word without characters; and chosen: [n_words, filters], the position
     of the largest value, -1 where no value is above 0. NaN counts as the largest value. */
  void (*forward)(const CharacterCnn *, float *output, float *chosen);

  void (*gradient)(const CharacterCnn *, const CharacterCnnGradient *);
} CharacterCnnFunctions;

__attribute__((visibility("default"))) extern const CharacterCnnFunctions character_cnn_avx512, character_cnn_avx2,
    character_cnn_generic;

#endif
