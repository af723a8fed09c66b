/* The operations SeqtagSumRows and SeqtagAdam; see updates.h. */
#include "operations.h"

static void compute_row_sums(void *kernel, TF_OpKernelContext *context) {
  enum { VALUES, IDS, N_SUMS, N_INPUTS };
  Call call = start(context, N_INPUTS);
  require(&call, N_SUMS, 0, 0, "n_sums must be a number");
  if (ok(&call) && TF_NumDims(call.inputs[VALUES]) < 1) refuse(&call, "values must have at least 1 dimension");
  if (ok(&call)) {
    RowSums sums = {.squared = *(int *)kernel, .size = dim(&call, VALUES, TF_NumDims(call.inputs[VALUES]) - 1)};
    sums.values = data(&call, VALUES);
    sums.ids = data(&call, IDS);
    sums.n_sums = *(const int32_t *)data(&call, N_SUMS);
    const int64_t n_ids = n_elements(&call, IDS);
    sums.n_values = sums.size ? n_elements(&call, VALUES) / sums.size : 0;
    sums.ids_per_value = sums.n_values ? n_ids / sums.n_values : 0;
    if (sums.n_values * sums.ids_per_value != n_ids) refuse(&call, "ids must have the same number for each value");
    if (sums.n_sums < 0) refuse(&call, "n_sums must be at least 0");
    for (int64_t i = 0; i < n_ids; i++) {
      if (sums.ids[i] < 0 || sums.ids[i] >= sums.n_sums) refuse(&call, "ids must be in [0, n_sums)");
    }
    if (ok(&call)) sums.sums = allocate_output(&call, 0, 0, 2, (int64_t[]){sums.n_sums, sums.size});
    if (ok(&call)) functions()->updates->sum_rows(&sums);
  }
  finish(&call);
}

enum { RATE, SCALE, N_SCALARS }; /* the inputs of SeqtagAdam before its arrays */

/* Update the array with this number of n arrays. */
static void update(TF_OpKernelContext *context, TF_Status *status, int number, int n, Adam adam) {
  enum { VALUES, FIRST, SECOND, GRADIENTS, SQUARES, MOST_DIMENSIONS = 4 };
  const int n_inputs = TF_NumInputs(context) > N_SCALARS + SQUARES * n ? SQUARES + 1 : SQUARES;
  Call call = {.context = context, .status = status};
  for (int i = 0; i < n_inputs; i++) read_input(&call, i, N_SCALARS + i * n + number);
  if (!ok(&call)) {
    release(&call);
    return;
  }
  const int n_dimensions = TF_NumDims(call.inputs[VALUES]);
  int64_t dimensions[MOST_DIMENSIONS];
  for (int i = 0; i < n_dimensions && i < MOST_DIMENSIONS; i++) dimensions[i] = dim(&call, VALUES, i);
  if (n_dimensions > MOST_DIMENSIONS) refuse(&call, "values must have at most 4 dimensions");
  for (int i = FIRST; i < n_inputs; i++) {
    require(&call, i, n_dimensions, dimensions, "moments and gradients must have the shape of the values");
  }
  adam.n = n_elements(&call, VALUES);
  adam.values = data(&call, VALUES);
  adam.first = data(&call, FIRST);
  adam.second = data(&call, SECOND);
  adam.gradients = data(&call, GRADIENTS);
  adam.squares = n_inputs > SQUARES ? data(&call, SQUARES) : 0;
  adam.new_values = allocate_output(&call, 0, number, n_dimensions, dimensions);
  adam.new_first = allocate_output(&call, 1, n + number, n_dimensions, dimensions);
  adam.new_second = allocate_output(&call, 2, 2 * n + number, n_dimensions, dimensions);
  if (ok(&call)) functions()->updates->adam(&adam);
  release(&call);
}

static void compute_adam(void *kernel, TF_OpKernelContext *context) {
  (void)kernel;
  Call call = start(context, N_SCALARS);
  require(&call, RATE, 0, 0, "rate must be a number");
  require(&call, SCALE, 0, 0, "scale must be a number");
  if (ok(&call)) {
    const Adam adam = {.rate = *(const float *)data(&call, RATE), .scale = *(const float *)data(&call, SCALE)};
    const int n = TF_NumOutputs(context) / 3;
    for (int i = 0; i < n && ok(&call); i++) update(context, call.status, i, n, adam);
  }
  finish(&call);
}

static void *create_sums(TF_OpKernelConstruction *construction) { return attribute_kernel(construction, "squared"); }

void register_updates(void) {
  add_operation(&(Operation){
      .name = "SeqtagSumRows",
      .attributes = {"squared: int = 0"},
      .inputs = {"values: float", "ids: int32", "n_sums: int32"},
      .outputs = {"sums: float"},
      .create = create_sums,
      .compute = compute_row_sums,
  });
  add_operation(&(Operation){
      .name = "SeqtagAdam",
      .attributes = {"n: int >= 1", "n_squares: int >= 0"},
      .inputs = {"rate: float", "scale: float", "values: n * float", "first: n * float", "second: n * float",
                 "gradients: n * float", "squares: n_squares * float"},
      .outputs = {"new_values: n * float", "new_first: n * float", "new_second: n * float"},
      .compute = compute_adam,
  });
}
