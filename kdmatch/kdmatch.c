/* The public calls: check the arguments, open both catalogues, search, decide, report. */
#include "kdmatch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Another answer with this share of the pairs of the best makes the matter ambiguous. */
static const double RIVAL_SHARE = 0.8;

/* Both axes share the inverse moments G of [x y 1]; with the residuals' 2 x 2 covariance S (n - 3
 * degrees of freedom) the covariance of the six is the Kronecker product of S and G. */
static void covariance(const verifier *v, const answer *best, double out[36])
{
    const fit *f = &best->fit;
    double sigma[2][2] = {{0, 0}, {0, 0}};
    for (int32_t i = 0; i < best->pairs.n; i++) {
        point to = apply(&f->map, v->ref->star[best->pairs.ref[i]]);
        point at = v->tgt->star[best->pairs.tgt[i]];
        double d[2] = {at.x - to.x, at.y - to.y};
        for (int k = 0; k < 4; k++) {
            sigma[k / 2][k % 2] += d[k / 2] * d[k % 2] / (best->pairs.n - 3);
        }
    }
    double mx = f->mean.x + v->ref->origin.x, my = f->mean.y + v->ref->origin.y;
    double gx = -(f->ixx * mx + f->ixy * my), gy = -(f->ixy * mx + f->iyy * my);
    double g[3][3] = {{f->ixx, f->ixy, gx},
                      {f->ixy, f->iyy, gy},
                      {gx, gy, 1.0 / f->n - gx * mx - gy * my}};
    for (int i = 0; i < 36; i++) {
        int row = i / 6, column = i % 6;
        out[i] = sigma[row / 3][column / 3] * g[row % 3][column % 3];
    }
}

typedef struct {
    int64_t ref, tgt;
} row_pair;

static int by_row(const void *left, const void *right)
{
    int64_t l = ((const row_pair *)left)->ref, r = ((const row_pair *)right)->ref;
    return l < r ? -1 : l > r;
}

static void report(const verifier *v, const answer *best, kdmatch_result *result, int64_t *pairs)
{
    const affine *m = &best->fit.map;
    point from = v->ref->origin, to = v->tgt->origin;
    double affine_out[6] = {m->a, m->b, m->c + to.x - m->a * from.x - m->b * from.y,
                            m->d, m->e, m->f + to.y - m->d * from.x - m->e * from.y};
    memcpy(result->affine, affine_out, sizeof affine_out);
    covariance(v, best, result->covariance);
    result->rms = best->fit.rms;
    result->tolerance = best->fit.tolerance;
    result->n_pairs = best->pairs.n;
    for (int32_t i = 0; i < best->pairs.n; i++) {
        pairs[2 * i] = v->ref->row[best->pairs.ref[i]];
        pairs[2 * i + 1] = v->tgt->row[best->pairs.tgt[i]];
    }
    qsort(pairs, (size_t)best->pairs.n, sizeof(row_pair), by_row);
}

static kdmatch_status decide(const verifier *v, const answer *best, kdmatch_result *result,
                             int64_t *pairs)
{
    const kdmatch_options *options = v->options;
    result->needed_pairs = chance_needed(v);
    result->log10_false_alarm = best->found ? best->chance : 0;
    if (!best->found || best->chance >= log10(options->max_false_alarm)) {
        result->reason = result->n_candidates >= options->max_candidates ? KDMATCH_REASON_BUDGET
                                                                         : KDMATCH_REASON_CHANCE;
        return KDMATCH_NO_MATCH;
    }
    if (best->rival_pairs >= RIVAL_SHARE * best->pairs.n) {
        result->reason = KDMATCH_REASON_AMBIGUOUS;
        return KDMATCH_NO_MATCH;
    }
    if (field_error(&best->fit, v->ref, options->tolerance) > options->max_field_error) {
        result->reason = KDMATCH_REASON_UNDETERMINED;
        return KDMATCH_NO_MATCH;
    }
    report(v, best, result, pairs);
    return KDMATCH_OK;
}

static kdmatch_status match_catalogues(const catalogue *ref, const catalogue *tgt,
                                       const kdmatch_options *options, kdmatch_result *result,
                                       int64_t *pairs)
{
    result->n_reference = ref->n;
    result->n_target = tgt->n;
    if (ref->n < KDMATCH_MIN_PAIRS || tgt->n < KDMATCH_MIN_PAIRS) {
        result->reason = KDMATCH_REASON_TOO_FEW;
        return KDMATCH_NO_MATCH;
    }
    if (!(ref->area > 0) || !(tgt->area > 0)) {
        result->reason = KDMATCH_REASON_COLLINEAR;
        return KDMATCH_NO_MATCH;
    }
    verifier v;
    answer best = {.found = false};
    kdmatch_status status = KDMATCH_NO_MEMORY;
    if (verifier_open(&v, ref, tgt, options)) {
        if (pairs_open(&best.pairs, ref->n)) {
            status = search_best(&v, result, &best);
        }
        if (status == KDMATCH_OK) {
            status = decide(&v, &best, result, pairs);
        }
        pairs_close(&best.pairs);
        verifier_close(&v);
    }
    return status;
}

static bool options_are_valid(const kdmatch_options *o)
{
    bool limits = o->tolerance > 0 && o->tolerance <= KDMATCH_MAX_COORDINATE && o->scale_min > 0 &&
                  o->scale_max >= o->scale_min && o->scale_max <= 1e6 && o->max_shear >= 0 &&
                  o->max_shear <= 1;
    bool decision = o->max_false_alarm > 0 && o->max_false_alarm < 1 && o->max_candidates > 0 &&
                    o->max_field_error > 0;
    for (int i = 0; o->has_prior && i < 6; i++) {
        limits = limits && isfinite(o->prior[i]);
    }
    return limits && decision;
}

kdmatch_status kdmatch_match(const double *reference, int64_t n_reference, const double *target,
                             int64_t n_target, const kdmatch_options *options,
                             kdmatch_result *result, int64_t *pairs)
{
    if (!options || !result || !pairs || !options_are_valid(options)) {
        return KDMATCH_BAD_ARGUMENT;
    }
    memset(result, 0, sizeof *result);
    catalogue ref, tgt;
    kdmatch_status status = catalogue_open(&ref, reference, n_reference);
    if (status != KDMATCH_OK) {
        return status;
    }
    status = catalogue_open(&tgt, target, n_target);
    if (status == KDMATCH_OK) {
        status = match_catalogues(&ref, &tgt, options, result, pairs);
        catalogue_close(&tgt);
    }
    catalogue_close(&ref);
    return status;
}

int32_t kdmatch_abi(void)
{
    return KDMATCH_ABI;
}

int64_t kdmatch_sizeof_options(void)
{
    return (int64_t)sizeof(kdmatch_options);
}

int64_t kdmatch_sizeof_result(void)
{
    return (int64_t)sizeof(kdmatch_result);
}

#ifndef KDMATCH_BUILD_KEY
#define KDMATCH_BUILD_KEY ""
#endif

const char *kdmatch_build_key(void)
{
    return KDMATCH_BUILD_KEY;
}
