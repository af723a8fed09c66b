/* The operations SeqtagCharacterCnn and SeqtagCharacterCnnGradient; see character_cnn.h. */
#include "operations.h"

/* The inputs: the common ones, and those that only the gradient has. */
enum { IDS, PRODUCTS, BIAS, N_COMMON, CHOSEN = N_COMMON, D_OUTPUT, N_OF_GRADIENT };

static CharacterCnn read_cnn(Call *call) {
  CharacterCnn cnn = {.n_words = 0};
  if (ok(call) && (TF_NumDims(call->inputs[IDS]) != 2 || TF_NumDims(call->inputs[PRODUCTS]) != 3)) {
    refuse(call, "ids must have 2 dimensions, and products 3");
  }
  if (!ok(call)) return cnn;
  cnn.n_words = dim(call, IDS, 0);
  cnn.time = dim(call, IDS, 1);
  cnn.n_characters = dim(call, PRODUCTS, 1);
  cnn.filters = dim(call, PRODUCTS, 2);
  cnn.ids = data(call, IDS);
  cnn.products = data(call, PRODUCTS);
  cnn.bias = data(call, BIAS);
  require(call, BIAS, 1, (int64_t[]){cnn.filters}, "bias must be [filters]");
  if (dim(call, PRODUCTS, 0) != CHARACTERS_SEEN || cnn.n_characters < 1) {
    refuse(call, "products must be [3, n_characters, filters], with at least 1 character");
  }
  for (int64_t i = 0; i < cnn.n_words * cnn.time; i++) {
    if (cnn.ids[i] < 0 || cnn.ids[i] >= cnn.n_characters) refuse(call, "ids must be in [0, n_characters)");
  }
  return cnn;
}

static void compute_forward(void *kernel, TF_OpKernelContext *context) {
  (void)kernel;
  Call call = start(context, N_COMMON);
  const CharacterCnn cnn = read_cnn(&call);
  float *output = allocate_output(&call, 0, 0, 2, (int64_t[]){cnn.n_words, cnn.filters});
  float *chosen = allocate_output(&call, 1, 1, 2, (int64_t[]){cnn.n_words, cnn.filters});
  if (ok(&call)) functions()->character_cnn->forward(&cnn, output, chosen);
  finish(&call);
}

static void compute_gradient(void *kernel, TF_OpKernelContext *context) {
  (void)kernel;
  Call call = start(context, N_OF_GRADIENT);
  const CharacterCnn cnn = read_cnn(&call);
  const int64_t products[] = {CHARACTERS_SEEN, cnn.n_characters, cnn.filters};
  const int64_t of_output[] = {cnn.n_words, cnn.filters};
  require(&call, CHOSEN, 2, of_output, "chosen must be [n_words, filters]");
  require(&call, D_OUTPUT, 2, of_output, "d_output must be [n_words, filters]");
  if (ok(&call)) {
    CharacterCnnGradient gradient = {.chosen = data(&call, CHOSEN), .d_output = data(&call, D_OUTPUT)};
    for (int64_t i = 0; i < cnn.n_words * cnn.filters; i++) {
      const float position = gradient.chosen[i];
      if (!(position >= -1 && position < (float)cnn.time)) refuse(&call, "chosen must be in [-1, time)");
    }
    gradient.d_products = allocate_output(&call, 0, 0, 3, products);
    gradient.d_bias = allocate_output(&call, 1, 1, 1, (int64_t[]){cnn.filters});
    if (ok(&call)) functions()->character_cnn->gradient(&cnn, &gradient);
  }
  finish(&call);
}

#define INPUTS "ids: int32", "products: float", "bias: float"

void register_character_cnn(void) {
  add_operation(&(Operation){
      .name = "SeqtagCharacterCnn",
      .inputs = {INPUTS},
      .outputs = {"output: float", "chosen: float"},
      .compute = compute_forward,
  });
  add_operation(&(Operation){
      .name = "SeqtagCharacterCnnGradient",
      .inputs = {INPUTS, "chosen: float", "d_output: float"},
      .outputs = {"d_products: float", "d_bias: float"},
      .compute = compute_gradient,
  });
}
