// The built-in embedding model and the arithmetic on it. Text to words to tokens to vectors is specified in
// ../model/FORMAT.md; everything here follows it to the bit.
#ifndef SIGNALBOX_CMODEL_H
#define SIGNALBOX_CMODEL_H

#include <stddef.h>
#include <stdint.h>

/// Components of every vector.
#define SB_DIMENSIONS 256

/// The model file as it was compiled in.
const uint8_t *sb_model_bytes(size_t *count);

/// What the model is and what it was made from, as text: FORMAT.md and SOURCES.md.
const uint8_t *sb_model_notice(size_t *count);

/// Number of tokens; 0 when the embedded file is not what FORMAT.md describes.
uint32_t sb_model_tokens(void);

/// Words seen so far, each with a dense number (a "term"), and the model's tokens of every term. One thread at a time.
typedef struct sb_terms sb_terms;

/// NULL when there is no memory.
sb_terms *sb_terms_new(void);
void sb_terms_free(sb_terms *terms);
/// Forgets every term.
void sb_terms_reset(sb_terms *terms);
uint32_t sb_terms_count(const sb_terms *terms);
/// One 64-bit FNV-1a hash a term, in the order of their numbers. Valid until the next split.
const uint64_t *sb_terms_hashes(const sb_terms *terms);

/// Splits text into words and writes the term of each to `out`, which has room for `count` entries (a word has at
/// least one byte). Returns the number of words, or -1 when there is no memory.
int64_t sb_split(sb_terms *terms, const uint8_t *text, size_t count, uint32_t *out);

/// The same for each line of the text: word `line_words[i]` is the first of line i, `line_words[lines]` the end;
/// `line_bytes` likewise. Both have room for `lines_max` + 1 entries. Returns the number of lines (an empty text has
/// none; what follows the last line feed counts only if it is not empty), or -1 when there is no memory.
int64_t sb_split_lines(sb_terms *terms, const uint8_t *text, size_t count, uint32_t *out, uint32_t *line_words,
                       uint32_t *line_bytes, size_t lines_max);

/// Number of tokens of one term, and the tokens.
uint32_t sb_term_tokens(const sb_terms *terms, uint32_t term, const uint32_t **tokens);

/// The unit-length vector of these words; all zero when they have no token. Returns the number of distinct tokens.
uint32_t sb_embed(sb_terms *terms, const uint32_t *words, size_t count, float *out);

/// Distinct terms of these words with how often each occurs. `distinct` and `frequency` have room for `count`.
size_t sb_frequencies(sb_terms *terms, const uint32_t *words, size_t count, uint32_t *distinct, uint32_t *frequency);

/// sum += weight * part, over SB_DIMENSIONS.
void sb_add(float *sum, const float *part, float weight);

/// Scales to length 1; returns the length it had (0: left as it was).
float sb_normalise(float *vector);

/// round(127 v / max|v|), ties to even; returns the scale max|v| / 127 (0 for the zero vector).
float sb_quantise(const float *vector, int8_t *out);

/// Exact inner products of one int8 vector with `count` rows that lie one behind another.
void sb_dots(const int8_t *query, const int8_t *rows, size_t count, int32_t *out);
/// The same by a plain loop: what every faster one must equal.
void sb_dots_plain(const int8_t *query, const int8_t *rows, size_t count, int32_t *out);

/// Where the rows of a segment are in a generation.
typedef struct {
  /// The first slot of each row, -1 for none; and the next slot of the same row for each slot, -1 for none.
  const int32_t *slot_of_row, *next_slot;
  /// Non-zero for a slot that is there no more; NULL when all are there.
  const uint8_t *gone;
  size_t rows;
} sb_slots;

/// Takes a posting list apart: varint(difference of rows) varint(frequency), rows rising. Writes slot and frequency for
/// every slot that is there, at most `capacity`, and returns how many. `extra` (or NULL) holds what is added to the
/// frequency of a slot, and is set to 0 where it was.
size_t sb_postings(const uint8_t *bytes, size_t count, const sb_slots *slots, uint8_t *extra, size_t capacity,
                   uint32_t *out_slots, uint16_t *out_frequencies);

/// scores[slot] += gain * frequency / (frequency + norms[slot])
void sb_bm25(const uint32_t *slots, const uint16_t *frequencies, size_t count, const float *norms, float gain,
             float *scores);

/// out[slot] = products[slot] * scale * content[slot] + paths[file_of_slot[slot]] * path[slot] + keywords[slot], the last
/// left out when it is NULL.
void sb_scores(const int32_t *products, float scale, const float *content, const uint32_t *file_of_slot,
               const float *paths, const float *path, const float *keywords, size_t count, float *out);

#endif
