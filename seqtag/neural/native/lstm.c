/* The functions of lstm.h for one instruction set.

   The build compiles this file once for each instruction set, with
     INSTRUCTION_SET  its name
     FUNCTIONS        the name of the table of functions
     LANES            floats in a vector register: 4, 8 or 16
     ROWS             rows of a tile, at most 6: 4 * ROWS sums have to fit the registers

   Sequences are computed in order of length, longest first. At each step, the sequences that have a token are
   then the first ones, and padding costs nothing. A *row* is a token; rows are counted step by step. Features and
   units are cut into blocks of LANES; the last block is filled up with zeros.

   All products have one form,

     sums[row][gate] += a[row][gate][k] * b[k][gate]        (sums and b: vectors over the units of a block)

   with the sums of a tile of rows in registers. Results do not depend on the other sequences of the batch or on
   threads, except the gradients at weights, which are sums over the rows in their order. */
#include <stdlib.h>
#include <string.h>

#include "lstm.h"
#include "vectors.h"
#include "working_memory.h"

#define GATES 4
#define KEPT 5 /* vectors that are saved for a block: four gates and the cell */

/* ---- the order of computation ---- */

typedef struct {
  int64_t n_steps, n_rows;
  int64_t *sequence; /* [batch], longest first */
  int64_t *first;    /* [n_steps + 1], first row of each step */
  int64_t *token;    /* [n_rows], position of the token in an array [batch, time] */
} Order;

static int64_t blocks_of(int64_t n) { return (n + LANES - 1) / LANES; }

static int64_t sum_of_lengths(const Lstm *lstm) {
  int64_t sum = 0;
  for (int64_t i = 0; i < lstm->batch; i++) sum += lstm->lengths[i];
  return sum;
}

static int64_t n_saved(const Lstm *lstm) {
  return sum_of_lengths(lstm) * blocks_of(lstm->units) * KEPT * LANES;
}

static int make_order(const Lstm *lstm, Order *order) {
  order->n_steps = 0;
  order->n_rows = sum_of_lengths(lstm);
  for (int64_t i = 0; i < lstm->batch; i++) {
    if (lstm->lengths[i] > order->n_steps) order->n_steps = lstm->lengths[i];
  }
  size_t n = (size_t)(2 * lstm->batch + 2 * order->n_steps + order->n_rows + 2);
  order->sequence = calloc(n, sizeof *order->sequence);
  if (!order->sequence) return 0;
  order->first = order->sequence + lstm->batch;
  order->token = order->first + order->n_steps + 1;
  int64_t *place = order->token + order->n_rows; /* [n_steps + 1], the next place of a sequence by its length */

  for (int64_t i = 0; i < lstm->batch; i++) {
    for (int64_t length = 0; length < lstm->lengths[i]; length++) place[length]++; /* longer ones go first */
  }
  for (int64_t step = 0; step < order->n_steps; step++) order->first[step + 1] = order->first[step] + place[step];
  for (int64_t i = 0; i < lstm->batch; i++) order->sequence[place[lstm->lengths[i]]++] = i;
  int64_t row = 0;
  for (int64_t step = 0; step < order->n_steps; step++) {
    for (int64_t place_in_order = 0; row < order->first[step + 1]; row++, place_in_order++) {
      int64_t sequence = order->sequence[place_in_order];
      int64_t position = lstm->backward ? lstm->lengths[sequence] - 1 - step : step;
      order->token[row] = sequence * lstm->time + position;
    }
  }
  return 1;
}

static void zero(float *array, int64_t n) { memset(array, 0, (size_t)n * sizeof *array); }

/* Zero an array [batch, time, size] at padding; there are `stride` floats from one token to the next. */
static void zero_padding(const Lstm *lstm, float *array, int64_t size, int64_t stride) {
  for (int64_t i = 0; i < lstm->batch; i++) {
    for (int64_t t = lstm->lengths[i]; t < lstm->time; t++) zero(array + (i * lstm->time + t) * stride, size);
  }
}

/* ---- operands of the products ---- */

static int64_t masks_of(const Lstm *lstm) { return lstm->n_masks == GATES ? GATES : 1; }

/* Copy the masks to [batch, mask, padded unit]; 1 without dropout. */
static void pad_keep(const Lstm *lstm, float *keep) {
  const int64_t units = lstm->units, padded = blocks_of(units) * LANES, masks = masks_of(lstm);
  zero(keep, lstm->batch * masks * padded);
  for (int64_t i = 0; i < lstm->batch; i++) {
    for (int64_t mask = 0; mask < masks; mask++, keep += padded) {
      for (int64_t unit = 0; unit < units; unit++) {
        keep[unit] = lstm->n_masks ? lstm->keep[mask * lstm->keep_stride + i * units + unit] : 1;
      }
    }
  }
}

