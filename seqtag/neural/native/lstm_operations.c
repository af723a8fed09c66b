/* The operations SeqtagLstm and SeqtagLstmGradient: one direction of a bidirectional LSTM; see lstm.h.

   An operation runs in one thread. The two directions do not depend on each other, so TensorFlow runs them in
   parallel. */
#include "operations.h"

static void exhausted(Call *call) { TF_SetStatus(call->status, TF_RESOURCE_EXHAUSTED, "out of memory"); }

/* The inputs that both operations start with. */
enum { X, LENGTHS, KEEP, KERNEL, RECURRENT, BIAS, N_COMMON, OUTPUT = N_COMMON, SAVED, D_OUTPUT, N_OF_GRADIENT };

static Lstm read_lstm(Call *call, int backward) {
  Lstm lstm = {.backward = backward};
  if (ok(call) && (TF_NumDims(call->inputs[X]) != 3 || TF_NumDims(call->inputs[KEEP]) != 4)) {
    refuse(call, "x must have 3 dimensions, and keep 4");
  }
  if (!ok(call)) return lstm;
  lstm.batch = dim(call, X, 0);
  lstm.time = dim(call, X, 1);
  lstm.features = dim(call, X, 2);
  lstm.n_masks = dim(call, KEEP, 1);
  lstm.units = dim(call, KEEP, 3);
  const int64_t gates = 4 * lstm.units;
  require(call, LENGTHS, 1, (int64_t[]){lstm.batch}, "lengths must be [batch]");
  require(call, KEEP, 4, (int64_t[]){2, lstm.n_masks, lstm.batch, lstm.units}, "keep must be [2, n, batch, units]");
  require(call, KERNEL, 2, (int64_t[]){lstm.features, gates}, "kernel must be [features, 4 * units]");
  require(call, RECURRENT, 2, (int64_t[]){lstm.units, gates}, "recurrent must be [units, 4 * units]");
  require(call, BIAS, 1, (int64_t[]){gates}, "bias must be [4 * units]");
  if (lstm.n_masks != 0 && lstm.n_masks != 1 && lstm.n_masks != 4) refuse(call, "keep must have 0, 1 or 4 masks");
  if (!ok(call)) return lstm;
  lstm.x = data(call, X);
  lstm.lengths = data(call, LENGTHS);
  lstm.keep = (const float *)data(call, KEEP) + backward * lstm.n_masks * lstm.batch * lstm.units;
  lstm.kernel = data(call, KERNEL);
  lstm.recurrent = data(call, RECURRENT);
  lstm.bias = data(call, BIAS);
  for (int64_t i = 0; i < lstm.batch; i++) {
    if (lstm.lengths[i] < 0 || lstm.lengths[i] > lstm.time) refuse(call, "lengths must be in [0, time]");
  }
  return lstm;
}

static void compute_forward(void *kernel, TF_OpKernelContext *context) {
  Call call = start(context, N_COMMON);
  Lstm lstm = read_lstm(&call, *(int *)kernel);
  if (ok(&call)) {
    float *output = allocate_output(&call, 0, 0, 3, (int64_t[]){lstm.batch, lstm.time, lstm.units});
    float *saved = allocate_output(&call, 1, 1, 1, (int64_t[]){functions()->lstm->n_saved(&lstm)});
    if (ok(&call) && !functions()->lstm->forward(&lstm, output, saved)) exhausted(&call);
  }
  finish(&call);
}

static void compute_gradient(void *kernel, TF_OpKernelContext *context) {
  Call call = start(context, N_OF_GRADIENT);
  Lstm lstm = read_lstm(&call, *(int *)kernel);
  if (ok(&call)) {
    const int64_t units = lstm.units;
    require(&call, OUTPUT, 3, (int64_t[]){lstm.batch, lstm.time, units}, "output must be [batch, time, units]");
    require(&call, SAVED, 1, (int64_t[]){functions()->lstm->n_saved(&lstm)}, "saved must be of the same batch");
    require(&call, D_OUTPUT, 3, (int64_t[]){lstm.batch, lstm.time, 2 * units},
            "d_output must be [batch, time, 2 * units]");
  }
  if (ok(&call)) {
    const int64_t gates = 4 * lstm.units;
    LstmGradient gradient = {.output = data(&call, OUTPUT), .saved = data(&call, SAVED)};
    gradient.d_output = (const float *)data(&call, D_OUTPUT) + lstm.backward * lstm.units;
    gradient.d_output_stride = 2 * lstm.units;
    gradient.d_x = allocate_output(&call, 0, 0, 3, (int64_t[]){lstm.batch, lstm.time, lstm.features});
    gradient.d_kernel = allocate_output(&call, 1, 1, 2, (int64_t[]){lstm.features, gates});
    gradient.d_recurrent = allocate_output(&call, 2, 2, 2, (int64_t[]){lstm.units, gates});
    gradient.d_bias = allocate_output(&call, 3, 3, 1, (int64_t[]){gates});
    if (ok(&call) && !functions()->lstm->gradient(&lstm, &gradient)) exhausted(&call);
  }
  finish(&call);
}

static void *create(TF_OpKernelConstruction *construction) { return flag(construction, "backward"); }

#define INPUTS "x: float", "lengths: int32", "keep: float", "kernel: float", "recurrent: float", "bias: float"

void register_lstm(void) {
  add_operation(&(Operation){
      .name = "SeqtagLstm",
      .attributes = {"backward: bool"},
      .inputs = {INPUTS},
      .outputs = {"output: float", "saved: float"},
      .create = create,
      .compute = compute_forward,
  });
  add_operation(&(Operation){
      .name = "SeqtagLstmGradient",
      .attributes = {"backward: bool"},
      .inputs = {INPUTS, "output: float", "saved: float", "d_output: float"},
      .outputs = {"d_x: float", "d_kernel: float", "d_recurrent: float", "d_bias: float"},
      .create = create,
      .compute = compute_gradient,
  });
}
