/* What operations.h declares, and the choice of the instruction set. */
#include <stdlib.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "operations.h"

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

const Functions *functions(void) {
  static const Functions generic = {&lstm_generic, &updates_generic, &character_cnn_generic, &cross_entropy_generic};
#if defined(__x86_64__)
  static const Functions avx512 = {&lstm_avx512, &updates_avx512, &character_cnn_avx512, &cross_entropy_avx512};
  static const Functions avx2 = {&lstm_avx2, &updates_avx2, &character_cnn_avx2, &cross_entropy_avx2};
  static const Functions *found; /* threads may set it at the same time, to the same value */
  if (!found) {
    const int level = x86_64_level();
    found = level == 4 ? &avx512 : level == 3 ? &avx2 : &generic;
  }
  return found;
#else
  return &generic;
#endif
}

__attribute__((visibility("default"))) const char *seqtag_instruction_set(void) { return functions()->lstm->instruction_set; }

int ok(const Call *call) { return TF_GetCode(call->status) == TF_OK; }

const void *data(const Call *call, int slot) { return TF_TensorData(call->inputs[slot]); }

int64_t dim(const Call *call, int slot, int dimension) { return TF_Dim(call->inputs[slot], dimension); }

int64_t n_elements(const Call *call, int slot) { return TF_TensorElementCount(call->inputs[slot]); }

void read_input(Call *call, int slot, int input) {
  if (ok(call)) TF_GetInput(call->context, input, &call->inputs[slot], call->status);
}

void refuse(Call *call, const char *message) {
  if (ok(call)) TF_SetStatus(call->status, TF_INVALID_ARGUMENT, message);
}

void exhausted(Call *call) { TF_SetStatus(call->status, TF_RESOURCE_EXHAUSTED, "out of memory"); }

void require(Call *call, int slot, int n_dimensions, const int64_t *dimensions, const char *message) {
  if (!ok(call)) return;
  int same = TF_NumDims(call->inputs[slot]) == n_dimensions;
  for (int i = 0; same && i < n_dimensions; i++) same = dim(call, slot, i) == dimensions[i];
  if (!same) refuse(call, message);
}

void require_part(Call *call, Part part) {
  if (part.number >= part.of) refuse(call, "part must be in [0, parts)");
}

float *allocate_output(Call *call, int slot, int output, int n_dimensions, const int64_t *dimensions) {
  if (!ok(call)) return 0;
  int64_t n = 1;
  for (int i = 0; i < n_dimensions; i++) n *= dimensions[i];
  call->outputs[slot] = TF_AllocateOutput(call->context, output, TF_FLOAT, dimensions, n_dimensions,
                                          (size_t)n * sizeof(float), call->status);
  return ok(call) ? TF_TensorData(call->outputs[slot]) : 0;
}

float *array_to_fill(const Call *call, int slot) { return TF_TensorData(call->inputs[slot]); }

Call start(TF_OpKernelContext *context, int n_inputs) {
  Call call = {.context = context, .status = TF_NewStatus()};
  for (int i = 0; i < n_inputs; i++) read_input(&call, i, i);
  return call;
}

void release(Call *call) {
  for (int i = 0; i < MOST_INPUTS; i++) {
    if (call->inputs[i]) TF_DeleteTensor(call->inputs[i]);
  }
  for (int i = 0; i < MOST_OUTPUTS; i++) {
    if (call->outputs[i]) TF_DeleteTensor(call->outputs[i]);
  }
}

void finish(Call *call) {
  if (!ok(call)) TF_OpKernelContext_Failure(call->context, call->status);
  release(call);
  TF_DeleteStatus(call->status);
}

int attribute(TF_OpKernelConstruction *construction, const char *name) {
  TF_Status *status = TF_NewStatus();
  int64_t value = 0;
  TF_OpKernelConstruction_GetAttrInt64(construction, name, &value, status);
  TF_DeleteStatus(status);
  return (int)value;
}

void *attribute_kernel(TF_OpKernelConstruction *construction, const char *name) {
  int *kernel = malloc(sizeof *kernel);
  *kernel = attribute(construction, name);
  return kernel;
}

static void unknown_shape(TF_ShapeInferenceContext *context, TF_Status *status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status); /* the caller sets the shapes */
}

void add_operation(const Operation *of) {
  TF_Status *status = TF_NewStatus();
  TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(of->name);
  for (int i = 0; of->attributes[i]; i++) TF_OpDefinitionBuilderAddAttr(definition, of->attributes[i]);
  for (int i = 0; of->inputs[i]; i++) TF_OpDefinitionBuilderAddInput(definition, of->inputs[i]);
  for (int i = 0; of->outputs[i]; i++) TF_OpDefinitionBuilderAddOutput(definition, of->outputs[i]);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, unknown_shape);
  if (of->is_stateful) TF_OpDefinitionBuilderSetIsStateful(definition, true); /* TensorFlow 2.21 ignores the value */
  TF_RegisterOpDefinition(definition, status);
  TF_RegisterKernelBuilder(of->name, TF_NewKernelBuilder(of->name, "CPU", of->create, of->compute, free), status);
  TF_DeleteStatus(status);
}

__attribute__((constructor)) static void register_operations(void) {
  register_arrays();
  register_lstm();
  register_updates();
  register_character_cnn();
  register_cross_entropy();
}