/* Copy n weights [n, gate, unit] to [block of units, first + k of `total`, gate, lane]. */
static void pack(const float *from, int64_t units, int64_t n, int64_t first, int64_t total, float *to) {
  for (int64_t block = 0; block < blocks_of(units); block++) {
    const int64_t left = units - block * LANES;
    for (int64_t k = 0; k < n; k++) {
      for (int64_t gate = 0; gate < GATES; gate++) {
        store(to + ((block * total + first + k) * GATES + gate) * LANES,
              load_first(from + (k * GATES + gate) * units + block * LANES, left));
      }
    }
  }
}

/* Copy weights [n, gate, unit] to [block of n, unit, gate, lane]. */
static void pack_transposed(const float *from, int64_t units, int64_t n, float *to) {
  zero(to, blocks_of(n) * units * GATES * LANES);
  for (int64_t k = 0; k < n; k++) {
    float *lane = to + k / LANES * units * GATES * LANES + k % LANES;
    for (int64_t gate = 0; gate < GATES; gate++) {
      for (int64_t unit = 0; unit < units; unit++) lane[(unit * GATES + gate) * LANES] = *from++;
    }
  }
}

/* Copy weights [n, gate, padded unit] to [n, gate, unit]. */
static void unpad(const float *from, int64_t units, int64_t n, float *to) {
  for (int64_t i = 0; i < n * GATES; i++, from += blocks_of(units) * LANES, to += units) {
    memcpy(to, from, (size_t)units * sizeof *to);
  }
}

/* Copy the features of n rows to [n, features + 1], followed by 1, whose weight is the bias. */
static void gather_inputs(const Lstm *lstm, const int64_t *token, int64_t n, float *inputs) {
  const int64_t features = lstm->features;
  for (int64_t row = 0; row < n; row++, inputs += features + 1) {
    memcpy(inputs, lstm->x + token[row] * features, (size_t)features * sizeof *inputs);
    inputs[features] = 1;
  }
}

/* Write the states that enter n rows, after dropout, to [n, mask, padded unit]. */
static void gather_states(const Lstm *lstm, const int64_t *token, int64_t n, const float *output,
                          const float *keep, float *states) {
  const int64_t units = lstm->units, padded = blocks_of(units) * LANES, masks = masks_of(lstm);
  for (int64_t row = 0; row < n; row++) {
    const float *before = output + (token[row] + (lstm->backward ? 1 : -1)) * lstm->output_stride;
    const float *kept = keep + token[row] / lstm->time * masks * padded;
    for (int64_t mask = 0; mask < masks; mask++, states += padded, kept += padded) {
      for (int64_t unit = 0; unit < padded; unit += LANES) {
        store(states + unit, load_first(before + unit, units - unit) * load(kept + unit));
      }
    }
  }
}

/* ---- products ---- */

/* Add products to the sums of a tile. Where this is inlined, `rows` is a constant. */
INLINE void add_products(Vector sums[ROWS][GATES], int rows, const float *a, int64_t a_row, int64_t a_gate,
                         int64_t a_k, const float *b, int64_t b_gate, int64_t b_k, int64_t n) {
  for (int64_t k = 0; k < n; k++, a += a_k, b += b_k) {
#pragma GCC unroll 4
    for (int gate = 0; gate < GATES; gate++) {
      Vector factor = load(b + gate * b_gate);
#pragma GCC unroll 6
      for (int row = 0; row < rows; row++) sums[row][gate] += all(a[row * a_row + gate * a_gate]) * factor;
    }
  }
}

/* Call tile(rows of the tile, its first row, arguments) for n rows. The compiler makes one version of the tile for
   each number of rows; numbers above ROWS do not occur. */
#define TILE(rows, tile, arguments) \
  case rows:                        \
    tile(rows <= ROWS ? rows : 1, first_row, arguments)
#define FOR_TILES(n, tile, arguments)                                                               \
  for (int64_t first_row = 0; first_row < (n); first_row += ROWS) switch (smaller((n)-first_row, ROWS)) { \
      TILE(1, tile, arguments); break;                                                              \
      TILE(2, tile, arguments); break;                                                              \
      TILE(3, tile, arguments); break;                                                              \
      TILE(4, tile, arguments); break;                                                              \
      TILE(5, tile, arguments); break;                                                              \
      TILE(6, tile, arguments); break;                                                              \
    }

