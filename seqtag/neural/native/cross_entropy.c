/* The functions of cross_entropy.h for one instruction set; the build sets FUNCTIONS and LANES as for lstm.c.

   Tokens of a weight other than 0 are computed ROWS_AT_ONCE at a time. Features and tags are padded to multiples of
   COLUMNS. */
#include <math.h>
#include <string.h>

#include "cross_entropy.h"
#include "vectors.h"
#include "working_memory.h"

#define TILE_ROWS 4
#define COLUMNS (2 * LANES) /* of a tile: its sums fit the registers of all instruction sets */
#define NEVER (-1e30f)      /* score of the tags that pad the last tile: probability 0 */

_Static_assert(ROWS_AT_ONCE % TILE_ROWS == 0, "the rows that are computed at once are whole tiles");

static int64_t padded(int64_t n) { return (n + COLUMNS - 1) / COLUMNS * COLUMNS; }

static int64_t n_saved(const CrossEntropy *of) {
  int64_t n = 0;
  for (int64_t i = 0; i < of->n_tokens; i++) n += of->weights[i] != 0;
  return n * padded(of->tags);
}

/* Add a b to sums: [rows, columns], for rows and columns in multiples of the tile. */
typedef struct {
  int64_t rows, columns, n;
  const float *a;
  int64_t a_row, a_k; /* floats from row to row, and from k to k */
  const float *b;     /* [n, ...] */
  int64_t b_k;
  float *sums;
  int64_t sums_row;
} Product;

static void add_product(const Product *of) {
  for (int64_t column = 0; column < of->columns; column += COLUMNS) {
    for (int64_t first = 0; first < of->rows; first += TILE_ROWS) {
      const float *a = of->a + first * of->a_row, *b = of->b + column;
      float *to = of->sums + first * of->sums_row + column;
      Vector sums[TILE_ROWS][2];
      for (int row = 0; row < TILE_ROWS; row++) {
        sums[row][0] = load(to + row * of->sums_row);
        sums[row][1] = load(to + row * of->sums_row + LANES);
      }
      for (int64_t k = 0; k < of->n; k++, a += of->a_k, b += of->b_k) {
        const Vector left = load(b), right = load(b + LANES);
#pragma GCC unroll 4
        for (int row = 0; row < TILE_ROWS; row++) {
          const Vector factor = all(a[row * of->a_row]);
          sums[row][0] += factor * left;
          sums[row][1] += factor * right;
        }
      }
      for (int row = 0; row < TILE_ROWS; row++) {
        store(to + row * of->sums_row, sums[row][0]);
        store(to + row * of->sums_row + LANES, sums[row][1]);
      }
    }
  }
}

