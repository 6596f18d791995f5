#include "CModel.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The compiler knows #embed in every mode; the language mode of all C here is older than C23.
#pragma clang diagnostic ignored "-Wc23-extensions"

_Alignas(64) static const uint8_t model[] = {
#embed "model/signalbox-embed.sbe"
};

static const uint8_t notice[] = {
#embed "model/FORMAT.md"
, '\n',
#embed "model/SOURCES.md"
};

const uint8_t *sb_model_notice(size_t *count) {
  *count = sizeof notice;
  return notice;
}

const uint8_t *sb_model_bytes(size_t *count) {
  *count = sizeof model;
  return model;
}

// MARK: Hashing

// FNV-1a, 64 bits: computed while a word is scanned. At 64 bits two different words of one index are taken to be
// different hashes: a million words collide with a probability of about 3e-8.
enum { WORD_MAX = 40, PIECE_TABLE = 1 << 17, SHORT_COUNTS = 64 };
static const uint64_t FNV_START = 14695981039346656037ull;
static const uint64_t PIECE_START = 0x9ae16a3b2f90404full;

static inline uint64_t fnv(uint64_t hash, uint8_t byte) { return (hash ^ byte) * 1099511628211ull; }

static inline uint64_t slot_of(uint64_t hash) { return (hash * 0x9E3779B97F4A7C15ull) >> 20; }

// MARK: The vocabulary

typedef struct {
  uint64_t hash;
  int32_t token;
} vocabulary_slot;

static vocabulary_slot vocabulary[PIECE_TABLE];
static uint8_t class_of[256];
static uint8_t folded[0x180][2];
static float weight_of_count[SHORT_COUNTS];
static uint32_t token_count;
static const float *token_scales;
static const int8_t *token_rows;
static const uint32_t *token_offsets;
static const uint8_t *token_text;
static uint32_t piece_max, word_max;
static pthread_once_t once = PTHREAD_ONCE_INIT;

enum { SEPARATOR, LOWER, UPPER, DIGIT };

// U+00C0…U+017F by their letters; "." has none and separates.
static const char FOLDING[] =
    "a a a a a a ae c e e e e i i i i d n o o o o o . o u u u u y th ss a a a a a a ae c e e e e i i i i d n o o o o o "
    ". o u u u u y th y a a a a a a c c c c c c c c d d d d e e e e e e e e e e g g g g g g g g h h h h i i i i i i i "
    "i i i ij ij j j k k k l l l l l l l l l l n n n n n n n n n o o o o o o oe oe r r r r r r s s s s s s s s t t t t "
    "t t u u u u u u u u u u u u w w y y y z z z z z z s ";

static uint32_t word_at(size_t offset) {
  uint32_t value;
  memcpy(&value, model + offset, 4);
  return value;
}

static void insert(uint64_t hash, int32_t token) {
  uint64_t slot = slot_of(hash) & (PIECE_TABLE - 1);
  while (vocabulary[slot].token >= 0) slot = (slot + 1) & (PIECE_TABLE - 1);
  vocabulary[slot] = (vocabulary_slot){hash, token};
}

static void load_vocabulary(void) {
  for (uint32_t slot = 0; slot < PIECE_TABLE; slot++) vocabulary[slot].token = -1;
  for (uint32_t token = 0; token < token_count; token++) {
    const uint8_t *text = token_text + token_offsets[token];
    uint32_t length = token_offsets[token + 1] - token_offsets[token];
    int is_piece = length > 2 && text[0] == '#' && text[1] == '#';
    uint64_t hash = is_piece ? PIECE_START : FNV_START;
    for (uint32_t index = is_piece ? 2 : 0; index < length; index++) hash = fnv(hash, text[index]);
    insert(hash, (int32_t)token);
    if (is_piece && length - 2 > piece_max) piece_max = length - 2;
    if (!is_piece && length > word_max) word_max = length;
  }
}

