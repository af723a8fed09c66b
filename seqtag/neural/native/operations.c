/* TensorFlow operations SeqtagLstm and SeqtagLstmGradient: one direction of a bidirectional LSTM.

   An operation runs in one thread. The two directions do not depend on each other, so TensorFlow runs them in
   parallel. */
#include <stdlib.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "lstm.h"
#include "tensorflow_c_api.h"

#if defined(__x86_64__)
/* `__builtin_cpu_supports` of Zig 0.17 returns 0 for everything, so the processor is asked directly. */
static int has(unsigned bits, unsigned of) { return (of & bits) == bits; }

/* Return 3 or 4 if processor and operating system support x86-64-v3 or x86-64-v4, else 0. */
static int x86_64_level(void) {
  unsigned a, b, c, d, states, ignored;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  if (!has(bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C, c)) return 0;
  __asm__("xgetbv" : "=a"(states), "=d"(ignored) : "c"(0)); /* registers that the operating system saves */
  if (!has(0x6, states)) return 0;
  if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !has(bit_LZCNT, c)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(bit_AVX2 | bit_BMI | bit_BMI2, b)) return 0;
  const unsigned v4 = bit_AVX512F | bit_AVX512CD | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  return has(v4, b) && has(0xe6, states) ? 4 : 3;
}
#endif

/* Return the functions for this machine. */
static const LstmFunctions *functions(void) {
#if defined(__x86_64__)
  static const LstmFunctions *found; /* threads may set it at the same time, to the same value */
  if (!found) {
    const int level = x86_64_level();
    found = level == 4 ? &lstm_avx512 : level == 3 ? &lstm_avx2 : &lstm_generic;
  }
  return found;
#else
  return &lstm_generic;
#endif
}

const char *seqtag_instruction_set(void) { return functions()->instruction_set; }

enum { MOST_INPUTS = 9, MOST_OUTPUTS = 4 };

/* One call of an operation. */
typedef struct {
  TF_OpKernelContext *context;
  TF_Status *status;
  TF_Tensor *inputs[MOST_INPUTS];
  TF_Tensor *outputs[MOST_OUTPUTS];
} Call;

static int ok(const Call *call) { return TF_GetCode(call->status) == TF_OK; }

static const void *data(const Call *call, int input) { return TF_TensorData(call->inputs[input]); }

static int64_t dim(const Call *call, int input, int dimension) { return TF_Dim(call->inputs[input], dimension); }

/* Set an error unless an input has these dimensions. */
static void require(Call *call, int input, int n_dimensions, const int64_t *dimensions, const char *message) {
  int same = TF_NumDims(call->inputs[input]) == n_dimensions;
  for (int i = 0; same && i < n_dimensions; i++) same = dim(call, input, i) == dimensions[i];
  if (!same && ok(call)) TF_SetStatus(call->status, TF_INVALID_ARGUMENT, message);
}

static float *allocate_output(Call *call, int output, int n_dimensions, const int64_t *dimensions) {
  int64_t n = 1;
  for (int i = 0; i < n_dimensions; i++) n *= dimensions[i];
  call->outputs[output] = TF_AllocateOutput(call->context, output, TF_FLOAT, dimensions, n_dimensions,
                                            (size_t)n * sizeof(float), call->status);
  return ok(call) ? TF_TensorData(call->outputs[output]) : 0;
}

static Call start(TF_OpKernelContext *context, int n_inputs) {
  Call call = {.context = context, .status = TF_NewStatus()};
  for (int i = 0; i < n_inputs && ok(&call); i++) TF_GetInput(context, i, &call.inputs[i], call.status);
  return call;
}

static void finish(Call *call) {
  if (!ok(call)) TF_OpKernelContext_Failure(call->context, call->status);
  for (int i = 0; i < MOST_INPUTS; i++) {
    if (call->inputs[i]) TF_DeleteTensor(call->inputs[i]);
  }
  for (int i = 0; i < MOST_OUTPUTS; i++) {
    if (call->outputs[i]) TF_DeleteTensor(call->outputs[i]);
  }
  TF_DeleteStatus(call->status);
}

static void exhausted(Call *call) { TF_SetStatus(call->status, TF_RESOURCE_EXHAUSTED, "out of memory"); }

/* The inputs that both operations start with. */
enum { X, LENGTHS, KEEP, KERNEL, RECURRENT, BIAS, N_COMMON, OUTPUT = N_COMMON, SAVED, D_OUTPUT, N_OF_GRADIENT };

