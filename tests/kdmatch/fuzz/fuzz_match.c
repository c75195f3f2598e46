/* Fuzz target: bytes become two catalogues and options; whatever they are, the call must return, and a
 * match must hold what it states.
 *
 * With libFuzzer (clang):
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -Ikdmatch tests/kdmatch/fuzz/fuzz_match.c \
 *       kdmatch/[a-z]*.c -lm -o fuzz_match && ./fuzz_match tests/kdmatch/fuzz/corpus
 * With any compiler, -DSTANDALONE adds a main() that runs each file and `N` mutations of it:
 *   ./fuzz_match N FILE...
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kdmatch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#ifdef STANDALONE
static long matches = 0;
#endif

enum { HEADER = 4, MOST = 40 };

/* Two bytes a coordinate: the small numbers where ties live, now and then something extreme. */
static double coordinate(uint8_t high, uint8_t low, uint8_t style)
{
    double value = (double)high * 256 + low;
    switch (style % 8) {
    case 0:
        return high % 8; /* lattice */
    case 1:
        return value * 1e4 * (low % 2 ? 1 : -1);
    case 2:
        return value * 1e-300;
    case 3:
        return high < 255 ? value / 64 : (double)(low % 2 ? NAN : INFINITY);
    default:
        return value / 64;
    }
}

static void check(const kdmatch_result *r, const int64_t *pairs, const double *ref, int64_t n_ref,
                  const double *tgt, int64_t n_tgt)
{
    int64_t limit = n_ref < n_tgt ? n_ref : n_tgt;
    if (r->n_pairs < KDMATCH_MIN_PAIRS || r->n_pairs > limit || !isfinite(r->rms)) {
        abort();
    }
    for (int64_t i = 0; i < r->n_pairs; i++) {
        int64_t a = pairs[2 * i], b = pairs[2 * i + 1];
        if (a < 0 || a >= n_ref || b < 0 || b >= n_tgt || (i > 0 && a <= pairs[2 * i - 2])) {
            abort();
        }
        const double *m = r->affine;
        double x = m[0] * ref[2 * a] + m[1] * ref[2 * a + 1] + m[2] - tgt[2 * b];
        double y = m[3] * ref[2 * a] + m[4] * ref[2 * a + 1] + m[5] - tgt[2 * b + 1];
        if (!(sqrt(x * x + y * y) <= r->tolerance * (1 + 1e-9) + 1e-3)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEADER) {
        return 0;
    }
    size_t rows = (size - HEADER) / 4, split = rows * data[0] / 255;
    int64_t n_ref = (int64_t)(split < MOST ? split : MOST);
    int64_t n_tgt = (int64_t)(rows - split < MOST ? rows - split : MOST);
    kdmatch_options options = {.tolerance = exp2((data[1] % 32) / 2.0 - 6),
                               .scale_min = 0.5, .scale_max = 2, .max_shear = (data[3] % 64) / 63.0,
                               .max_false_alarm = 0.9, .max_field_error = INFINITY,
                               .prior = {1, 0, 0, 0, 1, 0}, .max_candidates = 20000, .max_work = 20000000,
                               .has_prior = data[2] & 1, .allow_reflection = (data[2] >> 1) & 1};
    double *ref = calloc(2 * (size_t)n_ref + 1, sizeof *ref);
    double *tgt = calloc(2 * (size_t)n_tgt + 1, sizeof *tgt);
    int64_t capacity = n_ref < n_tgt ? n_ref : n_tgt;
    int64_t *pairs = calloc(2 * (size_t)capacity + 1, sizeof *pairs); /* no more than promised */
    kdmatch_result result;
    if (!ref || !tgt || !pairs) {
        abort();
    }
    for (int64_t i = 0; i < 2 * n_ref; i++) {
        const uint8_t *at = data + HEADER + 2 * i;
        ref[i] = coordinate(at[0], at[1], data[2] >> 2);
    }
    for (int64_t i = 0; i < 2 * n_tgt; i++) {
        const uint8_t *at = data + HEADER + 4 * split + 2 * i;
        tgt[i] = coordinate(at[0], at[1], data[2] >> 2);
    }
    if (kdmatch_match(ref, n_ref, tgt, n_tgt, &options, &result, pairs) == KDMATCH_OK) {
        check(&result, pairs, ref, n_ref, tgt, n_tgt);
#ifdef STANDALONE
        matches++;
#endif
    }
    free(ref);
    free(tgt);
    free(pairs);
    return 0;
}

#ifdef STANDALONE
static uint64_t state = 1;

static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static size_t mutate(uint8_t *data, size_t size, size_t capacity)
{
    for (uint32_t changes = 1 + draw(8); changes > 0 && size > 0; changes--) {
        size_t at = draw((uint32_t)size);
        switch (draw(4)) {
        case 0:
            data[at] = (uint8_t)draw(256);
            break;
        case 1: /* repeat a stretch elsewhere: duplicated stars */
            for (size_t from = draw((uint32_t)size), n = draw(32); n > 0; n--) {
                data[(at + n) % size] = data[(from + n) % size];
            }
            break;
        case 2:
            size = size > 8 && draw(2) ? size - draw(8) : size;
            break;
        default:
            while (size < capacity && draw(6)) {
                data[size++] = (uint8_t)draw(256);
            }
        }
    }
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t original[4096], data[4096];
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    for (int i = 2; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            perror(argv[i]);
            return 2;
        }
        size_t size = fread(original, 1, sizeof original, file);
        fclose(file);
        LLVMFuzzerTestOneInput(original, size);
        memcpy(data, original, size);
        size_t now = size;
        for (long round = 0; round < rounds; round++) {
            now = mutate(data, now, sizeof data);
            LLVMFuzzerTestOneInput(data, now);
            if (round % 20 == 19) {
                memcpy(data, original, size);
                now = size;
            }
        }
    }
    printf("%d files, %ld mutations each, %ld matches\n", argc - 2, rounds, matches);
    return 0;
}
#endif