// Little-endian machines only, as everywhere in signalbox.
static void load(void) {
  for (int byte = 'a'; byte <= 'z'; byte++) class_of[byte] = LOWER;
  for (int byte = 'A'; byte <= 'Z'; byte++) class_of[byte] = UPPER;
  for (int byte = '0'; byte <= '9'; byte++) class_of[byte] = DIGIT;
  const char *at = FOLDING;
  for (int point = 0xC0; point < 0x180; point++) {
    for (int letter = 0; *at && *at != ' '; at++) {
      if (letter < 2 && *at != '.') folded[point][letter++] = (uint8_t)*at;
    }
    if (*at) at++;
  }
  for (int count = 0; count < SHORT_COUNTS; count++) weight_of_count[count] = sqrtf((float)count);
  if (sizeof model < 64 || memcmp(model, "SBEMBED1", 8) != 0 || word_at(8) != 1) return;
  if (word_at(16) != SB_DIMENSIONS || word_at(20) != 1 || word_at(48) > sizeof model) return;
  uint32_t count = word_at(12);
  size_t scales = word_at(32), rows = word_at(36), offsets = word_at(40), strings = word_at(44);
  if (count == 0 || count > PIECE_TABLE / 2 || scales + 4ull * count > rows) return;
  if (rows + (size_t)SB_DIMENSIONS * count > offsets || offsets + 4ull * (count + 1) > strings) return;
  if (strings + word_at(24) > sizeof model) return;
  token_scales = (const float *)(const void *)(model + scales);
  token_rows = (const int8_t *)(model + rows);
  token_offsets = (const uint32_t *)(const void *)(model + offsets);
  token_text = model + strings;
  for (uint32_t token = 0; token < count; token++) {
    if (token_offsets[token] > token_offsets[token + 1] || token_offsets[token + 1] > word_at(24)) return;
  }
  token_count = count;
  load_vocabulary();
}

uint32_t sb_model_tokens(void) {
  pthread_once(&once, load);
  return token_count;
}

static int32_t look_up(const uint8_t *word, uint32_t length, uint64_t hash, int is_piece) {
  uint64_t slot = slot_of(hash) & (PIECE_TABLE - 1);
  uint32_t mark = is_piece ? 2 : 0;
  for (; vocabulary[slot].token >= 0; slot = (slot + 1) & (PIECE_TABLE - 1)) {
    if (vocabulary[slot].hash != hash) continue;
    int32_t token = vocabulary[slot].token;
    const uint8_t *text = token_text + token_offsets[token];
    uint32_t count = token_offsets[token + 1] - token_offsets[token];
    if (count == length + mark && memcmp(text + mark, word, length) == 0) return token;
  }
  return -1;
}

/// FORMAT.md, Words → tokens. Writes at most WORD_MAX tokens.
static uint32_t tokens_of(const uint8_t *word, uint32_t length, uint64_t hash, int is_number, uint32_t *out) {
  int32_t whole = look_up(word, length, hash, 0);
  if (whole >= 0) {
    out[0] = (uint32_t)whole;
    return 1;
  }
  if (is_number) return 0;
  uint32_t found = 0, position = 0;
  uint64_t hashes[WORD_MAX + 1];
  while (position < length) {
    int is_piece = position > 0;
    uint32_t longest = length - position;
    uint32_t limit = is_piece ? piece_max : word_max;
    if (longest > limit) longest = limit;
    uint64_t running = is_piece ? PIECE_START : FNV_START;
    for (uint32_t count = 1; count <= longest; count++) {
      running = fnv(running, word[position + count - 1]);
      hashes[count] = running;
    }
    int32_t best = -1;
    uint32_t count = longest;
    for (; count > 0 && best < 0; count--) best = look_up(word + position, count, hashes[count], is_piece);
    if (best < 0) {
      position++;
    } else {
      out[found++] = (uint32_t)best;
      position += count + 1;
    }
  }
  return found;
}

// MARK: Terms

typedef struct {
  uint64_t hash;
  uint32_t term_and_one;
} term_slot;

struct sb_terms {
  term_slot *slots;
  size_t slot_count;
  uint64_t *hashes;
  uint32_t *token_start;
  uint32_t *tokens;
  uint32_t *term_frequency;
  uint32_t term_count, term_capacity;
  size_t tokens_capacity;
  uint16_t *counts;
  uint32_t *used;
};

