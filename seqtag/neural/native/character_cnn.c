/* The functions of character_cnn.h for one instruction set; the build sets FUNCTIONS to the name of their table.

   The loops are written so that the compiler vectorises them; positions are floats, like the values they are
   chosen with. */
#include <string.h>

#include "character_cnn.h"

/* Return the products of a part of the filters, with the character that it sees at a position of a word. */
static const float *products_at(const CharacterCnn *of, const int32_t *ids, int64_t position, int64_t part) {
  const int64_t i = position + part - 1;
  const int32_t id = i < 0 || i >= of->time ? 0 : ids[i];
  return of->products + (part * of->n_characters + id) * of->filters;
}

static void forward(const CharacterCnn *of, float *output, float *chosen) {
  const int64_t filters = of->filters;
  for (int64_t word = 0; word < of->n_words; word++, output += filters, chosen += filters) {
    const int32_t *ids = of->ids + word * of->time;
    for (int64_t f = 0; f < filters; f++) {
      output[f] = 0;
      chosen[f] = -1;
    }
    for (int64_t position = 0; position < of->time && ids[position]; position++) {
      const float *before = products_at(of, ids, position, 0), *here = products_at(of, ids, position, 1);
      const float *after = products_at(of, ids, position, 2);
      for (int64_t f = 0; f < filters; f++) {
        const float value = of->bias[f] + before[f] + here[f] + after[f];
        const int is_chosen = (value > output[f]) | (value != value); /* NaN stays: nothing is above it */
        chosen[f] = is_chosen ? (float)position : chosen[f];
        output[f] = is_chosen ? value : output[f];
      }
    }
  }
}

static void gradient(const CharacterCnn *of, const CharacterCnnGradient *g) {
  const int64_t filters = of->filters;
  memset(g->d_products, 0, (size_t)(CHARACTERS_SEEN * of->n_characters * filters) * sizeof(float));
  memset(g->d_bias, 0, (size_t)filters * sizeof(float));
  for (int64_t word = 0; word < of->n_words; word++) {
    const int32_t *ids = of->ids + word * of->time;
    for (int64_t f = 0; f < filters; f++) {
      const int64_t position = (int64_t)g->chosen[word * filters + f];
      if (position < 0) continue;
      const float d_output = g->d_output[word * filters + f];
      g->d_bias[f] += d_output;
      for (int64_t part = 0; part < CHARACTERS_SEEN; part++) {
        g->d_products[products_at(of, ids, position, part) - of->products + f] += d_output;
      }
    }
  }
}

const CharacterCnnFunctions FUNCTIONS = {forward, gradient};
