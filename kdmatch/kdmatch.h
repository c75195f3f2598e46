/* kdmatch: the affine map between two star catalogues, or a refusal.
 *
 * Public interface of the C library. No state is kept between calls and none is shared: any number
 * of threads may call at once. The algorithm and the false-alarm model are described in README.md.
 */
#ifndef KDMATCH_H
#define KDMATCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KDMATCH_API __attribute__((visibility("default")))
#else
#define KDMATCH_API
#endif

#define KDMATCH_ABI 2             /* raised whenever a struct below changes */
#define KDMATCH_MAX_STARS 1000000 /* rows per catalogue; every allocation is bounded by it */
#define KDMATCH_MAX_COORDINATE 1e9 /* products of two such areas stay far from overflow */

typedef enum {
    KDMATCH_OK = 0,
    KDMATCH_NO_MATCH = 1, /* see kdmatch_result.reason */
    KDMATCH_BAD_ARGUMENT = 2,
    KDMATCH_NO_MEMORY = 3
} kdmatch_status;

typedef enum {
    KDMATCH_REASON_NONE = 0,
    KDMATCH_REASON_TOO_FEW = 1,    /* fewer than KDMATCH_MIN_PAIRS distinct stars in a catalogue */
    KDMATCH_REASON_COLLINEAR = 2,  /* a catalogue lies on a line: no affine map is determined */
    KDMATCH_REASON_CHANCE = 3,     /* the best agreement may be chance */
    KDMATCH_REASON_AMBIGUOUS = 4,  /* two different maps explain the catalogues about equally well */
    KDMATCH_REASON_BUDGET = 5,     /* max_candidates or max_work was used up before anything convinced */
    KDMATCH_REASON_UNDETERMINED = 6, /* the pairs leave the map uncertain at a star of either list */
    KDMATCH_REASON_LIMITS = 7,     /* the map is outside the limits on scale, shear or reflection */
    KDMATCH_REASON_DISTORTED = 8   /* the residuals show that no affine map holds over the field */
} kdmatch_reason;

#define KDMATCH_DEGREE 5 /* of the polynomial that a distorted field may follow */
#define KDMATCH_TERMS 21 /* that it has */
#define KDMATCH_MIN_PAIRS 4 /* three pairs fix an affine map, the fourth is the first evidence */

typedef struct {
    double tolerance;       /* greatest residual of a pair [target pixel], > 0; see README */
    double scale_min;       /* sqrt(|det|) of the linear part, > 0 */
    double scale_max;
    double max_shear;       /* principal scales differ at most as under this shear, 0 to 1 */
    double max_false_alarm; /* accept only below this probability of chance, 0 < p < 1 */
    double max_field_error; /* greatest 1-sigma error of the map at a star of either list, > 0 */
    double prior[6];        /* a b c d e f expected; only a b d e are used, to order the work */
    int64_t max_candidates; /* pairs of quadrilaterals looked at */
    int64_t max_work;       /* bound on the search, in units of 5 to 20 ns */
    int32_t has_prior;
    int32_t allow_reflection;
} kdmatch_options;

typedef struct {
    double affine[6];      /* a b c d e f: x_t = a x + b y + c, y_t = d x + e y + f */
    double covariance[36]; /* of these six, row by row */
    double rms;            /* root of the mean squared distance of the pairs [target pixel] */
    double tolerance;      /* with which the pairs were chosen: wider than asked if they are noisy */
    double log10_false_alarm;
    double log10_distortion_odds; /* evidence that the true map is not affine, over that it is */
    double departure;      /* greatest expected error of the map at a star that both fields hold */
    double error_centre[2]; /* of the polynomial terms u^(d-j) v^j sqrt(binomial(d, j)), d = 0 to 5: */
    double error_scale;     /* u = (x - centre) / scale, v likewise */
    double error_form[2][KDMATCH_TERMS][KDMATCH_TERMS]; /* squared error in x_t, y_t */
    int64_t n_work;        /* done, in units of max_work */
    int64_t n_pairs;
    int64_t n_reference; /* distinct stars */
    int64_t n_target;
    int64_t n_reference_quads;
    int64_t n_target_quads;
    int64_t n_candidates;  /* pairs of quadrilaterals with equal invariants */
    int64_t n_plausible;   /* of those, with a map inside the limits */
    int64_t n_verified;    /* of those, compared with the whole catalogues */
    int64_t best_pairs;    /* most one-to-one pairs that any map reached */
    int64_t needed_pairs;  /* fewest that would convince with residuals up to the tolerance; 0: none */
    int32_t reason;
    int32_t padding;
} kdmatch_result;

/* Match two catalogues of n rows (x, y). `pairs` receives rows (reference, target), sorted by the
 * reference row, and must hold min(n_reference, n_target) of them. */
KDMATCH_API kdmatch_status kdmatch_match(const double *reference, int64_t n_reference,
                                         const double *target, int64_t n_target,
                                         const kdmatch_options *options, kdmatch_result *result,
                                         int64_t *pairs);

/* What a caller in another language checks before its first call. */
KDMATCH_API int32_t kdmatch_abi(void);
KDMATCH_API int64_t kdmatch_sizeof_options(void);
KDMATCH_API int64_t kdmatch_sizeof_result(void);
/* Digest of the sources, flags and compiler that made the library; empty if not given. */
KDMATCH_API const char *kdmatch_build_key(void);

#ifdef __cplusplus
}
#endif

#endif
