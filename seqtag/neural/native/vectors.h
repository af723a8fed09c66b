/* Vectors of LANES floats, in the registers of one instruction set; the build sets LANES to 4, 8 or 16. */
#ifndef SEQTAG_VECTORS_H
#define SEQTAG_VECTORS_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));

#define FOUR(value) value, value, value, value
#if LANES == 16
#define EACH(value) FOUR(value), FOUR(value), FOUR(value), FOUR(value)
#elif LANES == 8
#define EACH(value) FOUR(value), FOUR(value)
#else
#define EACH(value) FOUR(value)
#endif

INLINE Vector all(float value) { return (Vector){EACH(value)}; }

INLINE Vector load(const float *from) {
  Vector vector;
  memcpy(&vector, from, sizeof vector);
  return vector;
}

INLINE void store(float *to, Vector vector) { memcpy(to, &vector, sizeof vector); }

INLINE int64_t smaller(int64_t n, int64_t other) { return n < other ? n : other; }

/* Load the first n floats, filled up with zeros. */
INLINE Vector load_first(const float *from, int64_t n) {
  if (n >= LANES) return load(from);
  Vector vector = all(0);
  memcpy(&vector, from, (size_t)n * sizeof *from);
  return vector;
}

INLINE void store_first(float *to, Vector vector, int64_t n) {
  if (n >= LANES) {
    store(to, vector);
  } else {
    memcpy(to, &vector, (size_t)n * sizeof *to);
  }
}

/* Both return x where it is not a number. */
INLINE Vector at_least(float bound, Vector x) {
#if LANES == 16 && defined(__AVX512F__)
  return _mm512_max_ps(all(bound), x);
#elif LANES == 8 && defined(__AVX__)
  return _mm256_max_ps(all(bound), x);
#else
  Integers below = x < all(bound);
  return (Vector)((below & (Integers)all(bound)) | (~below & (Integers)x));
#endif
}

INLINE Vector at_most(float bound, Vector x) { return -at_least(-bound, -x); }

/* Return tanh x with an absolute error below 3e-7: the quotient of polynomials that Eigen and XLA use. */
INLINE Vector hyperbolic_tangent(Vector x) {
  x = at_most(7.90531110763549805f, at_least(-7.90531110763549805f, x));
  Vector square = x * x;
  Vector p = all(-2.76076847742355e-16f);
  p = p * square + all(2.00018790482477e-13f);
  p = p * square + all(-8.60467152213735e-11f);
  p = p * square + all(5.12229709037114e-08f);
  p = p * square + all(1.48572235717979e-05f);
  p = p * square + all(6.37261928875436e-04f);
  p = p * square + all(4.89352455891786e-03f);
  Vector q = all(1.19825839466702e-06f);
  q = q * square + all(1.18534705686654e-04f);
  q = q * square + all(2.26843463243900e-03f);
  q = q * square + all(4.89352518554385e-03f);
  return x * p / q;
}

/* Return e^x for x in [-87, 0], with a relative error below 2e-7; e^-87 for smaller x (Cephes' polynomial). */
INLINE Vector exponential(Vector x) {
  const Vector shift = all(12582912); /* 1.5 * 2^23: the last bits of a float near it are an integer */
  x = at_least(-87, x);
  const Vector shifted = x * all(1.44269504088896341f) + shift, n = shifted - shift; /* round(x / log 2) */
  const Vector r = x - n * all(0.693359375f) + n * all(2.12194440e-4f);
  Vector p = all(1.9875691500e-4f);
  p = p * r + all(1.3981999507e-3f);
  p = p * r + all(8.3334519073e-3f);
  p = p * r + all(4.1665795894e-2f);
  p = p * r + all(1.6666665459e-1f);
  p = p * r + all(5.0000001201e-1f);
  p = p * r * r + r + all(1);
  return p * (Vector)(((Integers)shifted - (Integers)shift + 127) << 23);
}

INLINE Vector larger_of(Vector one, Vector other) {
  Integers is_larger = one > other;
  return (Vector)((is_larger & (Integers)one) | (~is_larger & (Integers)other));
}

INLINE float largest_lane(Vector of) {
  float largest = of[0];
  for (int i = 1; i < LANES; i++) largest = of[i] > largest ? of[i] : largest;
  return largest;
}

INLINE float sum_of_lanes(Vector of) {
  float sum = 0;
  for (int i = 0; i < LANES; i++) sum += of[i];
  return sum;
}

INLINE Vector sigmoid(Vector x) { return all(0.5f) * hyperbolic_tangent(all(0.5f) * x) + all(0.5f); }

#endif