enum { FIRST_SLOTS = 1 << 14 };

sb_terms *sb_terms_new(void) {
  if (sb_model_tokens() == 0) return NULL;
  sb_terms *terms = calloc(1, sizeof *terms);
  if (!terms) return NULL;
  terms->slot_count = FIRST_SLOTS;
  terms->term_capacity = FIRST_SLOTS / 2;
  terms->tokens_capacity = FIRST_SLOTS;
  terms->slots = calloc(terms->slot_count, sizeof *terms->slots);
  terms->hashes = malloc(terms->term_capacity * sizeof *terms->hashes);
  terms->token_start = calloc(terms->term_capacity + 1, sizeof *terms->token_start);
  terms->term_frequency = calloc(terms->term_capacity, sizeof *terms->term_frequency);
  terms->tokens = malloc(terms->tokens_capacity * sizeof *terms->tokens);
  terms->counts = calloc(token_count, sizeof *terms->counts);
  terms->used = malloc(token_count * sizeof *terms->used);
  if (terms->slots && terms->hashes && terms->token_start && terms->term_frequency && terms->tokens && terms->counts &&
      terms->used) {
    return terms;
  }
  sb_terms_free(terms);
  return NULL;
}

void sb_terms_free(sb_terms *terms) {
  if (!terms) return;
  free(terms->slots);
  free(terms->hashes);
  free(terms->token_start);
  free(terms->term_frequency);
  free(terms->tokens);
  free(terms->counts);
  free(terms->used);
  free(terms);
}

void sb_terms_reset(sb_terms *terms) {
  memset(terms->slots, 0, terms->slot_count * sizeof *terms->slots);
  terms->term_count = 0;
}

uint32_t sb_terms_count(const sb_terms *terms) { return terms->term_count; }
const uint64_t *sb_terms_hashes(const sb_terms *terms) { return terms->hashes; }

uint32_t sb_term_tokens(const sb_terms *terms, uint32_t term, const uint32_t **tokens) {
  *tokens = terms->tokens + terms->token_start[term];
  return terms->token_start[term + 1] - terms->token_start[term];
}

static int resize(void *field, size_t bytes) {
  void **pointer = field;
  void *larger = realloc(*pointer, bytes);
  if (!larger) return 0;
  *pointer = larger;
  return 1;
}

static int grow_terms(sb_terms *terms) {
  uint32_t capacity = terms->term_capacity * 2;
  if (!resize(&terms->hashes, capacity * sizeof *terms->hashes) ||
      !resize(&terms->token_start, (capacity + 1) * sizeof *terms->token_start) ||
      !resize(&terms->term_frequency, capacity * sizeof *terms->term_frequency)) {
    return 0;
  }
  memset(terms->term_frequency + terms->term_capacity, 0, terms->term_capacity * sizeof *terms->term_frequency);
  size_t slot_count = (size_t)capacity * 2;
  term_slot *slots = calloc(slot_count, sizeof *slots);
  if (!slots) return 0;
  for (uint32_t term = 0; term < terms->term_count; term++) {
    size_t slot = slot_of(terms->hashes[term]) & (slot_count - 1);
    while (slots[slot].term_and_one) slot = (slot + 1) & (slot_count - 1);
    slots[slot] = (term_slot){terms->hashes[term], term + 1};
  }
  free(terms->slots);
  terms->slots = slots;
  terms->slot_count = slot_count;
  terms->term_capacity = capacity;
  return 1;
}

/// -1 when there is no memory.
static int64_t new_term(sb_terms *terms, const uint8_t *word, uint32_t length, uint64_t hash, int is_number) {
  if (terms->term_count == terms->term_capacity && !grow_terms(terms)) return -1;
  uint32_t start = terms->term_count == 0 ? 0 : terms->token_start[terms->term_count];
  if (start + WORD_MAX > terms->tokens_capacity) {
    if (!resize(&terms->tokens, terms->tokens_capacity * 2 * sizeof *terms->tokens)) return -1;
    terms->tokens_capacity *= 2;
  }
  uint32_t term = terms->term_count++;
  terms->hashes[term] = hash;
  terms->token_start[term] = start;
  terms->token_start[term + 1] = start + tokens_of(word, length, hash, is_number, terms->tokens + start);
  size_t slot = slot_of(hash) & (terms->slot_count - 1);
  while (terms->slots[slot].term_and_one) slot = (slot + 1) & (terms->slot_count - 1);
  terms->slots[slot] = (term_slot){hash, term + 1};
  return term;
}

