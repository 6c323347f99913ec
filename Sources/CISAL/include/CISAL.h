#ifndef CISAL_H
#define CISAL_H

#include <stddef.h>
#include <stdint.h>

// Unpacking gzip with ISA-L, which is about twice as fast as zlib. It is loaded while running and only where it is installed
// (Debian and Ubuntu: libisal2); the binary does not depend on it.

typedef struct berth_isal_inflater berth_isal_inflater;

// What one step has done.
typedef struct {
  size_t consumed;
  size_t produced;
  // The member of the gzip stream has ended, and its checksum and length were right.
  int has_ended;
  // The stream is broken.
  int is_broken;
} berth_isal_step;

// Loads the library once, and has it unpack a known stream. Answers whether it is there and does that rightly.
//
// Opens files, so that a process that gives up its privileges calls this before it does.
int berth_isal_load(void);

// Null without memory. Only after berth_isal_load has answered 1.
berth_isal_inflater *_Nullable berth_isal_create(void);
void berth_isal_free(berth_isal_inflater *_Nonnull inflater);

// Makes ready for the next member.
void berth_isal_reset(berth_isal_inflater *_Nonnull inflater);

// Unpacks as much of the input as fits into the output. Without input it gives what it has held back.
berth_isal_step berth_isal_inflate(berth_isal_inflater *_Nonnull inflater, const uint8_t *_Nullable input,
                                   size_t input_size, uint8_t *_Nonnull output, size_t output_size);

#endif