/* ---- forward ---- */

typedef struct {
  const Lstm *lstm;
  int64_t block;
  const int64_t *token;  /* [row] */
  const float *weights;  /* [block, feature, then bias, then unit, gate, lane] */
  const float *keep;     /* [batch, mask, padded unit] */
  const float *inputs;   /* [row, features + 1] */
  const float *states;   /* [row, mask, padded unit], from the step before, after dropout */
  float *next_states;    /* the same for the next step */
  const float *before;   /* `saved` of the step before; null at the first step */
  float *saved;          /* [row, block, KEPT, lane] */
  float *output;
} Step;

INLINE void step_tile(const int rows, int64_t first, const Step *of) {
  const Lstm *lstm = of->lstm;
  const int64_t units = lstm->units, blocks = blocks_of(units), padded = blocks * LANES;
  const int64_t masks = masks_of(lstm), n_inputs = lstm->features + 1, unit = of->block * LANES;
  const float *weights = of->weights + of->block * (n_inputs + units) * GATES * LANES;
  Vector sums[ROWS][GATES];
  for (int row = 0; row < rows; row++) {
    for (int gate = 0; gate < GATES; gate++) sums[row][gate] = all(0);
  }
  add_products(sums, rows, of->inputs + first * n_inputs, n_inputs, 0, 1, weights, LANES, GATES * LANES, n_inputs);
  weights += n_inputs * GATES * LANES;
  const float *states = of->states + first * masks * padded;
  if (of->before && masks > 1) {
    add_products(sums, rows, states, masks * padded, padded, 1, weights, LANES, GATES * LANES, units);
  } else if (of->before) {
    add_products(sums, rows, states, padded, 0, 1, weights, LANES, GATES * LANES, units);
  }
  for (int row = 0; row < rows; row++) {
    const int64_t saved_at = ((first + row) * blocks + of->block) * KEPT * LANES;
    const int64_t token = of->token[first + row];
    Vector input = sigmoid(sums[row][0]), forget = sigmoid(sums[row][1]);
    Vector candidate = hyperbolic_tangent(sums[row][2]), output = sigmoid(sums[row][3]);
    Vector cell = input * candidate;
    if (of->before) cell += forget * load(of->before + saved_at + GATES * LANES);
    Vector state = output * hyperbolic_tangent(cell);
    float *saved = of->saved + saved_at;
    store(saved, input);
    store(saved + LANES, forget);
    store(saved + 2 * LANES, candidate);
    store(saved + 3 * LANES, output);
    store(saved + 4 * LANES, cell);
    store_first(of->output + token * lstm->output_stride + unit, state, units - unit);
    const float *keep = of->keep + token / lstm->time * masks * padded + unit;
    float *next = of->next_states + (first + row) * masks * padded + unit;
    for (int64_t mask = 0; mask < masks; mask++) store(next + mask * padded, state * load(keep + mask * padded));
  }
}

static int forward(const Lstm *lstm, float *output, float *saved) {
  const int64_t units = lstm->units, blocks = blocks_of(units), n_inputs = lstm->features + 1;
  const int64_t n_states = lstm->batch * masks_of(lstm) * blocks * LANES, row_size = blocks * KEPT * LANES;
  Order order;
  if (!make_order(lstm, &order)) return 0;
  Memory memory = {.n = 0};
  float *keep = allocate(&memory, n_states), *states = allocate(&memory, 2 * n_states);
  float *inputs = allocate(&memory, lstm->batch * n_inputs);
  float *weights = allocate(&memory, blocks * (n_inputs + units) * GATES * LANES);
  if (!memory.exhausted) {
    pad_keep(lstm, keep);
    pack(lstm->kernel, units, lstm->features, 0, n_inputs + units, weights);
    pack(lstm->bias, units, 1, lstm->features, n_inputs + units, weights);
    pack(lstm->recurrent, units, units, n_inputs, n_inputs + units, weights);
    zero_padding(lstm, output, units, lstm->output_stride);
    for (int64_t i = 0; i < order.n_steps; i++) {
      const int64_t n = order.first[i + 1] - order.first[i];
      Step step = {.lstm = lstm, .weights = weights, .keep = keep, .inputs = inputs, .output = output};
      step.token = order.token + order.first[i];
      step.states = states + i % 2 * n_states;
      step.next_states = states + (i + 1) % 2 * n_states;
      step.before = i ? saved + order.first[i - 1] * row_size : 0;
      step.saved = saved + order.first[i] * row_size;
      gather_inputs(lstm, step.token, n, inputs);
      for (step.block = 0; step.block < blocks; step.block++) FOR_TILES(n, step_tile, &step)
    }
  }
  free(order.sequence);
  return free_all(&memory);
}

