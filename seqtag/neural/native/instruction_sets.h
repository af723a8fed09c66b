/* The functions for this machine: each kernel is compiled for several instruction sets. */
#ifndef SEQTAG_INSTRUCTION_SETS_H
#define SEQTAG_INSTRUCTION_SETS_H

#include "character_cnn.h"
#include "cross_entropy.h"
#include "lstm.h"
#include "updates.h"

typedef struct {
  const LstmFunctions *lstm;
  const UpdateFunctions *updates;
  const CharacterCnnFunctions *character_cnn;
  const CrossEntropyFunctions *cross_entropy;
} Functions;

/* Return the functions for this machine. */
const Functions *functions(void);

#endif
