/* The operations SeqtagLstm and SeqtagLstmGradient: one direction of a bidirectional LSTM, for a part of the batch; see
   lstm.h.

   An operation runs in one thread. Directions and parts do not depend on each other, so TensorFlow runs them in
   parallel. */
#include "operations.h"

typedef struct {
  int backward;
  Part part;
} Share;

/* The inputs that both operations start with. */
enum { X, LENGTHS, KEEP, KERNEL, RECURRENT, BIAS, N_COMMON };

/* Return the LSTM for a share of the batch. */
static Lstm read_lstm(Call *call, const Share *share) {
  Lstm lstm = {.backward = share->backward};
  if (ok(call) && (TF_NumDims(call->inputs[X]) != 3 || TF_NumDims(call->inputs[KEEP]) != 4)) {
    refuse(call, "x must have 3 dimensions, and keep 4");
  }
  if (!ok(call)) return lstm;
  const int64_t batch = dim(call, X, 0), gates = 4 * dim(call, KEEP, 3);
  lstm.time = dim(call, X, 1);
  lstm.features = dim(call, X, 2);
  lstm.n_masks = dim(call, KEEP, 1);
  lstm.units = dim(call, KEEP, 3);
  lstm.keep_stride = batch * lstm.units;
  lstm.output_stride = 2 * lstm.units;
  require(call, LENGTHS, 1, (int64_t[]){batch}, "lengths must be [batch]");
  require(call, KEEP, 4, (int64_t[]){2, lstm.n_masks, batch, lstm.units}, "keep must be [2, n, batch, units]");
  require(call, KERNEL, 2, (int64_t[]){lstm.features, gates}, "kernel must be [features, 4 * units]");
  require(call, RECURRENT, 2, (int64_t[]){lstm.units, gates}, "recurrent must be [units, 4 * units]");
  require(call, BIAS, 1, (int64_t[]){gates}, "bias must be [4 * units]");
  require_part(call, share->part);
  if (share->backward > 1) refuse(call, "backward must be 0 or 1");
  if (lstm.n_masks != 0 && lstm.n_masks != 1 && lstm.n_masks != 4) refuse(call, "keep must have 0, 1 or 4 masks");
  if (!ok(call)) return lstm;
  const int64_t first = batch * share->part.number / share->part.of;
  lstm.batch = batch * (share->part.number + 1) / share->part.of - first;
  lstm.x = (const float *)data(call, X) + first * lstm.time * lstm.features;
  lstm.lengths = (const int32_t *)data(call, LENGTHS) + first;
  lstm.keep = (const float *)data(call, KEEP) + (lstm.backward * lstm.n_masks * batch + first) * lstm.units;
  lstm.kernel = data(call, KERNEL);
  lstm.recurrent = data(call, RECURRENT);
  lstm.bias = data(call, BIAS);
  for (int64_t i = 0; i < lstm.batch; i++) {
    if (lstm.lengths[i] < 0 || lstm.lengths[i] > lstm.time) refuse(call, "lengths must be in [0, time]");
  }
  return lstm;
}

/* Check the shape of an array [batch, time, 2 * units]. */
static void require_states(Call *call, int slot, const Lstm *lstm) {
  if (!ok(call)) return;
  const int64_t shape[] = {dim(call, X, 0), lstm->time, 2 * lstm->units};
  require(call, slot, 3, shape, "outputs and their gradients must be [batch, time, 2 * units]");
}

/* Return where the share of such an array starts, in floats. */
static int64_t first_state(const Call *call, const Lstm *lstm) {
  const int64_t first_sequence = lstm->lengths - (const int32_t *)data(call, LENGTHS);
  return first_sequence * lstm->time * lstm->output_stride + lstm->backward * lstm->units;
}

static void compute_forward(void *kernel, TF_OpKernelContext *context) {
  enum { OUTPUT = N_COMMON, N_INPUTS };
  Call call = start(context, N_INPUTS);
  const Lstm lstm = read_lstm(&call, kernel);
  require_states(&call, OUTPUT, &lstm);
  if (ok(&call)) {
    float *output = array_to_fill(&call, OUTPUT) + first_state(&call, &lstm);
    float *saved = allocate_output(&call, 0, 0, 1, (int64_t[]){functions()->lstm->n_saved(&lstm)});
    if (ok(&call) && !functions()->lstm->forward(&lstm, output, saved)) exhausted(&call);
  }
  finish(&call);
}

static void compute_gradient(void *kernel, TF_OpKernelContext *context) {
  enum { OUTPUT = N_COMMON, SAVED, D_OUTPUT, D_X, N_INPUTS };
  Call call = start(context, N_INPUTS);
  const Lstm lstm = read_lstm(&call, kernel);
  require_states(&call, OUTPUT, &lstm);
  require_states(&call, D_OUTPUT, &lstm);
  if (ok(&call)) {
    require(&call, SAVED, 1, (int64_t[]){functions()->lstm->n_saved(&lstm)}, "saved must be of the same batch");
    require(&call, D_X, 3, (int64_t[]){dim(&call, X, 0), lstm.time, lstm.features}, "d_x must have the shape of x");
  }
  if (ok(&call)) {
    const int64_t gates = 4 * lstm.units;
    LstmGradient gradient = {
        .d_output = (const float *)data(&call, D_OUTPUT) + first_state(&call, &lstm),
        .output = (const float *)data(&call, OUTPUT) + first_state(&call, &lstm),
        .saved = data(&call, SAVED),
        .d_x = array_to_fill(&call, D_X) + (lstm.x - (const float *)data(&call, X)),
        .d_kernel = allocate_output(&call, 0, 0, 2, (int64_t[]){lstm.features, gates}),
        .d_recurrent = allocate_output(&call, 1, 1, 2, (int64_t[]){lstm.units, gates}),
        .d_bias = allocate_output(&call, 2, 2, 1, (int64_t[]){gates}),
    };
    if (ok(&call) && !functions()->lstm->gradient(&lstm, &gradient)) exhausted(&call);
  }
  finish(&call);
}

static void *create(TF_OpKernelConstruction *construction) {
  Share *share = new_kernel(construction, sizeof *share);
  if (!share) return 0;
  share->backward = attribute(construction, "backward");
  share->part = (Part){attribute(construction, "part"), attribute(construction, "parts")};
  return share;
}

#define ATTRIBUTES "backward: int >= 0", "part: int >= 0", "parts: int >= 1"
#define INPUTS "x: float", "lengths: int32", "keep: float", "kernel: float", "recurrent: float", "bias: float"

void register_lstm(void) {
  add_operation(&(Operation){
      .name = "SeqtagLstm",
      .attributes = {ATTRIBUTES},
      .inputs = {INPUTS, "output: float"},
      .outputs = {"saved: float"},
      .create = create,
      .compute = compute_forward,
  });
  add_operation(&(Operation){
      .name = "SeqtagLstmGradient",
      .attributes = {ATTRIBUTES},
      .inputs = {INPUTS, "output: float", "saved: float", "d_output: float", "d_x: float"},
      .outputs = {"d_kernel: float", "d_recurrent: float", "d_bias: float"},
      .create = create,
      .compute = compute_gradient,
  });
}