static int64_t in_tiles(int64_t n_rows) { return (n_rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS; }

/* Find the next tokens of a weight other than 0, from *next on, and copy their features to [row, padded feature].
   Return their number, at most ROWS_AT_ONCE. */
static int64_t gather(const CrossEntropy *of, int64_t *next, int64_t *tokens, float *x) {
  int64_t n = 0;
  for (; *next < of->n_tokens && n < ROWS_AT_ONCE; ++*next) {
    if (of->weights[*next] == 0) continue;
    memcpy(x + n * padded(of->features), of->x + *next * of->features, (size_t)of->features * sizeof *x);
    tokens[n++] = *next;
  }
  return n;
}

/* Replace the scores of a token by the gradient of its loss at them; return the loss. */
static double softmax(float *scores, int64_t n, int32_t tag_id, float weight) {
  Vector largest = load(scores), sum = all(0);
  for (int64_t i = LANES; i < n; i += LANES) largest = larger_of(largest, load(scores + i));
  const float highest = largest_lane(largest);
  const double gold = (double)scores[tag_id] - highest;
  for (int64_t i = 0; i < n; i += LANES) {
    const Vector likelihood = exponential(load(scores + i) - all(highest));
    sum += likelihood;
    store(scores + i, likelihood);
  }
  const float total = sum_of_lanes(sum);
  for (int64_t i = 0; i < n; i += LANES) store(scores + i, all(weight / total) * load(scores + i));
  scores[tag_id] -= weight;
  return weight * (log(total) - gold);
}

static int forward(const CrossEntropy *of, float *saved, float *loss) {
  const int64_t tags = padded(of->tags), features = padded(of->features);
  int64_t tokens[ROWS_AT_ONCE];
  Memory memory = {.n = 0};
  float *kernel = allocate_zeros(&memory, of->features * tags), *bias = allocate_zeros(&memory, tags);
  float *x = allocate_zeros(&memory, ROWS_AT_ONCE * features), *scores = allocate_zeros(&memory, ROWS_AT_ONCE * tags);
  double sum = 0;
  if (!memory.exhausted) {
    for (int64_t i = 0; i < of->features; i++) {
      memcpy(kernel + i * tags, of->kernel + i * of->tags, (size_t)of->tags * sizeof *kernel);
    }
    for (int64_t tag = 0; tag < tags; tag++) bias[tag] = tag < of->tags ? of->bias[tag] : NEVER;
    for (int64_t next = 0, n; (n = gather(of, &next, tokens, x)); saved += n * tags) {
      for (int64_t row = 0; row < in_tiles(n); row++) memcpy(scores + row * tags, bias, (size_t)tags * sizeof *bias);
      add_product(&(Product){in_tiles(n), tags, of->features, x, features, 1, kernel, tags, scores, tags});
      for (int64_t row = 0; row < n; row++) {
        sum += softmax(scores + row * tags, tags, of->tag_ids[tokens[row]], of->weights[tokens[row]]);
      }
      memcpy(saved, scores, (size_t)(n * tags) * sizeof *saved);
    }
  }
  *loss = (float)sum;
  return free_all(&memory);
}

/* Copy [n, from_size] to its transpose. */
static void transpose(const float *from, int64_t n, int64_t from_size, int64_t size, float *to, int64_t to_size) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < size; j++) to[j * to_size + i] = from[i * from_size + j];
  }
}

static int gradient(const CrossEntropy *of, const CrossEntropyGradient *g) {
  const int64_t tags = padded(of->tags), features = padded(of->features);
  int64_t tokens[ROWS_AT_ONCE];
  Memory memory = {.n = 0};
  float *kernel = allocate_zeros(&memory, of->tags * features), *x = allocate_zeros(&memory, ROWS_AT_ONCE * features);
  float *d_x = allocate_zeros(&memory, ROWS_AT_ONCE * features);
  float *d_scores = allocate_zeros(&memory, ROWS_AT_ONCE * tags);
  float *d_kernel = allocate_zeros(&memory, tags * features); /* transposed, as `kernel` */
  if (!memory.exhausted) {
    transpose(of->kernel, of->features, of->tags, of->tags, kernel, features);
    memset(g->d_bias, 0, (size_t)of->tags * sizeof(float));
    memset(g->d_x, 0, (size_t)(of->n_tokens * of->features) * sizeof(float));
    const float *saved = g->saved;
    for (int64_t next = 0, n; (n = gather(of, &next, tokens, x)); saved += n * tags) {
      for (int64_t i = 0; i < n * tags; i++) d_scores[i] = g->scale * saved[i];
      for (int64_t row = 0; row < n; row++) {
        for (int64_t tag = 0; tag < of->tags; tag++) g->d_bias[tag] += d_scores[row * tags + tag];
      }
      memset(d_x, 0, (size_t)(in_tiles(n) * features) * sizeof *d_x);
      add_product(&(Product){in_tiles(n), features, of->tags, d_scores, tags, 1, kernel, features, d_x, features});
      for (int64_t row = 0; row < n; row++) {
        memcpy(g->d_x + tokens[row] * of->features, d_x + row * features, (size_t)of->features * sizeof *d_x);
      }
      add_product(&(Product){in_tiles(of->tags), features, n, d_scores, 1, tags, x, features, d_kernel, features});
    }
    transpose(d_kernel, of->tags, features, of->features, g->d_kernel, of->tags);
  }
  return free_all(&memory);
}

const CrossEntropyFunctions FUNCTIONS = {n_saved, forward, gradient};
