/* What operations.h declares, and the registration of the operations. */
#include <stdio.h>
#include <stdlib.h>

#include "operations.h"

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
  int64_t n_bytes = sizeof(float);
  for (int i = 0; i < n_dimensions; i++) {
    if (__builtin_mul_overflow(n_bytes, dimensions[i], &n_bytes)) refuse(call, "an output must be below 2^63 bytes");
  }
  if (!ok(call)) return 0;
  call->outputs[slot] = TF_AllocateOutput(call->context, output, TF_FLOAT, dimensions, n_dimensions,
                                          (size_t)n_bytes, call->status);
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
  int32_t value = 0;
  TF_OpKernelConstruction_GetAttrInt32(construction, name, &value, status); /* fails if it needs more than 32 bits */
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return value;
}

void *new_kernel(TF_OpKernelConstruction *construction, size_t size) {
  void *kernel = malloc(size);
  if (kernel) return kernel;
  TF_Status *status = TF_NewStatus();
  TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "out of memory");
  TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return 0;
}

void *attribute_kernel(TF_OpKernelConstruction *construction, const char *name) {
  int *kernel = new_kernel(construction, sizeof *kernel);
  if (kernel) *kernel = attribute(construction, name);
  return kernel;
}

static void unknown_shape(TF_ShapeInferenceContext *context, TF_Status *status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status); /* the caller sets the shapes */
}

static char registration_error[200]; /* the first one; empty if there is none */

/* Called by Python. */
__attribute__((visibility("default"))) const char *seqtag_registration_error(void) { return registration_error; }

static void keep_error(const Operation *of, const TF_Status *status) {
  if (TF_GetCode(status) == TF_OK || *registration_error) return;
  snprintf(registration_error, sizeof registration_error, "%s: %s", of->name, TF_Message(status));
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
  keep_error(of, status);
  TF_RegisterKernelBuilder(of->name, TF_NewKernelBuilder(of->name, "CPU", of->create, of->compute, free), status);
  keep_error(of, status);
  TF_DeleteStatus(status);
}

__attribute__((constructor)) static void register_operations(void) {
  register_arrays();
  register_lstm();
  register_updates();
  register_character_cnn();
  register_cross_entropy();
}
