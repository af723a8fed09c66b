/* The part of TensorFlow's C API that the operations use (tensorflow/c/ops.h, kernels.h, tf_tensor.h, tf_status.h).

   Declared here so that building needs no TensorFlow; libtensorflow_framework exports the functions, in C's ABI.
   ops.h calls the API alpha and subject to change. Nothing compares these declarations with TensorFlow's, so
   pyproject.toml pins TensorFlow to a minor version, for which the operations are tested: compare them before another
   version is allowed. If a function is missing, the library is not loaded, and training uses XLA. */
#ifndef SEQTAG_TENSORFLOW_C_API_H
#define SEQTAG_TENSORFLOW_C_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TSL_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;
typedef struct TF_OpDefinitionBuilder TF_OpDefinitionBuilder;
typedef struct TF_ShapeInferenceContext TF_ShapeInferenceContext;

enum { TF_OK = 0, TF_INVALID_ARGUMENT = 3, TF_RESOURCE_EXHAUSTED = 8 }; /* TF_Code */
enum { TF_FLOAT = 1 };                                                  /* TF_DataType */

TF_Status *TF_NewStatus(void);
void TF_DeleteStatus(TF_Status *);
int TF_GetCode(const TF_Status *);
const char *TF_Message(const TF_Status *);
void TF_SetStatus(TF_Status *, int code, const char *message);

int TF_NumDims(const TF_Tensor *);
int64_t TF_TensorElementCount(const TF_Tensor *);
int64_t TF_Dim(const TF_Tensor *, int dimension);
void *TF_TensorData(const TF_Tensor *);
void TF_DeleteTensor(TF_Tensor *);

TF_OpDefinitionBuilder *TF_NewOpDefinitionBuilder(const char *name);
void TF_OpDefinitionBuilderAddAttr(TF_OpDefinitionBuilder *, const char *);
void TF_OpDefinitionBuilderAddInput(TF_OpDefinitionBuilder *, const char *);
void TF_OpDefinitionBuilderAddOutput(TF_OpDefinitionBuilder *, const char *);
void TF_OpDefinitionBuilderSetShapeInferenceFunction(TF_OpDefinitionBuilder *,
                                                     void (*)(TF_ShapeInferenceContext *, TF_Status *));
void TF_ShapeInferenceContextSetUnknownShape(TF_ShapeInferenceContext *, TF_Status *);
void TF_OpDefinitionBuilderSetIsStateful(TF_OpDefinitionBuilder *, bool);
void TF_RegisterOpDefinition(TF_OpDefinitionBuilder *, TF_Status *);

TF_KernelBuilder *TF_NewKernelBuilder(const char *operation, const char *device,
                                      void *(*create)(TF_OpKernelConstruction *),
                                      void (*compute)(void *, TF_OpKernelContext *), void (*delete)(void *));
void TF_RegisterKernelBuilder(const char *name, TF_KernelBuilder *, TF_Status *);
void TF_OpKernelConstruction_GetAttrInt32(TF_OpKernelConstruction *, const char *name, int32_t *value, TF_Status *);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction *, TF_Status *);
int TF_NumInputs(TF_OpKernelContext *);
int TF_NumOutputs(TF_OpKernelContext *);
void TF_GetInput(TF_OpKernelContext *, int input, TF_Tensor **, TF_Status *);
TF_Tensor *TF_AllocateOutput(TF_OpKernelContext *, int output, int type, const int64_t *dimensions, int n_dimensions,
                             size_t n_bytes, TF_Status *);
void TF_SetOutput(TF_OpKernelContext *, int output, const TF_Tensor *, TF_Status *);
void TF_OpKernelContext_Failure(TF_OpKernelContext *, TF_Status *);

#endif
