/* The operations SeqtagCrossEntropy and SeqtagCrossEntropyGradient: the loss of a part of the sequences; see
   cross_entropy.h. */
#include "operations.h"

/* The inputs that both operations start with. */
enum { X, KERNEL, BIAS, TAG_IDS, WEIGHTS, N_COMMON };

/* Return the tokens of a part of the batch. */
static CrossEntropy read_tokens(Call *call, const Part *part) {
  CrossEntropy of = {.n_tokens = 0};
  if (ok(call) && (TF_NumDims(call->inputs[X]) != 3 || TF_NumDims(call->inputs[KERNEL]) != 2)) {
    refuse(call, "x must have 3 dimensions, and kernel 2");
  }
  if (!ok(call)) return of;
  const int64_t batch = dim(call, X, 0), time = dim(call, X, 1);
  of.features = dim(call, X, 2);
  of.tags = dim(call, KERNEL, 1);
  require(call, KERNEL, 2, (int64_t[]){of.features, of.tags}, "kernel must be [features, tags]");
  require(call, BIAS, 1, (int64_t[]){of.tags}, "bias must be [tags]");
  require(call, TAG_IDS, 2, (int64_t[]){batch, time}, "tag_ids must be [batch, time]");
  require(call, WEIGHTS, 2, (int64_t[]){batch, time}, "weights must be [batch, time]");
  require_part(call, *part);
  if (!ok(call)) return of;
  const int64_t first = batch * part->number / part->of * time;
  of.n_tokens = batch * (part->number + 1) / part->of * time - first;
  of.x = (const float *)data(call, X) + first * of.features;
  of.kernel = data(call, KERNEL);
  of.bias = data(call, BIAS);
  of.tag_ids = (const int32_t *)data(call, TAG_IDS) + first;
  of.weights = (const float *)data(call, WEIGHTS) + first;
  for (int64_t i = 0; i < of.n_tokens; i++) {
    if (of.tag_ids[i] < 0 || of.tag_ids[i] >= of.tags) refuse(call, "tag_ids must be in [0, tags)");
  }
  return of;
}

static void compute_forward(void *kernel, TF_OpKernelContext *context) {
  Call call = start(context, N_COMMON);
  const CrossEntropy tokens = read_tokens(&call, kernel);
  if (ok(&call)) {
    float *loss = allocate_output(&call, 0, 0, 0, 0);
    float *saved = allocate_output(&call, 1, 1, 1, (int64_t[]){functions()->cross_entropy->n_saved(&tokens)});
    if (ok(&call) && !functions()->cross_entropy->forward(&tokens, saved, loss)) exhausted(&call);
  }
  finish(&call);
}

static void compute_gradient(void *kernel, TF_OpKernelContext *context) {
  enum { SAVED = N_COMMON, UPSTREAM, D_X, N_INPUTS };
  Call call = start(context, N_INPUTS);
  const CrossEntropy tokens = read_tokens(&call, kernel);
  require(&call, UPSTREAM, 0, 0, "upstream must be a number");
  if (ok(&call)) {
    const int64_t n_saved = functions()->cross_entropy->n_saved(&tokens);
    require(&call, SAVED, 1, &n_saved, "saved must be of the same batch");
    require(&call, D_X, 3, (int64_t[]){dim(&call, X, 0), dim(&call, X, 1), tokens.features},
            "d_x must have the shape of x");
  }
  if (ok(&call)) {
    const CrossEntropyGradient gradient = {
        .scale = *(const float *)data(&call, UPSTREAM),
        .saved = data(&call, SAVED),
        .d_x = array_to_fill(&call, D_X) + (tokens.x - (const float *)data(&call, X)),
        .d_kernel = allocate_output(&call, 0, 0, 2, (int64_t[]){tokens.features, tokens.tags}),
        .d_bias = allocate_output(&call, 1, 1, 1, (int64_t[]){tokens.tags}),
    };
    if (ok(&call) && !functions()->cross_entropy->gradient(&tokens, &gradient)) exhausted(&call);
  }
  finish(&call);
}

static void *create(TF_OpKernelConstruction *construction) {
  Part *part = new_kernel(construction, sizeof *part);
  if (part) *part = (Part){attribute(construction, "part"), attribute(construction, "parts")};
  return part;
}

#define ATTRIBUTES "part: int >= 0", "parts: int >= 1"
#define INPUTS "x: float", "kernel: float", "bias: float", "tag_ids: int32", "weights: float"

void register_cross_entropy(void) {
  add_operation(&(Operation){
      .name = "SeqtagCrossEntropy",
      .attributes = {ATTRIBUTES},
      .inputs = {INPUTS},
      .outputs = {"loss: float", "saved: float"},
      .create = create,
      .compute = compute_forward,
  });
  add_operation(&(Operation){
      .name = "SeqtagCrossEntropyGradient",
      .attributes = {ATTRIBUTES},
      .inputs = {INPUTS, "saved: float", "upstream: float", "d_x: float"},
      .outputs = {"d_kernel: float", "d_bias: float"},
      .create = create,
      .compute = compute_gradient,
  });
}
