#define _GNU_SOURCE
#include "CISAL.h"
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// The state of ISA-L's inflate as its version 2 lays it out on machines of 64 bits (igzip_lib.h, "struct inflate_state"). Only the
// named fields are touched here; what stands between them is the library's.
struct state {
  uint8_t *next_out;
  uint32_t avail_out;
  uint32_t total_out;
  uint8_t *next_in;
  uint64_t read_in;
  uint32_t avail_in;
  int32_t read_in_length;
  uint8_t tables[21120];
  uint32_t block_state;
  uint32_t dict_length;
  uint32_t bfinal;
  uint32_t crc_flag;
  // More than the library's own part: another release may need more of it.
  uint8_t rest[128 << 10];
};

struct berth_isal_inflater {
  struct state state;
};

// enum isal_block_state
#define FINISHED 5
// Header and trailer of gzip are read and checked.
#define GZIP 1

static void (*inflate_init)(struct state *);
static void (*inflate_reset)(struct state *);
static int (*inflate_step)(struct state *);

berth_isal_inflater *berth_isal_create(void) {
  berth_isal_inflater *inflater = calloc(1, sizeof *inflater);
  if (!inflater) return NULL;
  inflate_init(&inflater->state);
  inflater->state.crc_flag = GZIP;
  return inflater;
}

void berth_isal_free(berth_isal_inflater *inflater) { free(inflater); }

void berth_isal_reset(berth_isal_inflater *inflater) {
  inflate_reset(&inflater->state);
  inflater->state.crc_flag = GZIP;
}

berth_isal_step berth_isal_inflate(berth_isal_inflater *inflater, const uint8_t *input, size_t input_size,
                                   uint8_t *output, size_t output_size) {
  struct state *state = &inflater->state;
  uint32_t given = input_size > INT_MAX ? INT_MAX : (uint32_t)input_size;
  uint32_t room = output_size > INT_MAX ? INT_MAX : (uint32_t)output_size;
  state->next_in = (uint8_t *)input;
  state->avail_in = given;
  state->next_out = output;
  state->avail_out = room;
  int status = inflate_step(state);
  berth_isal_step step = {0};
  // What is none of ours to explain is a broken stream: counts that grew, a state that is no success.
  if (status != 0 || state->avail_in > given || state->avail_out > room) {
    step.is_broken = 1;
    return step;
  }
  step.consumed = given - state->avail_in;
  step.produced = room - state->avail_out;
  step.has_ended = state->block_state == FINISHED;
  return step;
}

// 80 bytes, packed by gzip.
static const uint8_t packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0x4b, 0x4c,
                                 0x4a, 0x4e, 0xa4, 0x06, 0x2a, 0xc9, 0x48, 0x55, 0x48, 0xcd, 0x4b, 0xe1,
                                 0x02, 0x00, 0xb6, 0xb8, 0x49, 0xfb, 0x50, 0x00, 0x00, 0x00};

// Whether the known stream is unpacked in small pieces, or its damage is found.
static int unpacks(berth_isal_inflater *inflater, const uint8_t *input, size_t size) {
  uint8_t output[128] = {0};
  size_t position = 0, count = 0;
  berth_isal_reset(inflater);
  for (int round = 0; round < 256; round++) {
    size_t piece = size - position < 3 ? size - position : 3;
    size_t room = sizeof output - count < 7 ? sizeof output - count : 7;
    berth_isal_step step = berth_isal_inflate(inflater, input + position, piece, output + count, room);
    if (step.is_broken) return 0;
    position += step.consumed;
    count += step.produced;
    if (!step.has_ended) continue;
    if (position != size || count != 80 || memcmp(output + 72, "the end\n", 8) != 0) return 0;
    for (size_t index = 0; index < 72; index++)
      if (output[index] != "abc"[index % 3]) return 0;
    return 1;
  }
  return 0;
}

static int works(void) {
  berth_isal_inflater *inflater = berth_isal_create();
  if (!inflater) return 0;
  uint8_t damaged[sizeof packed];
  memcpy(damaged, packed, sizeof packed);
  damaged[sizeof packed - 8] ^= 1;
  // Twice: a stream may have several members.
  int outcome = unpacks(inflater, packed, sizeof packed) && unpacks(inflater, packed, sizeof packed) &&
                !unpacks(inflater, damaged, sizeof damaged);
  berth_isal_free(inflater);
  return outcome;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_there;

static void load(void) {
#if UINTPTR_MAX == UINT64_MAX
  void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  *(void **)&inflate_init = dlsym(library, "isal_inflate_init");
  *(void **)&inflate_reset = dlsym(library, "isal_inflate_reset");
  *(void **)&inflate_step = dlsym(library, "isal_inflate");
  is_there = inflate_init && inflate_reset && inflate_step && works();
#endif
}

int berth_isal_load(void) {
  pthread_once(&once, load);
  return is_there;
}