/* ---- gradient ---- */

/* Products of d_gates with transposed weights: the gradient at what enters the gates. */
typedef struct {
  const Lstm *lstm;
  int64_t block;
  const float *weights; /* [block of n, unit, gate, lane] */
  const float *d_gates; /* [row, gate, padded unit] */
  const int64_t *token; /* [row] */
  const float *keep;    /* [batch, mask, padded unit]; null for the inputs, which have no dropout here */
  float *to;            /* [row, padded unit] for states, [batch, time, features] for inputs */
} Entering;

INLINE void entering_tile(const int rows, int64_t first, const Entering *of) {
  const Lstm *lstm = of->lstm;
  const int64_t units = lstm->units, features = lstm->features, padded = blocks_of(units) * LANES;
  const int64_t masks = masks_of(lstm), k = of->block * LANES;
  Vector sums[ROWS][GATES];
  for (int row = 0; row < rows; row++) {
    for (int gate = 0; gate < GATES; gate++) sums[row][gate] = all(0);
  }
  add_products(sums, rows, of->d_gates + first * GATES * padded, GATES * padded, padded, 1,
               of->weights + of->block * units * GATES * LANES, LANES, GATES * LANES, units);
  for (int row = 0; row < rows; row++) {
    Vector *sum = sums[row];
    const int64_t token = of->token[first + row];
    if (!of->keep) {
      store_first(of->to + token * features + k, (sum[0] + sum[1]) + (sum[2] + sum[3]), features - k);
      continue;
    }
    const float *keep = of->keep + token / lstm->time * masks * padded + k;
    const int64_t next = masks > 1 ? padded : 0;
    Vector all_gates = sum[0] * load(keep) + sum[1] * load(keep + next);
    all_gates += sum[2] * load(keep + 2 * next) + sum[3] * load(keep + 3 * next);
    store(of->to + (first + row) * padded + k, all_gates);
  }
}

/* Products of what enters the gates with d_gates, summed over rows: the gradient at weights. */
typedef struct {
  int64_t block, padded, n_rows;
  const float *entering; /* [row, ...] */
  int64_t row_size, gate_size; /* floats of `entering` from row to row, and from gate to gate */
  const float *d_gates;  /* [row, gate, padded unit] */
  float *to;             /* [n, gate, padded unit] */
} Weights;

INLINE void weights_tile(const int rows, int64_t first, const Weights *of) {
  const int64_t padded = of->padded;
  float *to = of->to + first * GATES * padded + of->block * LANES;
  const float *d_gates = of->d_gates + of->block * LANES, *entering = of->entering + first;
  Vector sums[ROWS][GATES];
  for (int row = 0; row < rows; row++) {
    for (int gate = 0; gate < GATES; gate++) sums[row][gate] = load(to + (row * GATES + gate) * padded);
  }
  add_products(sums, rows, entering, 1, of->gate_size, of->row_size, d_gates, padded, GATES * padded, of->n_rows);
  for (int row = 0; row < rows; row++) {
    for (int gate = 0; gate < GATES; gate++) store(to + (row * GATES + gate) * padded, sums[row][gate]);
  }
}

/* Write d_gates of n rows of a step, and replace d_cells by the gradient at the cells before it. */
static void gate_gradients(const Lstm *lstm, const LstmGradient *g, const int64_t *token, int64_t n,
                           const float *saved, const float *before, const float *d_states, float *d_cells,
                           float *d_gates) {
  const int64_t units = lstm->units, blocks = blocks_of(units), padded = blocks * LANES;
  for (int64_t row = 0; row < n; row++) {
    for (int64_t block = 0; block < blocks; block++, saved += KEPT * LANES) {
      const int64_t unit = block * LANES;
      Vector input = load(saved), forget = load(saved + LANES), candidate = load(saved + 2 * LANES);
      Vector output = load(saved + 3 * LANES), squashed = hyperbolic_tangent(load(saved + 4 * LANES));
      Vector cell_before = before ? load(before + ((row * blocks + block) * KEPT + GATES) * LANES) : all(0);
      Vector d_state = load_first(g->d_output + token[row] * lstm->output_stride + unit, units - unit);
      d_state += load(d_states + row * padded + unit);
      Vector d_cell = load(d_cells + row * padded + unit);
      d_cell += d_state * output * (all(1) - squashed * squashed);
      float *to = d_gates + row * GATES * padded + unit;
      store(to, d_cell * candidate * input * (all(1) - input));
      store(to + padded, d_cell * cell_before * forget * (all(1) - forget));
      store(to + 2 * padded, d_cell * input * (all(1) - candidate * candidate));
      store(to + 3 * padded, d_state * squashed * output * (all(1) - output));
      store(d_cells + row * padded + unit, d_cell * forget);
    }
  }
}