static Lstm read_lstm(Call *call, int backward) {
  Lstm lstm = {.backward = backward};
  if (ok(call) && (TF_NumDims(call->inputs[X]) != 3 || TF_NumDims(call->inputs[KEEP]) != 4)) {
    TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "x must have 3 dimensions, and keep 4");
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
  if (ok(call) && lstm.n_masks != 0 && lstm.n_masks != 1 && lstm.n_masks != 4) {
    TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "keep must have 0, 1 or 4 masks");
  }
  if (!ok(call)) return lstm;
  lstm.x = data(call, X);
  lstm.lengths = data(call, LENGTHS);
  lstm.keep = (const float *)data(call, KEEP) + backward * lstm.n_masks * lstm.batch * lstm.units;
  lstm.kernel = data(call, KERNEL);
  lstm.recurrent = data(call, RECURRENT);
  lstm.bias = data(call, BIAS);
  for (int64_t i = 0; i < lstm.batch; i++) {
    if (lstm.lengths[i] < 0 || lstm.lengths[i] > lstm.time) {
      TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "lengths must be in [0, time]");
    }
  }
  return lstm;
}

static void compute_forward(void *kernel, TF_OpKernelContext *context) {
  Call call = start(context, N_COMMON);
  Lstm lstm = read_lstm(&call, *(int *)kernel);
  if (ok(&call)) {
    float *output = allocate_output(&call, 0, 3, (int64_t[]){lstm.batch, lstm.time, lstm.units});
    float *saved = allocate_output(&call, 1, 1, (int64_t[]){functions()->n_saved(&lstm)});
    if (ok(&call) && !functions()->forward(&lstm, output, saved)) exhausted(&call);
  }
  finish(&call);
}

static void compute_gradient(void *kernel, TF_OpKernelContext *context) {
  Call call = start(context, N_OF_GRADIENT);
  Lstm lstm = read_lstm(&call, *(int *)kernel);
  if (ok(&call)) {
    const int64_t units = lstm.units;
    require(&call, OUTPUT, 3, (int64_t[]){lstm.batch, lstm.time, units}, "output must be [batch, time, units]");
    require(&call, SAVED, 1, (int64_t[]){functions()->n_saved(&lstm)}, "saved must be of the same batch");
    require(&call, D_OUTPUT, 3, (int64_t[]){lstm.batch, lstm.time, 2 * units},
            "d_output must be [batch, time, 2 * units]");
  }
  if (ok(&call)) {
    const int64_t gates = 4 * lstm.units;
    LstmGradient gradient = {.output = data(&call, OUTPUT), .saved = data(&call, SAVED)};
    gradient.d_output = (const float *)data(&call, D_OUTPUT) + lstm.backward * lstm.units;
    gradient.d_output_stride = 2 * lstm.units;
    gradient.d_x = allocate_output(&call, 0, 3, (int64_t[]){lstm.batch, lstm.time, lstm.features});
    gradient.d_kernel = allocate_output(&call, 1, 2, (int64_t[]){lstm.features, gates});
    gradient.d_recurrent = allocate_output(&call, 2, 2, (int64_t[]){lstm.units, gates});
    gradient.d_bias = allocate_output(&call, 3, 1, (int64_t[]){gates});
    if (ok(&call) && !functions()->gradient(&lstm, &gradient)) exhausted(&call);
  }
  finish(&call);
}

static void *create(TF_OpKernelConstruction *construction) {
  TF_Status *status = TF_NewStatus();
  unsigned char backward = 0;
  int *kernel = malloc(sizeof *kernel);
  TF_OpKernelConstruction_GetAttrBool(construction, "backward", &backward, status);
  *kernel = backward;
  TF_DeleteStatus(status);
  return kernel;
}

static void unknown_shape(TF_ShapeInferenceContext *context, TF_Status *status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status); /* the caller sets the shapes */
}

static void add_operation(const char *name, const char *const *inputs, const char *const *outputs,
                          void (*compute)(void *, TF_OpKernelContext *)) {
  TF_Status *status = TF_NewStatus();
  TF_OpDefinitionBuilder *operation = TF_NewOpDefinitionBuilder(name);
  TF_OpDefinitionBuilderAddAttr(operation, "backward: bool");
  for (; *inputs; inputs++) TF_OpDefinitionBuilderAddInput(operation, *inputs);
  for (; *outputs; outputs++) TF_OpDefinitionBuilderAddOutput(operation, *outputs);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(operation, unknown_shape);
  TF_RegisterOpDefinition(operation, status);
  TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create, compute, free), status);
  TF_DeleteStatus(status);
}

#define COMMON                                                                                              \
  "x: float", "lengths: int32", "keep: float", "kernel: float", "recurrent: float", "bias: float"

/* Runs when TensorFlow loads the library. */
__attribute__((constructor)) static void register_operations(void) {
  add_operation("SeqtagLstm", (const char *[]){COMMON, 0}, (const char *[]){"output: float", "saved: float", 0},
                compute_forward);
  add_operation("SeqtagLstmGradient",
                (const char *[]){COMMON, "output: float", "saved: float", "d_output: float", 0},
                (const char *[]){"d_x: float", "d_kernel: float", "d_recurrent: float", "d_bias: float", 0},
                compute_gradient);
}