static inline int64_t term_of(sb_terms *terms, const uint8_t *word, uint32_t length, uint64_t hash, int is_number) {
  size_t slot = slot_of(hash) & (terms->slot_count - 1);
  for (; terms->slots[slot].term_and_one; slot = (slot + 1) & (terms->slot_count - 1)) {
    if (terms->slots[slot].hash == hash) return terms->slots[slot].term_and_one - 1;
  }
  return new_term(terms, word, length, hash, is_number);
}

// MARK: Words

/// The scanner's state. `length` counts on past the buffer: what is longer than WORD_MAX is dropped.
typedef struct {
  uint8_t word[WORD_MAX + 8];
  uint32_t length;
  uint64_t hash, hash_before;
  int class;
} scanner;

static inline void start(scanner *scan) {
  scan->length = 0;
  scan->hash = FNV_START;
}

static inline void append(scanner *scan, uint8_t byte) {
  if (scan->length < sizeof scan->word) scan->word[scan->length] = byte;
  scan->length++;
  scan->hash_before = scan->hash;
  scan->hash = fnv(scan->hash, byte);
}

#define EMIT(length_, hash_, is_number_)                                             \
  do {                                                                               \
    uint32_t emitted = (length_);                                                    \
    if (emitted > 0 && emitted <= WORD_MAX) {                                        \
      int64_t term = term_of(terms, scan.word, emitted, (hash_), (is_number_));      \
      if (term < 0) return -1;                                                       \
      out[words++] = (uint32_t)term;                                                 \
    }                                                                                \
  } while (0)

/// Decodes one code point of two to four bytes; a byte that starts none, or a form cut off, is one separator.
static inline uint32_t decode(const uint8_t *text, size_t left, size_t *bytes) {
  uint8_t first = text[0];
  *bytes = 1;
  if ((first & 0xE0) == 0xC0 && left > 1) {
    *bytes = 2;
    return (uint32_t)(first & 31) << 6 | (text[1] & 63);
  }
  if ((first & 0xF0) == 0xE0 && left > 2) {
    *bytes = 3;
    return (uint32_t)(first & 15) << 12 | (uint32_t)(text[1] & 63) << 6 | (text[2] & 63);
  }
  if ((first & 0xF8) == 0xF0 && left > 3) {
    *bytes = 4;
    return (uint32_t)(first & 7) << 18 | (uint32_t)(text[1] & 63) << 12 | (uint32_t)(text[2] & 63) << 6 | (text[3] & 63);
  }
  return 0;
}