static int gradient(const Lstm *lstm, const LstmGradient *g) {
  const int64_t units = lstm->units, blocks = blocks_of(units), padded = blocks * LANES;
  const int64_t features = lstm->features, n_inputs = features + 1, masks = masks_of(lstm);
  const int64_t row_size = GATES * padded, saved_size = blocks * KEPT * LANES;
  Order order;
  if (!make_order(lstm, &order)) return 0;
  Memory memory = {.n = 0};
  float *keep = allocate(&memory, lstm->batch * masks * padded);
  float *recurrent = allocate(&memory, blocks * units * GATES * LANES);
  float *kernel = allocate(&memory, blocks_of(features) * units * GATES * LANES);
  float *d_states = allocate(&memory, lstm->batch * padded), *d_cells = allocate(&memory, lstm->batch * padded);
  float *d_gates = allocate(&memory, order.n_rows * row_size);
  float *inputs = allocate(&memory, ROWS_AT_ONCE * n_inputs);
  float *states = allocate(&memory, ROWS_AT_ONCE * masks * padded);
  float *d_recurrent = allocate(&memory, units * row_size), *d_kernel = allocate(&memory, n_inputs * row_size);
  if (!memory.exhausted) {
    pad_keep(lstm, keep);
    pack_transposed(lstm->recurrent, units, units, recurrent);
    pack_transposed(lstm->kernel, units, features, kernel);
    zero(d_states, lstm->batch * padded);
    zero(d_cells, lstm->batch * padded);
    for (int64_t i = order.n_steps - 1; i >= 0; i--) {
      const int64_t first = order.first[i], n = order.first[i + 1] - first;
      const float *saved = g->saved + first * saved_size;
      const float *before = i ? g->saved + order.first[i - 1] * saved_size : 0;
      float *at_gates = d_gates + first * row_size;
      gate_gradients(lstm, g, order.token + first, n, saved, before, d_states, d_cells, at_gates);
      if (!i) break;
      Entering entering = {.lstm = lstm, .weights = recurrent, .d_gates = at_gates, .to = d_states};
      entering.token = order.token + first;
      entering.keep = keep;
      for (; entering.block < blocks; entering.block++) FOR_TILES(n, entering_tile, &entering)
    }

    zero(d_recurrent, units * row_size);
    for (int64_t row = order.n_steps ? order.first[1] : 0, n; row < order.n_rows; row += n) {
      n = smaller(order.n_rows - row, ROWS_AT_ONCE);
      gather_states(lstm, order.token + row, n, g->output, keep, states);
      Weights sum = {.padded = padded, .n_rows = n, .entering = states, .to = d_recurrent};
      sum.row_size = masks * padded;
      sum.gate_size = masks > 1 ? padded : 0;
      sum.d_gates = d_gates + row * row_size;
      for (; sum.block < blocks; sum.block++) FOR_TILES(units, weights_tile, &sum)
    }

    zero(d_kernel, n_inputs * row_size);
    zero_padding(lstm, g->d_x, features, features);
    for (int64_t row = 0, n; row < order.n_rows; row += n) {
      n = smaller(order.n_rows - row, ROWS_AT_ONCE);
      gather_inputs(lstm, order.token + row, n, inputs);
      Weights sum = {.padded = padded, .n_rows = n, .entering = inputs, .row_size = n_inputs, .to = d_kernel};
      sum.d_gates = d_gates + row * row_size;
      for (; sum.block < blocks; sum.block++) FOR_TILES(n_inputs, weights_tile, &sum)
      Entering entering = {.lstm = lstm, .weights = kernel, .d_gates = sum.d_gates, .to = g->d_x};
      entering.token = order.token + row;
      for (; entering.block < blocks_of(features); entering.block++) FOR_TILES(n, entering_tile, &entering)
    }
    unpad(d_recurrent, units, units, g->d_recurrent);
    unpad(d_kernel, units, features, g->d_kernel);
    unpad(d_kernel + features * row_size, units, 1, g->d_bias);
  }
  free(order.sequence);
  return free_all(&memory);
}

const LstmFunctions FUNCTIONS = {INSTRUCTION_SET, n_saved, forward, gradient};
