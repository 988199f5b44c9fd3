/* What two binaries must agree on before processes of both may share a segment, as one number.
 *
 * Each module that puts something there folds its sizes, names and tables into a number of its
 * own, from the same tables that its code is made of: who changes them changes the number, without
 * having to think of it. src/master/layout.c folds those together. Source: FNV-1a. */
#ifndef GATEPOST_LAYOUT_H
#define GATEPOST_LAYOUT_H

#include "gatepost/base.h"

#define LAYOUT_BEGIN 0xcbf29ce484222325ULL

uint64_t layout_fold(uint64_t layout, uint64_t number);
uint64_t layout_fold_text(uint64_t layout, const char *text);

#endif