/// FORMAT.md, Text → words.
int64_t sb_split(sb_terms *terms, const uint8_t *text, size_t count, uint32_t *out) {
  scanner scan = {.class = SEPARATOR};
  start(&scan);
  int64_t words = 0;
  size_t at = 0;
  while (at < count) {
    uint8_t byte = text[at];
    if (byte < 0x80) {
      int class = class_of[byte];
      at++;
      if (class == LOWER) {
        if (scan.class == DIGIT) {
          EMIT(scan.length, scan.hash, 1);
          start(&scan);
        } else if (scan.class == UPPER && scan.length > 1) {
          // HTTPServer: the last capital begins the next word.
          uint8_t last = scan.length <= WORD_MAX + 1 ? scan.word[scan.length - 1] : 0;
          EMIT(scan.length - 1, scan.hash_before, 0);
          start(&scan);
          if (last) append(&scan, last);
        }
        append(&scan, byte);
      } else if (class == UPPER) {
        if (scan.class == LOWER || scan.class == DIGIT) {
          EMIT(scan.length, scan.hash, scan.class == DIGIT);
          start(&scan);
        }
        append(&scan, byte | 32);
      } else if (class == DIGIT) {
        if (scan.class == LOWER || scan.class == UPPER) {
          EMIT(scan.length, scan.hash, 0);
          start(&scan);
        }
        append(&scan, byte);
      } else if (scan.class != SEPARATOR) {
        EMIT(scan.length, scan.hash, scan.class == DIGIT);
        start(&scan);
      }
      scan.class = class;
      continue;
    }
    size_t bytes;
    uint32_t point = decode(text + at, count - at, &bytes);
    at += bytes;
    if (point >= 0xC0 && point < 0x180 && folded[point][0]) {
      if (scan.class == DIGIT) {
        EMIT(scan.length, scan.hash, 1);
        start(&scan);
      }
      append(&scan, folded[point][0]);
      if (folded[point][1]) append(&scan, folded[point][1]);
      scan.class = LOWER;
    } else if (point < 0x300 || point > 0x36F) {
      if (scan.class != SEPARATOR) EMIT(scan.length, scan.hash, scan.class == DIGIT);
      start(&scan);
      scan.class = SEPARATOR;
    }
  }
  if (scan.class != SEPARATOR) EMIT(scan.length, scan.hash, scan.class == DIGIT);
  return words;
}

int64_t sb_split_lines(sb_terms *terms, const uint8_t *text, size_t count, uint32_t *out, uint32_t *line_words,
                       uint32_t *line_bytes, size_t lines_max) {
  size_t lines = 0, at = 0;
  int64_t words = 0;
  while (at < count && lines < lines_max) {
    const uint8_t *feed = memchr(text + at, '\n', count - at);
    size_t end = feed ? (size_t)(feed - text) : count;
    line_bytes[lines] = (uint32_t)at;
    line_words[lines++] = (uint32_t)words;
    int64_t found = sb_split(terms, text + at, end - at, out + words);
    if (found < 0) return -1;
    words += found;
    at = end + 1;
  }
  line_bytes[lines] = (uint32_t)(at < count ? at : count);
  line_words[lines] = (uint32_t)words;
  return (int64_t)lines;
}

size_t sb_frequencies(sb_terms *terms, const uint32_t *words, size_t count, uint32_t *distinct, uint32_t *frequency) {
  size_t found = 0;
  for (size_t index = 0; index < count; index++) {
    if (terms->term_frequency[words[index]]++ == 0) distinct[found++] = words[index];
  }
  for (size_t index = 0; index < found; index++) {
    frequency[index] = terms->term_frequency[distinct[index]];
    terms->term_frequency[distinct[index]] = 0;
  }
  return found;
}

// MARK: Vectors

static inline __attribute__((always_inline)) void add_rows(sb_terms *terms, uint32_t used, float *out) {
  for (uint32_t index = 0; index < used; index++) {
    uint32_t token = terms->used[index];
    const int8_t *row = token_rows + (size_t)token * SB_DIMENSIONS;
    float factor = token_scales[token] * weight_of_count[terms->counts[token]];
    terms->counts[token] = 0;
    for (int component = 0; component < SB_DIMENSIONS; component++) out[component] += factor * (float)row[component];
  }
}

static inline __attribute__((always_inline)) void dots(const int8_t *query, const int8_t *rows, size_t count,
                                                       int32_t *out) {
  for (size_t index = 0; index < count; index++) {
    const int8_t *row = rows + index * SB_DIMENSIONS;
    int32_t sum = 0;
    for (int component = 0; component < SB_DIMENSIONS; component++) sum += query[component] * row[component];
    out[index] = sum;
  }
}

void sb_dots_plain(const int8_t *query, const int8_t *rows, size_t count, int32_t *out) { dots(query, rows, count, out); }

