/* One call of the library on catalogues read from a file, for counting its instructions:
 *   count FILE       with FILE: int64 n_reference, int64 n_target, then doubles x y x y ...
 * Prints the status and the number of pairs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kdmatch.h"

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    int64_t n[2];
    if (!file || fread(n, sizeof *n, 2, file) != 2 || n[0] < 1 || n[1] < 1 ||
        n[0] > KDMATCH_MAX_STARS || n[1] > KDMATCH_MAX_STARS) {
        fputs("usage: count FILE\n", stderr);
        return 2;
    }
    size_t values = 2 * (size_t)(n[0] + n[1]);
    double *xy = malloc(values * sizeof *xy);
    int64_t *pairs = malloc(2 * (size_t)n[0] * sizeof *pairs);
    if (!xy || !pairs || fread(xy, sizeof *xy, values, file) != values) {
        fputs("cannot read the catalogues\n", stderr);
        return 2;
    }
    fclose(file);
    kdmatch_options options = {.tolerance = 1, .scale_min = 0.5, .scale_max = 2, .max_shear = 0.1,
                               .max_false_alarm = 1e-4, .max_field_error = 1,
                               .max_candidates = 20000000, .max_work = 60000000};
    kdmatch_result result;
    kdmatch_status status = kdmatch_match(xy, n[0], xy + 2 * n[0], n[1], &options, &result, pairs);
    printf("%d %lld\n", (int)status, (long long)result.n_pairs);
    free(xy);
    free(pairs);
    return 0;
}
