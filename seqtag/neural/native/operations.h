/* What the TensorFlow operations of this folder share: definition, inputs, outputs and errors of a call. */
#ifndef SEQTAG_OPERATIONS_H
#define SEQTAG_OPERATIONS_H

#include "instruction_sets.h"
#include "tensorflow_c_api.h"

enum { MOST_ATTRIBUTES = 3, MOST_INPUTS = 10, MOST_OUTPUTS = 4 };

/* The definition of an operation. Lists end with null. */
typedef struct {
  const char *name;
  const char *attributes[MOST_ATTRIBUTES + 1], *inputs[MOST_INPUTS + 1], *outputs[MOST_OUTPUTS + 1];
  int is_stateful; /* 1: TensorFlow must not take two calls with the same inputs for one */
  void *(*create)(TF_OpKernelConstruction *); /* returns the kernel, which `free` deletes; null: no kernel */
  void (*compute)(void *kernel, TF_OpKernelContext *);
} Operation;

void add_operation(const Operation *);

/* The functions that take a construction report their errors to TensorFlow, which then drops the kernel. */

/* Return the value of an attribute; it is an error if it is no int. */
int attribute(TF_OpKernelConstruction *, const char *name);

/* Return memory for a kernel; null if memory is exhausted. */
void *new_kernel(TF_OpKernelConstruction *, size_t size);

/* Return a new kernel: an int with the value of an attribute; null if memory is exhausted. */
void *attribute_kernel(TF_OpKernelConstruction *, const char *name);

/* A part of a batch: an operation computes one of them, so that TensorFlow runs several in parallel. */
typedef struct {
  int number, of;
} Part;

/* One call of an operation. After an error, the functions below do nothing. */
typedef struct {
  TF_OpKernelContext *context;
  TF_Status *status;
  TF_Tensor *inputs[MOST_INPUTS];
  TF_Tensor *outputs[MOST_OUTPUTS];
} Call;

/* Return a call with its first inputs read. */
Call start(TF_OpKernelContext *, int n_inputs);

/* Read the input with this number to `inputs[slot]`. */
void read_input(Call *, int slot, int input);

int ok(const Call *);
const void *data(const Call *, int slot);
int64_t dim(const Call *, int slot, int dimension);
int64_t n_elements(const Call *, int slot);

/* Set an error. */
void refuse(Call *, const char *message);

/* Set the error that memory is exhausted. */
void exhausted(Call *);

/* Set an error unless an input has these dimensions. */
void require(Call *, int slot, int n_dimensions, const int64_t *dimensions, const char *message);

/* Set an error unless there is such a part. */
void require_part(Call *, Part);

/* Return the data of a new output; null after an error. */
float *allocate_output(Call *, int slot, int output, int n_dimensions, const int64_t *dimensions);

/* Return the data of an input that operations fill, an output of SeqtagArray. */
float *array_to_fill(const Call *, int slot);

/* Release the tensors of a call. */
void release(Call *);

/* Report the error, if any, and release everything. */
void finish(Call *);

/* Called when TensorFlow loads the library. */
void register_arrays(void);
void register_lstm(void);
void register_updates(void);
void register_character_cnn(void);
void register_cross_entropy(void);

#endif