#if defined(__x86_64__)
// Products of int8 fit 16 bits and pairs of them 32: no step can saturate, and every variant gives the same integers.
__attribute__((target("avx512f,avx512bw"))) static void dots_avx512(const int8_t *query, const int8_t *rows,
                                                                    size_t count, int32_t *out) {
  __m512i wide[8];
  for (int part = 0; part < 8; part++) {
    wide[part] = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(query + 32 * part)));
  }
  for (size_t index = 0; index < count; index++) {
    const int8_t *row = rows + index * SB_DIMENSIONS;
    _mm_prefetch((const char *)row + 2048, _MM_HINT_T0);
    _mm_prefetch((const char *)row + 2112, _MM_HINT_T0);
    _mm_prefetch((const char *)row + 2176, _MM_HINT_T0);
    _mm_prefetch((const char *)row + 2240, _MM_HINT_T0);
    __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
    for (int part = 0; part < 8; part += 2) {
      const void *left = row + 32 * part, *right = row + 32 * part + 32;
      __m512i first = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)left));
      __m512i second = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)right));
      even = _mm512_add_epi32(even, _mm512_madd_epi16(wide[part], first));
      odd = _mm512_add_epi32(odd, _mm512_madd_epi16(wide[part + 1], second));
    }
    out[index] = _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
  }
}

__attribute__((target("avx2"))) static void dots_avx2(const int8_t *query, const int8_t *rows, size_t count,
                                                      int32_t *out) {
  for (size_t index = 0; index < count; index++) {
    const int8_t *row = rows + index * SB_DIMENSIONS;
    __m256i sum = _mm256_setzero_si256();
    for (int part = 0; part < 16; part++) {
      const void *left = query + 16 * part, *right = row + 16 * part;
      __m256i first = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)left));
      __m256i second = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)right));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(first, second));
    }
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    out[index] = _mm_cvtsi128_si32(half);
  }
}

__attribute__((target("avx512f"))) static void add_rows_avx512(sb_terms *terms, uint32_t used, float *out) {
  __m512 sum[16];
  for (int part = 0; part < 16; part++) sum[part] = _mm512_setzero_ps();
  for (uint32_t index = 0; index < used; index++) {
    uint32_t token = terms->used[index];
    const int8_t *row = token_rows + (size_t)token * SB_DIMENSIONS;
    __m512 factor = _mm512_set1_ps(token_scales[token] * weight_of_count[terms->counts[token]]);
    terms->counts[token] = 0;
    if (index + 4 < used) {
      const char *next = (const char *)token_rows + (size_t)terms->used[index + 4] * SB_DIMENSIONS;
      for (int line = 0; line < SB_DIMENSIONS; line += 64) _mm_prefetch(next + line, _MM_HINT_T0);
    }
    for (int part = 0; part < 16; part++) {
      const void *at = row + 16 * part;
      __m512 values = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)at)));
      sum[part] = _mm512_fmadd_ps(factor, values, sum[part]);
    }
  }
  for (int part = 0; part < 16; part++) _mm512_storeu_ps(out + 16 * part, sum[part]);
}

__attribute__((target("avx2,fma"))) static void add_rows_avx2(sb_terms *terms, uint32_t used, float *out) {
  add_rows(terms, used, out);
}

