/* The operations SeqtagArray and SeqtagFilled: an array that several operations fill in parallel.

   SeqtagArray allocates it, the operations write to parts of it, and SeqtagFilled returns it when they are done. So
   the parts need not be concatenated. Between the two, nothing else may read the array.
   tf.debugging.enable_check_numerics() does, and may report the undefined content as not finite. */
#include "operations.h"

static void compute_array(void *kernel, TF_OpKernelContext *context) {
  Call call = start(context, 1);
  if (ok(&call) && TF_NumDims(call.inputs[0]) != 3) refuse(&call, "x must have 3 dimensions");
  if (ok(&call)) allocate_output(&call, 0, 0, 3, (int64_t[]){dim(&call, 0, 0), dim(&call, 0, 1), *(int *)kernel});
  finish(&call);
}

static void compute_filled(void *kernel, TF_OpKernelContext *context) {
  (void)kernel;
  Call call = start(context, 1);
  if (ok(&call)) TF_SetOutput(context, 0, call.inputs[0], call.status);
  finish(&call);
}

static void *create_array(TF_OpKernelConstruction *construction) { return attribute_kernel(construction, "size"); }

void register_arrays(void) {
  add_operation(&(Operation){
      .name = "SeqtagArray", /* [batch, time, size], with undefined content */
      .attributes = {"size: int >= 0"},
      .inputs = {"x: float"}, /* [batch, time, ...] */
      .outputs = {"array: float"},
      .is_stateful = 1,
      .create = create_array,
      .compute = compute_array,
  });
  add_operation(&(Operation){
      .name = "SeqtagFilled",
      .attributes = {"n: int >= 1"},
      .inputs = {"array: float", "by: n * float"}, /* outputs of the operations that fill it */
      .outputs = {"filled: float"},
      .compute = compute_filled,
  });
}
