/* The choice of the instruction set. */
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "instruction_sets.h"

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

/* Called by Python. */
__attribute__((visibility("default"))) const char *seqtag_instruction_set(void) {
  return functions()->lstm->instruction_set;
}