static int has_avx512(void) { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"); }
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

void sb_dots(const int8_t *query, const int8_t *rows, size_t count, int32_t *out) {
#if defined(__x86_64__)
  if (has_avx512()) {
    dots_avx512(query, rows, count, out);
    return;
  }
  if (has_avx2()) {
    dots_avx2(query, rows, count, out);
    return;
  }
#endif
  dots(query, rows, count, out);
}

static void sum_rows(sb_terms *terms, uint32_t used, float *out) {
  memset(out, 0, SB_DIMENSIONS * sizeof *out);
#if defined(__x86_64__)
  if (has_avx512()) {
    add_rows_avx512(terms, used, out);
    return;
  }
  if (has_avx2()) {
    add_rows_avx2(terms, used, out);
    return;
  }
#endif
  add_rows(terms, used, out);
}

/// FORMAT.md, Tokens → vector.
uint32_t sb_embed(sb_terms *terms, const uint32_t *words, size_t count, float *out) {
  uint32_t used = 0;
  for (size_t index = 0; index < count; index++) {
    uint32_t end = terms->token_start[words[index] + 1];
    for (uint32_t at = terms->token_start[words[index]]; at < end; at++) {
      uint32_t token = terms->tokens[at];
      uint16_t seen = terms->counts[token];
      if (seen == 0) terms->used[used++] = token;
      if (seen < SHORT_COUNTS - 1) terms->counts[token] = seen + 1;
    }
  }
  sum_rows(terms, used, out);
  sb_normalise(out);
  return used;
}

void sb_add(float *sum, const float *part, float weight) {
  for (int component = 0; component < SB_DIMENSIONS; component++) sum[component] += weight * part[component];
}

float sb_normalise(float *vector) {
  float lanes[16] = {0};
  for (int component = 0; component < SB_DIMENSIONS; component++) {
    lanes[component & 15] += vector[component] * vector[component];
  }
  float square = 0;
  for (int lane = 0; lane < 16; lane++) square += lanes[lane];
  float length = sqrtf(square);
  if (length > 0) {
    float factor = 1 / length;
    for (int component = 0; component < SB_DIMENSIONS; component++) vector[component] *= factor;
  }
  return length;
}

float sb_quantise(const float *vector, int8_t *out) {
  float largest = 0;
  for (int component = 0; component < SB_DIMENSIONS; component++) {
    float size = fabsf(vector[component]);
    if (size > largest) largest = size;
  }
  if (!(largest > 0)) {
    memset(out, 0, SB_DIMENSIONS);
    return 0;
  }
  // Adding 1.5 * 2^23 leaves no fraction bits: the hardware rounds to nearest, ties to even.
  const float rounder = 12582912.0f;
  float factor = 127 / largest;
  for (int component = 0; component < SB_DIMENSIONS; component++) {
    float scaled = vector[component] * factor + rounder;
    out[component] = (int8_t)(int32_t)(scaled - rounder);
  }
  return largest / 127;
}

// MARK: Postings

/// Seven bits a byte, lowest first. Most are one byte.
static inline uint32_t varint(const uint8_t **at, const uint8_t *end) {
  uint32_t value = 0;
  for (uint32_t shift = 0; *at < end && shift < 32; shift += 7) {
    uint8_t byte = *(*at)++;
    value |= (uint32_t)(byte & 0x7F) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

size_t sb_postings(const uint8_t *bytes, size_t count, const sb_slots *slots, uint8_t *extra, size_t capacity,
                   uint32_t *out_slots, uint16_t *out_frequencies) {
  const uint8_t *at = bytes, *end = bytes + count;
  size_t found = 0;
  uint64_t next = 0, row = 0;
  while (at < end) {
    row += varint(&at, end);
    uint32_t frequency = varint(&at, end);
    // A file that was made to lead astray may repeat a row or leave the segment.
    if (row < next || row >= slots->rows) continue;
    next = row + 1;
    for (int32_t slot = slots->slot_of_row[row]; slot >= 0; slot = slots->next_slot[slot]) {
      if (slots->gone && slots->gone[slot]) continue;
      if (found == capacity) return found;
      uint32_t sum = frequency;
      if (extra) {
        sum += extra[slot];
        extra[slot] = 0;
      }
      out_slots[found] = (uint32_t)slot;
      out_frequencies[found++] = sum > UINT16_MAX ? UINT16_MAX : (uint16_t)sum;
    }
  }
  return found;
}

void sb_bm25(const uint32_t *slots, const uint16_t *frequencies, size_t count, const float *norms, float gain,
             float *scores) {
  for (size_t index = 0; index < count; index++) {
    float frequency = frequencies[index];
    uint32_t slot = slots[index];
    scores[slot] += gain * frequency / (frequency + norms[slot]);
  }
}

void sb_scores(const int32_t *products, float scale, const float *content, const uint32_t *file_of_slot,
               const float *paths, const float *path, const float *keywords, size_t count, float *out) {
  for (size_t slot = 0; slot < count; slot++) {
    float vectors = (float)products[slot] * scale * content[slot];
    out[slot] = vectors + paths[file_of_slot[slot]] * path[slot];
  }
  if (!keywords) return;
  for (size_t slot = 0; slot < count; slot++) out[slot] += keywords[slot];
}
